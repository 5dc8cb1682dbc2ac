use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{Job, Jobs, ResponseFuture, builder::Shared, future::Asking};
use crate::{
    body::{Replay, SharedBody},
    coalesce::{Board, Identity},
    error::BoxError,
    extensions::{LeaveNotReady, Operation, Priority, RequestContext},
};

/// Middleware that spaces out polls. See the [module docs](super).
pub struct PollPacing<S, J> {
    inner: S,
    pacing: Option<Pacing<J>>,
}

struct Pacing<J> {
    shared: Arc<Shared<J>>,
    /// Of this service: another one may have another server behind it.
    board: Arc<Board>,
}

impl<S, J> PollPacing<S, J> {
    pub(super) fn new(inner: S, shared: Arc<Shared<J>>) -> Self {
        let board = Arc::new(Board::new(shared.limits.max_jobs));
        Self {
            inner,
            pacing: Some(Pacing { shared, board }),
        }
    }

    /// One that lets everything pass, for a stack that can do without.
    #[must_use]
    pub fn off(inner: S) -> Self {
        Self {
            inner,
            pacing: None,
        }
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, J, B, R> Service<Request<B>> for PollPacing<S, J>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Replay + Unpin,
    R: Body<Data = Bytes>,
    J: Jobs<B>,
{
    type Response = Response<SharedBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, R, J>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(pacing) = &self.pacing
            && let Some(job) = pacing.shared.jobs.job_of(&request)
        {
            return self.call_for(job, request);
        }
        ResponseFuture::through(self.inner.call(request))
    }
}

impl<S: Clone, J> PollPacing<S, J> {
    fn call_for<B, R>(&mut self, job: Job, mut request: Request<B>) -> ResponseFuture<S, B, R, J>
    where
        S: Service<Request<B>>,
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        // The instance that is ready may hold a place that others need while
        // this request waits, so it goes.
        self.inner = self.inner.clone();
        let pacing = self.pacing.as_ref().expect("it was there a moment ago");
        let identity = job.key().and_then(|_| Identity::of(&request));
        mark(&job, &mut request);
        ResponseFuture::poll_of(Asking {
            inner: self.inner.clone(),
            request,
            job,
            shared: Arc::clone(&pacing.shared),
            board: Arc::clone(&pacing.board),
            identity,
        })
    }
}

/// Tells the layers inside that a poll can wait, and who waits for the job.
fn mark<B>(job: &Job, request: &mut Request<B>) {
    let by_method = Operation::from_method(request.method());
    let extensions = request.extensions_mut();
    if job.key().is_some() {
        let context = extensions.remove::<RequestContext>();
        let mut context = context.unwrap_or_else(|| RequestContext::new(by_method));
        // Who says that it is urgent knows better.
        if context.priority() == Priority::Normal {
            context = context.with_priority(Priority::Low);
        }
        extensions.insert(context);
    }
    extensions.insert(LeaveNotReady);
}

impl<S: Clone, J> Clone for PollPacing<S, J> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            pacing: self.pacing.clone(),
        }
    }
}

// By hand: a derive would ask the same of `J`.
impl<J> Clone for Pacing<J> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            board: Arc::clone(&self.board),
        }
    }
}

impl<S: fmt::Debug, J> fmt::Debug for PollPacing<S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollPacing")
            .field("inner", &self.inner)
            .field("is_on", &self.pacing.is_some())
            .finish_non_exhaustive()
    }
}
