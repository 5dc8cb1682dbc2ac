use std::time::Duration;

use tower_layer::Layer;

use super::RetryAfterHeader;

/// Layer that applies [`RetryAfterHeader`]. See the [module docs](super).
#[derive(Clone, Copy, Debug)]
pub struct RetryAfterHeaderLayer {
    max: Duration,
}

// ===== impl RetryAfterHeaderLayer =====

impl RetryAfterHeaderLayer {
    /// A layer that believes no wait longer than `max`: a longer one is cut
    /// to it.
    ///
    /// There is no default, because a server can ask for any number of years.
    /// Choose it **larger** than the longest wait that the layer outside
    /// accepts: that layer then sees that the wait is too long, and says so.
    /// A smaller one turns a long wait into an early resend. Zero believes no
    /// wait at all; limits are still read and logged.
    #[must_use]
    pub const fn new(max: Duration) -> Self {
        Self { max }
    }
}

impl<S> Layer<S> for RetryAfterHeaderLayer {
    type Service = RetryAfterHeader<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryAfterHeader::new(inner, self.max)
    }
}
