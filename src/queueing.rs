//! How long a request waits in a queue, for the `metrics`.

#[cfg(feature = "metrics")]
use tokio::time::Instant;

/// Since when a request waits in a queue. Nothing where nothing is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queueing {
    #[cfg(feature = "metrics")]
    since: Instant,
}

impl Queueing {
    pub(crate) fn begin() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            since: Instant::now(),
        }
    }

    /// It has what it waited for.
    pub(crate) fn end(self, cause: &'static str) {
        #[cfg(feature = "metrics")]
        crate::metrics::waited(cause, self.since.elapsed());
        #[cfg(not(feature = "metrics"))]
        let _ = cause;
    }
}
