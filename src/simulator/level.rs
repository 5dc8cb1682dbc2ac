/// Calls allowed in a second, in a minute and in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) second: u64,
    pub(super) minute: u64,
    pub(super) day: u64,
}

impl Limits {
    /// So many calls in a second, in a minute, in a day.
    #[must_use]
    pub const fn new(second: u64, minute: u64, day: u64) -> Self {
        Self {
            second,
            minute,
            day,
        }
    }

    /// Calls allowed in a second.
    #[must_use]
    pub const fn per_second(self) -> u64 {
        self.second
    }

    /// Calls allowed in a minute.
    #[must_use]
    pub const fn per_minute(self) -> u64 {
        self.minute
    }

    /// Calls allowed in a day.
    #[must_use]
    pub const fn per_day(self) -> u64 {
        self.day
    }

    pub(super) fn any_is_zero(self) -> bool {
        self.second == 0 || self.minute == 0 || self.day == 0
    }
}

/// The access level of the developer app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// 10 a second, 600 a minute, 864,000 a day.
    #[default]
    Basic,
    /// 20 a second, 1,200 a minute, 1,728,000 a day.
    Advanced,
    /// 30 a second, 1,800 a minute, 2,592,000 a day.
    Premium,
    /// 50 a second, 3,000 a minute, 4,320,000 a day.
    Ultimate,
    /// 1 a second, 30 a minute, 1,000 a day, for each endpoint, with nothing
    /// shared between endpoints.
    Sandbox,
    /// Limits of your own. The table of endpoint limits does not apply then:
    /// give endpoints theirs with [`endpoint`](super::SimulatorBuilder::endpoint).
    Custom(Limits),
}

impl Level {
    /// Limits of your own: calls in a second, in a minute, in a day.
    #[must_use]
    pub const fn custom(second: u64, minute: u64, day: u64) -> Self {
        Self::Custom(Limits::new(second, minute, day))
    }

    /// The limits of this level.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Basic => Limits::new(10, 600, 864_000),
            Self::Advanced => Limits::new(20, 1_200, 1_728_000),
            Self::Premium => Limits::new(30, 1_800, 2_592_000),
            Self::Ultimate => Limits::new(50, 3_000, 4_320_000),
            Self::Sandbox => Limits::new(1, 30, 1_000),
            Self::Custom(limits) => limits,
        }
    }

    /// The limits that an endpoint, such as `/ad/create/`, has of its own at
    /// this level, if it has any.
    #[must_use]
    pub fn endpoint_limits(self, path: &str) -> Option<Limits> {
        let column = match self {
            Self::Basic => 0,
            Self::Advanced => 1,
            Self::Premium => 2,
            Self::Ultimate => 3,
            Self::Sandbox | Self::Custom(_) => return None,
        };
        let (_, limits) = ENDPOINTS.iter().find(|(paths, _)| paths.contains(&path))?;
        Some(limits[column])
    }
}

/// Where the developer app's limits are counted. The documentation says both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// One budget for all endpoints together.
    AppWide,
    /// A budget of the same size for each endpoint.
    PerEndpoint,
    /// Both at once, the strictest reading.
    #[default]
    Both,
}

const CREATIVE: [Limits; 4] = [
    Limits::new(1, 30, 5_000),
    Limits::new(2, 60, 10_000),
    Limits::new(3, 180, 15_000),
    Limits::new(3, 180, 15_000),
];
const fn same(limits: Limits) -> [Limits; 4] {
    [limits; 4]
}
const fn twice(low: Limits, high: Limits) -> [Limits; 4] {
    [low, low, high, high]
}

/// Basic, Advanced, Premium, Ultimate.
const ENDPOINTS: &[(&[&str], [Limits; 4])] = &[
    (
        &["/ad/create/"],
        [
            Limits::new(5, 150, 86_400),
            Limits::new(10, 200, 86_400),
            Limits::new(10, 300, 86_400),
            Limits::new(15, 300, 86_400),
        ],
    ),
    (
        &[
            "/creative/quick_optimization/create/",
            "/creative/smart_video/create/",
            "/video_template/task/create/",
        ],
        CREATIVE,
    ),
    (
        &["/catalog/product/file/", "/catalog/product/upload/"],
        twice(Limits::new(5, 300, 432_000), Limits::new(10, 600, 864_000)),
    ),
    (
        &["/catalog/product/update/", "/catalog/product/delete/"],
        twice(Limits::new(2, 120, 172_800), Limits::new(5, 300, 432_000)),
    ),
    // The rate-limit page says 2 a second, the endpoint's page and the FAQ
    // say 1: the stricter.
    (&["/report/task/create/"], same(Limits::new(1, 60, 4_500))),
    (
        &["/campaign/copy/task/create/"],
        same(Limits::new(1, 30, 432_000)),
    ),
    (
        &["/campaign/copy/task/check/"],
        same(Limits::new(2, 60, 864_000)),
    ),
    (
        &["/gmv_max/report/get/"],
        [
            Limits::new(8, 240, 20_000),
            Limits::new(12, 360, 30_000),
            Limits::new(20, 600, 50_000),
            Limits::new(20, 600, 50_000),
        ],
    ),
    (
        &[
            "/event/track/",
            "/app/track/",
            "/app/batch/",
            "/pixel/track/",
            "/pixel/batch/",
            "/offline/track/",
            "/offline/batch/",
        ],
        same(Limits::new(1_000, 600_000, 86_400_000)),
    ),
];
