use tokio::time::Instant;

use super::session::Session;
use crate::extensions::Departure;

/// What a request has been through. Little is kept of it until it fails, for
/// most requests never do, and all are moved.
#[derive(Debug)]
pub(super) enum Past {
    Sent(Instant, Option<Departure>),
    Failed(Box<Session>),
}

impl Past {
    /// Of a request that is sent now.
    #[inline]
    pub(super) fn new(now: Instant, departure: Option<Departure>) -> Self {
        Self::Sent(now, departure)
    }

    /// What is known of its attempts, from the first failure on.
    #[cold]
    pub(super) fn session(&mut self) -> &mut Session {
        if let Self::Sent(sent, departure) = self {
            *self = Self::Failed(Box::new(Session::new(*sent, departure.take())));
        }
        match self {
            Self::Failed(session) => session,
            Self::Sent(..) => unreachable!("a session was made above"),
        }
    }
}
