use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{Reconcile, ReconciledBody, ResponseFuture, builder::Shared, kept::Kept};
use crate::{
    body::Replay,
    error::BoxError,
    extensions::{Lookup, Operation},
};

/// Middleware that finds out what became of a write in doubt. See the
/// [module docs](super).
pub struct Reconciling<S, H> {
    inner: S,
    shared: Arc<Shared<H>>,
}

impl<S, H> Reconciling<S, H> {
    pub(super) fn new(inner: S, shared: Arc<Shared<H>>) -> Self {
        Self { inner, shared }
    }
}

impl<S, H, B, R> Service<Request<B>> for Reconciling<S, H>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    H: Reconcile<S, B>,
    B: Body<Data = Bytes> + Replay,
{
    type Response = Response<ReconciledBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let kept = self.keep(&request);
        // The instance that is ready makes the call; its clone is readied if
        // there is a resend.
        ResponseFuture::new(self.inner.call(request), kept, Arc::clone(&self.shared))
    }
}

impl<S: Clone, H> Reconciling<S, H> {
    /// A copy of a write that can be asked about.
    #[inline]
    fn keep<B>(&self, request: &Request<B>) -> Option<Box<Kept<S, B>>>
    where
        H: Reconcile<S, B>,
        B: Replay,
    {
        let found = Lookup::of(request.extensions());
        if !self.shared.hook.covers(found.context) {
            return None;
        }
        let reads = match found.context {
            Some(context) => context.operation().is_read(),
            None => Operation::from_method(request.method()).is_read(),
        };
        if reads {
            return None;
        }
        let body = request.body().try_clone()?;
        Some(Box::new(Kept::new(
            self.inner.clone(),
            request,
            found,
            body,
        )))
    }
}

// By hand: a derive would ask the same of `H`.
impl<S: Clone, H> Clone for Reconciling<S, H> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, H> fmt::Debug for Reconciling<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciling")
            .field("inner", &self.inner)
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}
