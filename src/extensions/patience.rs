use std::time::Duration;

/// How long this request may be passed over by those of a higher
/// [`Priority`](super::Priority), where that is less than the queue's own
/// [ageing](crate::request_pacing::RequestPacingBuilder::ageing). In the
/// extensions of the request.
///
/// Left by [`PollPacingLayer`](crate::poll_pacing), heeded by
/// [`RequestPacingLayer`](crate::request_pacing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Patience(Duration);

impl Patience {
    /// It may be passed over for so long.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self(time)
    }

    /// For how long.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.0
    }
}
