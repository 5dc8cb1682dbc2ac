use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

use super::session::Session;
use crate::extensions::Departure;

/// What a request has been through. Little is kept of it until it fails, for
/// most requests never do, and all are moved.
#[derive(Debug)]
pub(super) enum Past {
    Sent(Instant, Option<Departure>),
    Failed(Box<Failed>),
}

#[derive(Debug)]
pub(super) struct Failed {
    session: Session,
    /// Until the server forgets the first copy, if it does. A resend is given
    /// up then: it may not have been sent yet.
    forgotten: Option<Pin<Box<Sleep>>>,
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
            *self = Self::Failed(Box::new(Failed {
                session: Session::new(*sent, departure.take()),
                forgotten: None,
            }));
        }
        match self {
            Self::Failed(failed) => &mut failed.session,
            Self::Sent(..) => unreachable!("a session was made above"),
        }
    }

    /// When the resend under way is given up, if it ever is.
    pub(super) fn forgotten(&mut self) -> Option<Pin<&mut Sleep>> {
        match self {
            Self::Failed(failed) => failed.forgotten.as_mut().map(Pin::as_mut),
            Self::Sent(..) => None,
        }
    }

    pub(super) fn set_forgotten(&mut self, at: Option<Instant>) {
        if let Self::Failed(failed) = self {
            failed.forgotten = at.map(|at| Box::pin(sleep_until(at)));
        }
    }
}
