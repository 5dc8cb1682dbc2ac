use std::time::Duration;

/// How long the server asks to stay away, counted from the answer. In the
/// extensions of the response.
///
/// Left by the layer that reads the headers, never more than its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    delay: Duration,
    cut: bool,
}

impl RetryAfter {
    /// A wait of `delay`.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self { delay, cut: false }
    }

    /// Says that the server asked for more than [`delay`](Self::delay), and
    /// that whoever read it did not believe it. The default is `false`.
    #[must_use]
    pub fn with_cut(mut self, cut: bool) -> Self {
        self.cut = cut;
        self
    }

    /// How long to stay away.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether the server asked for more. A request that comes back after
    /// [`delay`](Self::delay) is then too early.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// What a server's headers tell of a limit that has not been reached yet, or
/// just was. In the extensions of the response.
///
/// Left by the layer that reads the headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimitStatus {
    policies: Vec<RateLimitPolicy>,
}

/// One limit of a [`RateLimitStatus`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitPolicy {
    /// The policy's name, if the server gave one.
    pub name: Option<Box<str>>,
    /// How many requests a window admits.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// The length of the window.
    pub window: Option<Duration>,
    /// How long until requests are admitted anew, counted from the answer.
    pub reset: Option<Duration>,
}

impl RateLimitStatus {
    /// The status with these policies.
    #[must_use]
    pub fn new(policies: Vec<RateLimitPolicy>) -> Self {
        Self { policies }
    }

    /// The limits, in the order in which the headers name them.
    #[must_use]
    pub fn policies(&self) -> &[RateLimitPolicy] {
        &self.policies
    }
}
