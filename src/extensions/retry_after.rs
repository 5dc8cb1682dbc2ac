use std::time::Duration;

/// How long the server asks to stay away, counted from the answer. In the
/// extensions of the response.
///
/// Left by [`RetryAfterHeaderLayer`](crate::retry_after_header), never more
/// than that layer's cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(Duration);

impl RetryAfter {
    /// A wait of `delay`.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self(delay)
    }

    /// How long to stay away.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.0
    }
}

/// What a server's headers tell of a limit that has not been reached yet, or
/// just was. In the extensions of the response.
///
/// Left by [`RetryAfterHeaderLayer`](crate::retry_after_header).
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
