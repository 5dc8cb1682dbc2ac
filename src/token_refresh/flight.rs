use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::Instant,
};

use super::{TokenStopped, TokenUnavailable};
use crate::error::BoxError;

/// A refresh under way, which all who need the token wait for.
#[derive(Debug, Default)]
pub(super) struct Flight {
    landed: Arc<Notify>,
    /// Empty also after it has landed, if it was broken off.
    failure: OnceLock<Failure>,
}

/// What a refresh that failed means for those who waited for it.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Stopped(TokenStopped),
    Unavailable(TokenUnavailable),
}

/// Waits for a [`Flight`].
#[derive(Debug)]
pub(super) struct Landing {
    flight: Arc<Flight>,
    notified: Pin<Box<OwnedNotified>>,
}

impl Flight {
    /// Called where nobody can land it meanwhile.
    pub(super) fn wait(self: &Arc<Self>) -> Landing {
        Landing {
            flight: Arc::clone(self),
            // Told of a landing from now on, polled or not.
            notified: Box::pin(Arc::clone(&self.landed).notified_owned()),
        }
    }

    /// Tells those who wait. Called once, without a lock held.
    pub(super) fn land(&self, failure: Option<Failure>) {
        if let Some(failure) = failure {
            let _ = self.failure.set(failure);
        }
        self.landed.notify_waiters();
    }
}

impl Failure {
    /// When to ask again. `None`: never.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        match self {
            Self::Stopped(stopped) => stopped.until,
            Self::Unavailable(unavailable) => unavailable.retry_at,
        }
    }
}

impl From<Failure> for BoxError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stopped(stopped) => stopped.into(),
            Failure::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Landing {
    /// Ready when it has landed, with its failure if that is what it came to.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Failure>> {
        let landed = self.notified.as_mut().poll(cx);
        landed.map(|()| self.flight.failure.get().cloned())
    }
}
