use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{ResponseFuture, future::Watched, shared::Shared};

/// Middleware that raises an alert on sustained throttling. See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct ThrottleAlert<S> {
    inner: S,
    /// `None`: nothing is watched.
    shared: Option<Arc<Shared>>,
}

impl<S> ThrottleAlert<S> {
    pub(super) fn new(inner: S, shared: Option<Arc<Shared>>) -> Self {
        Self { inner, shared }
    }

    /// Wraps `inner`, and watches nothing: for a stack whose alerts are off.
    pub fn off(inner: S) -> Self {
        Self::new(inner, None)
    }
}

impl<S, B, R> Service<Request<B>> for ThrottleAlert<S>
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
        let watched = self.shared.as_ref();
        let watched = watched.map(|shared| Watched::new(shared, &request));
        ResponseFuture::new(self.inner.call(request), watched)
    }
}
