use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tokio::time::Instant;
use tower_service::Service;

use super::{
    ClassifyError, ResponseFuture, TransportErrors,
    builder::Config,
    head::Head,
    kept::Kept,
    past::Past,
    spans::{Spans, in_attempt},
};
use crate::{
    body::Replay,
    error::BoxError,
    extensions::{Deadline, Departure, Lookup},
};

/// Middleware that sends a request again where that is safe. See the
/// [module docs](super).
pub struct JitteredBackoff<S, C = TransportErrors> {
    inner: S,
    config: Arc<Config<C>>,
}

impl<S, C> JitteredBackoff<S, C> {
    pub(super) fn new(inner: S, config: Arc<Config<C>>) -> Self {
        Self { inner, config }
    }
}

impl<S, C, B, R> Service<Request<B>> for JitteredBackoff<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Replay,
    C: ClassifyError,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let now = Instant::now();
        if let Some(budget) = &self.config.budget {
            budget.deposit(now);
        }
        let config = Arc::clone(&self.config);
        let spans = Spans::of(&request);
        let found = Lookup::of(request.extensions());
        let send_by = found.more.and_then(Deadline::to_send);
        if send_by.is_some_and(|limit| limit <= now) {
            return ResponseFuture::late(Kept::gone(&request), config, now);
        }
        let Some(body) = request.body().try_clone() else {
            let kept = Kept::gone(&request);
            let past = Past::new(now, None);
            let call = in_attempt(spans.as_deref(), || self.inner.call(request));
            return ResponseFuture::new(call, kept, config, past, spans);
        };
        let departs = Departure::is_wanted(found.context);
        let kept = Kept::Copy {
            service: self.inner.clone(),
            head: Head::of(&request, found),
            body,
        };
        let past = Past::new(now, departs.then(|| Departure::leave_in(&mut request)));
        // The instance that is ready makes the call; its clone is readied if
        // there is a resend.
        // Not in a closure, which would move the request once more.
        let entered = spans.as_deref().map(Spans::enter_attempt);
        let call = self.inner.call(request);
        drop(entered);
        ResponseFuture::new(call, kept, config, past, spans)
    }
}

// By hand: a derive would ask the same of `C`.
impl<S: Clone, C> Clone for JitteredBackoff<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            config: Arc::clone(&self.config),
        }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for JitteredBackoff<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitteredBackoff")
            .field("inner", &self.inner)
            .field("limits", &self.config.limits)
            .finish_non_exhaustive()
    }
}
