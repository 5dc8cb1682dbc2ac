use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ticket::Ticket;

pin_project! {
    /// The body of a response that may still hold its permit.
    ///
    /// It yields exactly what the body inside yields. A permit that it holds
    /// is given back at the end of the body, at its error, or when it is
    /// dropped.
    #[derive(Debug)]
    pub struct HeldBody<B> {
        #[pin]
        inner: B,
        // Dropped after `inner`: the call ends before its permit is given back.
        // Boxed, for by default there is none, and responses are moved a lot.
        ticket: Option<Box<Ticket>>,
    }
}

impl<B> HeldBody<B> {
    /// Holds the permit, or gives it back if the body has ended: nobody polls
    /// one that has, and it would hold until dropped.
    #[inline]
    pub(super) fn new(inner: B, ticket: Option<Box<Ticket>>) -> Self
    where
        B: Body,
    {
        let ticket = ticket.filter(|_| !inner.is_end_stream());
        Self { inner, ticket }
    }

    /// Whether a permit is held by this body.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.ticket.is_some()
    }

    /// The body inside. Gives the permit back.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B: Body> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let more = matches!(frame, Some(Ok(_)));
        if this.ticket.is_some() && (!more || this.inner.is_end_stream()) {
            *this.ticket = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
