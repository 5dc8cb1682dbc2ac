use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{RequestPacingHandle, ResponseFuture, pacer::Pacer, ticket::Ticket};
use crate::error::BoxError;

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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let ticket = Ticket::new(self.pacer.clone());
        ResponseFuture::new(self.inner.clone(), request, ticket)
    }
}
