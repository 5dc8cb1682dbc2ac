use tokio::time::Instant;

/// Pacing itself keeps back what this answer refused, so whoever sends it
/// again need not sleep. In the extensions of the response.
///
/// Left by [`RequestPacingLayer`](crate::request_pacing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacedHold(Instant);

impl PacedHold {
    /// A scope that is closed until `instant`.
    #[must_use]
    pub fn until(instant: Instant) -> Self {
        Self(instant)
    }

    /// When it opens, as far as is known. Not later than the answer if only
    /// the queue keeps it back.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0
    }
}
