use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{ResponseFuture, brake::Brake};
use crate::{
    body::Replay,
    error::BoxError,
    identity::{Identity, is_read},
};

/// Middleware that brakes reads that time out. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct TimeoutBrake<S> {
    inner: S,
    brake: Option<Arc<Brake>>,
}

impl<S> TimeoutBrake<S> {
    pub(super) fn new(inner: S, brake: Arc<Brake>) -> Self {
        Self {
            inner,
            brake: Some(brake),
        }
    }

    /// One that lets everything pass, for a stack that can do without.
    #[must_use]
    pub fn off(inner: S) -> Self {
        Self { inner, brake: None }
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, B, R> Service<Request<B>> for TimeoutBrake<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Replay + Unpin,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(brake) = &self.brake
            && (brake.watches)(request.extensions().get())
            && is_read(&request)
        {
            let brake = Arc::clone(brake);
            // One without takes a place all the same, for it may time out.
            let read = Identity::of(&request).map(|identity| brake.read(&identity));
            // The instance that is ready may hold a place that others need
            // while this request waits, so it goes.
            self.inner = self.inner.clone();
            return ResponseFuture::braked(self.inner.clone(), request, brake, read);
        }
        ResponseFuture::through(self.inner.call(request))
    }
}
