use std::{error::Error, fmt, time::Duration};

/// How many requests a scope may get in each of several windows.
///
/// A request is released when every window has room for it.
///
/// # Example
/// ```
/// use tower_tiktok::request_pacing::Quota;
///
/// // Ten requests in any second, and no more than 600 in any minute.
/// let quota = Quota::requests_per_second(10).and_requests_per_minute(600);
/// assert_eq!(quota.windows().len(), 2);
/// assert!(quota.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    windows: Vec<Window>,
}

/// One window of a [`Quota`]: so many requests in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    requests: u32,
    span: Span,
}

/// Over which time a [`Window`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Span {
    /// Any stretch of time of this length, wherever it begins. So it holds for
    /// fixed windows too, whatever their phase.
    Any(Duration),
    /// The calendar day, from 00:00 UTC to 00:00 UTC.
    DayUtc,
}

impl Quota {
    /// Nothing is known of what is admitted: it is learned from refusals. A few
    /// go at first, and twice as many as long as none is refused.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            windows: Vec::new(),
        }
    }

    /// So many requests in any second.
    #[must_use]
    pub fn requests_per_second(requests: u32) -> Self {
        Self::requests_in_any(requests, Duration::from_secs(1))
    }

    /// So many requests in any minute.
    #[must_use]
    pub fn requests_per_minute(requests: u32) -> Self {
        Self::requests_in_any(requests, Duration::from_secs(60))
    }

    /// So many requests in any stretch of time of this length.
    #[must_use]
    pub fn requests_in_any(requests: u32, time: Duration) -> Self {
        Self {
            windows: Vec::with_capacity(3),
        }
        .and_requests_in_any(requests, time)
    }

    /// So many requests from one 00:00 UTC to the next.
    #[must_use]
    pub fn requests_per_day_utc(requests: u32) -> Self {
        Self {
            windows: Vec::with_capacity(1),
        }
        .and_requests_per_day_utc(requests)
    }

    /// And no more than so many in any second.
    #[must_use]
    pub fn and_requests_per_second(self, requests: u32) -> Self {
        self.and_requests_in_any(requests, Duration::from_secs(1))
    }

    /// And no more than so many in any minute.
    #[must_use]
    pub fn and_requests_per_minute(self, requests: u32) -> Self {
        self.and_requests_in_any(requests, Duration::from_secs(60))
    }

    /// And no more than so many in any stretch of time of this length.
    #[must_use]
    pub fn and_requests_in_any(mut self, requests: u32, time: Duration) -> Self {
        let span = Span::Any(time);
        self.windows.push(Window { requests, span });
        self
    }

    /// And no more than so many from one 00:00 UTC to the next.
    #[must_use]
    pub fn and_requests_per_day_utc(mut self, requests: u32) -> Self {
        let span = Span::DayUtc;
        self.windows.push(Window { requests, span });
        self
    }

    /// The windows, in the order in which they were named.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Whether a layer takes it.
    ///
    /// # Errors
    /// When a window admits nothing, lasts no time or longer than a week, or is
    /// named twice.
    pub fn validate(&self) -> Result<(), InvalidQuota> {
        for (n, window) in self.windows.iter().enumerate() {
            let mut before = self.windows.iter().take(n);
            if before.any(|other| other.span == window.span) {
                return Err(InvalidQuota::Twice(window.span));
            }
            if window.requests == 0 {
                return Err(InvalidQuota::NoRequests);
            }
            if let Span::Any(time) = window.span
                && !(SHORTEST..=LONGEST).contains(&time)
            {
                return Err(InvalidQuota::Time(time));
            }
        }
        Ok(())
    }
}

pub(super) const SHORTEST: Duration = Duration::from_millis(10);
pub(super) const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Those windows, as they come. None: as [`Quota::unknown`].
impl FromIterator<Window> for Quota {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        Self {
            windows: windows.into_iter().collect(),
        }
    }
}

impl Window {
    /// So many requests in so long.
    #[must_use]
    pub fn new(requests: u32, span: Span) -> Self {
        Self { requests, span }
    }

    pub(super) fn with_requests(self, requests: u32) -> Self {
        Self { requests, ..self }
    }

    /// How many requests it admits.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Over which time it counts.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }
}

/// The quota lets nothing go, or its time makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidQuota {
    /// A window admits no request. To let nothing go for a while, pause.
    NoRequests,
    /// A window is shorter than 10 milliseconds or longer than a week.
    Time(Duration),
    /// Two windows count over the same time.
    Twice(Span),
}

impl fmt::Display for InvalidQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRequests => f.write_str("a window admits no request"),
            Self::Time(time) => write!(f, "a window of {time:?} is too short or too long"),
            Self::Twice(Span::Any(time)) => write!(f, "there are two windows of {time:?}"),
            Self::Twice(Span::DayUtc) => f.write_str("there are two windows of the day"),
        }
    }
}

impl Error for InvalidQuota {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_admits_nothing_is_an_error() {
        let none = Quota::requests_per_second(10).and_requests_per_day_utc(0);
        assert_eq!(none.validate(), Err(InvalidQuota::NoRequests));
        let never = Quota::requests_in_any(1, Duration::ZERO);
        assert_eq!(never.validate(), Err(InvalidQuota::Time(Duration::ZERO)));
    }

    #[test]
    fn a_window_that_is_named_twice_is_an_error() {
        let twice = Quota::requests_per_second(10).and_requests_per_second(5);
        let second = Span::Any(Duration::from_secs(1));
        assert_eq!(twice.validate(), Err(InvalidQuota::Twice(second)));
        let day = Window::new(1, Span::DayUtc);
        let twice: Quota = [day, day].into_iter().collect();
        assert_eq!(twice.validate(), Err(InvalidQuota::Twice(Span::DayUtc)));
    }

    #[test]
    fn a_quota_is_its_windows() {
        let quota = Quota::requests_per_second(10).and_requests_per_day_utc(5);
        let same: Quota = quota.windows().iter().copied().collect();
        assert_eq!(same, quota);
        assert_eq!(Quota::from_iter([]), Quota::unknown());
    }
}
