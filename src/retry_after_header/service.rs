use std::{
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower_service::Service;

use super::{ResponseFuture, cap::Cap, event::RequestNote};

/// Middleware that records what the headers of an answer tell of waits and
/// limits. See the [module docs](super).
#[derive(Clone, Copy, Debug)]
pub struct RetryAfterHeader<S> {
    inner: S,
    max: Cap,
}

// ===== impl RetryAfterHeader =====

impl<S> RetryAfterHeader<S> {
    /// Wraps `inner`. No wait longer than `max` is believed; see
    /// [`RetryAfterHeaderLayer::new`](super::RetryAfterHeaderLayer::new).
    pub const fn new(inner: S, max: Duration) -> Self {
        let max = Cap::new(max);
        Self { inner, max }
    }

    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the wrapped service back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for RetryAfterHeader<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let note = RequestNote::of(&request);
        ResponseFuture::new(self.inner.call(request), self.max, note)
    }
}
