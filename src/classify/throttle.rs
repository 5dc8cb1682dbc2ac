use std::time::Duration;

/// Whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleScope {
    /// All requests of one application.
    App,
    /// One endpoint, for one application.
    AppEndpoint,
    /// One endpoint, for one account.
    AccountEndpoint,
    /// One value of a field in the request.
    FieldValue,
    /// The answer does not say.
    Unknown,
}

/// Over which time a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleWindow {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One day.
    Day,
    /// The answer does not say.
    Unknown,
}

impl ThrottleScope {
    /// A short, stable name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::AppEndpoint => "app_endpoint",
            Self::AccountEndpoint => "account_endpoint",
            Self::FieldValue => "field_value",
            Self::Unknown => "unknown",
        }
    }
}

impl ThrottleWindow {
    /// A short, stable name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Unknown => "unknown",
        }
    }
}

/// What a refusal for frequency tells: whom it counts, over which time, and
/// how long to stay away.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::classify::{Throttle, ThrottleScope, ThrottleWindow};
///
/// // Nobody says how long: a second at first, five minutes if that was wrong.
/// let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown)
///     .with_waits([Duration::from_secs(1), Duration::from_secs(300)]);
/// assert_eq!(throttle.wait(0), Some(Duration::from_secs(1)));
/// assert_eq!(throttle.wait(7), Some(Duration::from_secs(300)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    scope: ThrottleScope,
    window: ThrottleWindow,
    waits: Vec<Duration>,
    limit: Option<u32>,
}

impl Throttle {
    /// A refusal that says nothing about the wait.
    #[must_use]
    pub fn new(scope: ThrottleScope, window: ThrottleWindow) -> Self {
        Self {
            scope,
            window,
            waits: Vec::new(),
            limit: None,
        }
    }

    /// Sets how long to stay away: after the first refusal, after a second in
    /// a row, and so on. The last one stands for all that follow.
    ///
    /// Of a window that is [`Unknown`](ThrottleWindow::Unknown) they are guesses:
    /// what the answer's headers ask for, such as `Retry-After`, beats them.
    #[must_use]
    pub fn with_waits(mut self, waits: impl IntoIterator<Item = Duration>) -> Self {
        self.waits = waits.into_iter().collect();
        self
    }

    /// Sets how many requests the window admits. The default is `None`: the
    /// answer does not say.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    /// How many requests the window admits, if the answer says so.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// Whom the limit counts.
    #[must_use]
    pub fn scope(&self) -> ThrottleScope {
        self.scope
    }

    /// Over which time the limit counts.
    #[must_use]
    pub fn window(&self) -> ThrottleWindow {
        self.window
    }

    /// How long to stay away after `repeats` earlier refusals in a row (0 for
    /// the first), counted from the answer. `None` if nothing is known.
    #[must_use]
    pub fn wait(&self, repeats: u32) -> Option<Duration> {
        let last = self.waits.len().checked_sub(1)?;
        let step = usize::try_from(repeats).unwrap_or(last).min(last);
        Some(self.waits[step])
    }
}
