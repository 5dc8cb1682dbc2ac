use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::Request;
use tokio::sync::futures::OwnedNotified;

use super::{TokenStopped, future::Passage};
use crate::extensions::Departure;

/// Calls back a request that waits inside when its token is stopped: sent, it
/// would be refused like the one that showed it.
#[derive(Debug)]
pub(super) struct Recall {
    stop: Pin<Box<OwnedNotified>>,
    /// Once the request is on its way there.
    departure: Option<Departure>,
}

impl Recall {
    /// Before the token is asked for, so that no stop is missed.
    pub(super) fn new(passage: &Passage) -> Self {
        Self {
            stop: Box::pin(passage.tokens.next_stop()),
            departure: None,
        }
    }

    pub(super) fn follow<B>(&mut self, request: &mut Request<B>) {
        self.departure = Some(Departure::of(request));
    }

    /// Of a call that is pending. What stops it, if it has not gone.
    ///
    /// It goes only when it is polled, so whether it has cannot change
    /// meanwhile.
    pub(super) fn poll(&mut self, passage: &Passage, cx: &mut Context<'_>) -> Poll<TokenStopped> {
        loop {
            if self.departure.as_ref().is_none_or(|it| it.at().is_some()) {
                return Poll::Pending;
            }
            std::task::ready!(self.stop.as_mut().poll(cx));
            // Before the look, so that no stop is missed.
            self.stop = Box::pin(passage.tokens.next_stop());
            let context = passage.context.as_ref();
            if let Some(stopped) = passage.tokens.stopped(&passage.key, context) {
                return Poll::Ready(stopped);
            }
        }
    }
}
