use std::{error::Error, fmt, num::NonZeroU32, str::FromStr};

use crate::request_pacing::Quota;

/// The access level of a developer app. TikTok shows it in the developer
/// portal, and raises it one step at a time on request.
///
/// # Example
/// ```
/// use tower_tiktok::tiktok::quotas::AccessLevel;
///
/// assert_eq!("premium".parse(), Ok(AccessLevel::Premium));
/// assert_eq!(AccessLevel::Premium.limits().per_second(), 30);
/// // Calls in a second, in a minute, in a day.
/// let own: AccessLevel = "15/900/1296000".parse()?;
/// assert_eq!(own.to_string(), "15/900/1296000");
/// # Ok::<(), tower_tiktok::tiktok::quotas::InvalidAccessLevel>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessLevel {
    /// What every app begins with: 10 calls a second, 600 a minute, 864,000 a
    /// day.
    #[default]
    Basic,
    /// 20 a second, 1,200 a minute, 1,728,000 a day.
    Advanced,
    /// 30 a second, 1,800 a minute, 2,592,000 a day.
    Premium,
    /// 50 a second, 3,000 a minute, 4,320,000 a day.
    Ultimate,
    /// The sandbox: 1 a second, 30 a minute, 1,000 a day, to each endpoint.
    Sandbox,
    /// Limits of your own. The table of endpoints with limits of their own
    /// does not apply then; give them theirs with
    /// [`endpoint`](super::TikTokQuotasBuilder::endpoint).
    Custom(Limits),
}

/// Calls in a second, in a minute, and in a day from 00:00 UTC on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    second: NonZeroU32,
    minute: NonZeroU32,
    day: NonZeroU32,
}

/// No level has this name, or a limit admits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAccessLevel(());

// ===== impl Limits =====

impl Limits {
    /// So many calls in a second, in a minute, in a day.
    #[must_use]
    pub const fn new(second: NonZeroU32, minute: NonZeroU32, day: NonZeroU32) -> Self {
        Self {
            second,
            minute,
            day,
        }
    }

    /// For tables, which are checked when they are compiled.
    pub(super) const fn of(second: u32, minute: u32, day: u32) -> Self {
        const NONE: &str = "a limit of the table admits nothing";
        Self {
            second: NonZeroU32::new(second).expect(NONE),
            minute: NonZeroU32::new(minute).expect(NONE),
            day: NonZeroU32::new(day).expect(NONE),
        }
    }

    /// Calls in a second.
    #[must_use]
    pub const fn per_second(self) -> u32 {
        self.second.get()
    }

    /// Calls in a minute.
    #[must_use]
    pub const fn per_minute(self) -> u32 {
        self.minute.get()
    }

    /// Calls in a day.
    #[must_use]
    pub const fn per_day(self) -> u32 {
        self.day.get()
    }
}

impl From<Limits> for Quota {
    fn from(limits: Limits) -> Self {
        Self::requests_per_second(limits.per_second())
            .and_requests_per_minute(limits.per_minute())
            .and_requests_per_day_utc(limits.per_day())
    }
}

// ===== impl AccessLevel =====

impl AccessLevel {
    /// What the level admits: to the app as a whole; in the sandbox, to each
    /// endpoint.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Basic => Limits::of(10, 600, 864_000),
            Self::Advanced => Limits::of(20, 1_200, 1_728_000),
            Self::Premium => Limits::of(30, 1_800, 2_592_000),
            Self::Ultimate => Limits::of(50, 3_000, 4_320_000),
            Self::Sandbox => Limits::of(1, 30, 1_000),
            Self::Custom(limits) => limits,
        }
    }

    /// The limits that an endpoint, such as `/ad/create/`, has of its own at
    /// this level, if it has any.
    #[must_use]
    pub fn endpoint_limits(self, path: &str) -> Option<Limits> {
        super::table::own(self).find_map(|(own, limits)| (own == path).then_some(limits))
    }
}

/// The names of the levels in small letters, or limits as `10/600/864000`.
impl FromStr for AccessLevel {
    type Err = InvalidAccessLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "basic" => Self::Basic,
            "advanced" => Self::Advanced,
            "premium" => Self::Premium,
            "ultimate" => Self::Ultimate,
            "sandbox" => Self::Sandbox,
            _ => {
                let mut numbers = text.split('/').map(str::parse);
                let mut next = || numbers.next();
                match (next(), next(), next(), next()) {
                    (Some(Ok(second)), Some(Ok(minute)), Some(Ok(day)), None) => {
                        Self::Custom(Limits::new(second, minute, day))
                    }
                    _ => return Err(InvalidAccessLevel(())),
                }
            }
        })
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "basic",
            Self::Advanced => "advanced",
            Self::Premium => "premium",
            Self::Ultimate => "ultimate",
            Self::Sandbox => "sandbox",
            Self::Custom(limits) => {
                let Limits {
                    second,
                    minute,
                    day,
                } = limits;
                return write!(f, "{second}/{minute}/{day}");
            }
        })
    }
}

impl fmt::Display for InvalidAccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("want a level's name, or three limits as 10/600/864000")
    }
}

impl Error for InvalidAccessLevel {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_level() -> impl Strategy<Value = AccessLevel> {
        let own = (
            any::<NonZeroU32>(),
            any::<NonZeroU32>(),
            any::<NonZeroU32>(),
        );
        prop_oneof![
            Just(AccessLevel::Basic),
            Just(AccessLevel::Advanced),
            Just(AccessLevel::Premium),
            Just(AccessLevel::Ultimate),
            Just(AccessLevel::Sandbox),
            own.prop_map(|(a, b, c)| AccessLevel::Custom(Limits::new(a, b, c))),
        ]
    }

    proptest! {
        #[test]
        fn a_level_reads_what_it_writes(level in any_level()) {
            prop_assert_eq!(level.to_string().parse(), Ok(level));
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,30}") {
            let _ = text.parse::<AccessLevel>();
        }
    }

    #[test]
    fn what_is_no_level_is_an_error() {
        for text in [
            "", "Basic", "10", "10/600", "0/600/9", "1/2/3/4", "1/2/3/x", "-1/2/3",
        ] {
            assert!(text.parse::<AccessLevel>().is_err(), "{text}");
        }
    }
}
