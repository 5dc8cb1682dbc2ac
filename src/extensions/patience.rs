use std::time::Duration;

/// How long this request may be passed over by those of a higher
/// [`Priority`](super::Priority), where that is less than the queue's own
/// [ageing](crate::request_pacing::RequestPacingBuilder::ageing). In the
/// extensions of the request.
///
/// In the queue it is as old as if it had come earlier by the rest of that
/// time. So it also goes before others of its account and priority that came a
/// little before it; and once it has aged, it shares every second turn with all
/// that have, oldest first, whichever account they are of.
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
