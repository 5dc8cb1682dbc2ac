use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use tower_service::Service;

use super::{RequestPacingHandle, ResponseFuture, pacer::Pacer, ticket::Ticket};
use crate::{
    error::BoxError,
    extensions::{Departure, Lookup},
};

/// Middleware that releases requests within their quotas. See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct RequestPacing<S> {
    inner: S,
    pacer: Arc<Pacer>,
}

impl<S> RequestPacing<S> {
    pub(super) fn new(inner: S, pacer: Arc<Pacer>) -> Self {
        Self { inner, pacer }
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Looks at the queue, and changes quotas. See [`RequestPacingHandle`].
    #[must_use]
    pub fn handle(&self) -> RequestPacingHandle {
        RequestPacingHandle::new(self.pacer.clone())
    }
}

impl<S, B, R> Service<Request<B>> for RequestPacing<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The scopes are not known yet. Readying `inner` here would hold its
        // capacity while the request queues.
        Poll::Ready(Ok(()))
    }

    // Inlined, it makes the whole stack no cheaper: all of it is moved as often.
    #[inline(never)]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let found = Lookup::of(request.extensions());
        let mut ticket = Ticket::new(self.pacer.clone());
        // Most requests can go at once, and then the request is moved once.
        if ticket.goes_at_once(found) {
            match self
                .inner
                .poll_ready(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(Ok(())) => {
                    if let Some(more) = found.more {
                        Departure::note(more);
                    }
                    ticket.call();
                    return ResponseFuture::called(self.inner.call(request), ticket);
                }
                Poll::Ready(Err(error)) => {
                    // What failed is not asked again, and keeps nothing.
                    self.inner = self.inner.clone();
                    return ResponseFuture::failed(error.into(), ticket);
                }
                Poll::Pending => {
                    // Until somebody polls it, it keeps nothing, nor any place in a
                    // queue inside.
                    self.inner = self.inner.clone();
                    ticket.stand_back();
                }
            }
        }
        let other = self.inner.clone();
        let inner = mem::replace(&mut self.inner, other);
        ResponseFuture::waiting(inner, request, ticket)
    }
}
