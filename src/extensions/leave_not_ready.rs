/// Whoever sends this request waits itself while what it refers to is still
/// being made: an answer that says so is for it, and no layer inside sends the
/// request again on that account. In the extensions of the request.
///
/// Left by [`PollPacingLayer`](crate::poll_pacing), heeded by
/// [`JitteredBackoffLayer`](crate::jittered_backoff).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveNotReady;
