use std::time::Duration;

use http::Extensions;
use tokio::time::Instant;

use super::Attempt;

/// The instant after which nobody wants the answer any more. Set by the
/// caller in the request's extensions.
///
/// What cannot be sent before it fails with
/// [`DeadlineExceeded`](crate::error::DeadlineExceeded) as soon as that is
/// known. It does not cut off a request that is already on its way; a timeout
/// layer does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at `instant`.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The deadline `timeout` from now. One beyond what the clock can tell
    /// never comes.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        let now = Instant::now();
        // Thirty years, as tokio does for a sleep without an end.
        let far = now + Duration::from_secs(30 * 365 * 86_400);
        Self(now.checked_add(timeout).unwrap_or(far).min(far))
    }

    /// The instant.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0
    }

    /// The last instant at which a request with these extensions may still be
    /// sent: its deadline or its [`Attempt::send_before`], whichever is first.
    #[must_use]
    #[inline]
    pub fn to_send(extensions: &Extensions) -> Option<Instant> {
        let deadline = extensions.get::<Self>().map(Self::instant);
        let attempt = extensions.get::<Attempt>().and_then(Attempt::send_before);
        match (deadline, attempt) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
