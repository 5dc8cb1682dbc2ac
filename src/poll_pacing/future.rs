use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};
use tower_service::Service;

use super::{Job, builder::Shared, paced::Paced};
use crate::{
    body::{Replay, SharedBody},
    coalesce::{Board, Follow, Gather, Identity, Lead, Outcome, Role},
    error::{BoxError, DeadlineExceeded},
    extensions::Deadline,
};

pin_project! {
    /// Response future for [`PollPacing`](super::PollPacing).
    ///
    /// A poll takes its place in the line of its job when this is first
    /// polled.
    pub struct ResponseFuture<S, B, R, J>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, S, B, R, J>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B, R, J>
    where
        S: Service<Request<B>>,
    {
        Through { #[pin] call: F },
        // Boxed: most requests are no polls, and need not be as large.
        Poll { poll: Pin<Box<Polled<S, B, R, J>>> },
    }
}

pin_project! {
    /// A request that waits for a job.
    pub(super) struct Polled<S, B, R, J>
    where
        S: Service<Request<B>>,
    {
        asking: Option<Asking<S, B, J>>,
        #[pin]
        stage: Stage<S, B, R, J>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<S, B, R, J>
    where
        S: Service<Request<B>>,
    {
        New,
        Alone { #[pin] call: Paced<S, B, J> },
        Leading { #[pin] call: Gather<Paced<S, B, J>, R>, lead: Option<Lead> },
        Following { follow: Follow, #[pin] until: Option<Sleep> },
    }
}

/// What is needed to ask.
pub(super) struct Asking<S, B, J> {
    pub(super) inner: S,
    pub(super) request: Request<B>,
    pub(super) job: Job,
    pub(super) shared: Arc<Shared<J>>,
    pub(super) board: Arc<Board>,
    pub(super) identity: Option<Identity>,
}

impl<S, B, R, J> ResponseFuture<S, B, R, J>
where
    S: Service<Request<B>>,
{
    pub(super) fn through(call: S::Future) -> Self {
        Self {
            state: State::Through { call },
        }
    }

    pub(super) fn poll_of(asking: Asking<S, B, J>) -> Self {
        let poll = Box::pin(Polled {
            asking: Some(asking),
            stage: Stage::New,
        });
        Self {
            state: State::Poll { poll },
        }
    }
}

impl<S, B, R, J> Future for ResponseFuture<S, B, R, J>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<SharedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            // Of the type that is handed on: a response is large to move.
            StateProj::Through { call } => match call.poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response.map(SharedBody::own))),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                Poll::Pending => Poll::Pending,
            },
            StateProj::Poll { poll } => poll.as_mut().poll(cx),
        }
    }
}

impl<S, B, R, J> Future for Polled<S, B, R, J>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<SharedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.stage.as_mut().project() {
                StageProj::New => begin(this.asking),
                StageProj::Alone { call } => {
                    let result = ready!(call.poll(cx));
                    return Poll::Ready(result.map(|response| response.map(SharedBody::own)));
                }
                StageProj::Leading { call, lead } => {
                    let gathered = ready!(call.poll(cx));
                    let lead = lead.take().expect("a call lands once");
                    let result = gathered.share(lead);
                    return Poll::Ready(result);
                }
                StageProj::Following { follow, until } => match follow.poll(cx) {
                    Poll::Ready(Outcome::Landed(landed)) => {
                        #[cfg(feature = "metrics")]
                        crate::metrics::poll_saved();
                        return Poll::Ready(landed.into_result());
                    }
                    // Polls of one job go one after the other all the same.
                    Poll::Ready(Outcome::AskAnew | Outcome::AskAlone) => Stage::New,
                    Poll::Pending => {
                        let Some(until) = until.as_pin_mut() else {
                            return Poll::Pending;
                        };
                        ready!(until.poll(cx));
                        return Poll::Ready(Err(DeadlineExceeded::new(None, None).into()));
                    }
                },
            };
            this.stage.set(next);
        }
    }
}

/// Leads, follows, or goes alone.
fn begin<S, B, R, J>(asking: &mut Option<Asking<S, B, J>>) -> Stage<S, B, R, J>
where
    S: Service<Request<B>>,
{
    let now = asking.as_ref().expect("a call begins once");
    let role = match &now.identity {
        Some(identity) => now.board.join(identity),
        None => Role::Alone,
    };
    if let Role::Follow(follow) = role {
        let until = Deadline::to_send(now.request.extensions());
        return Stage::Following {
            follow,
            until: until.map(sleep_until),
        };
    }
    let asking = mem::take(asking).expect("it was there a moment ago");
    let max_bytes = asking.shared.limits.max_shared_bytes;
    let call = Paced::new(asking.inner, asking.request, asking.job, asking.shared);
    match role {
        Role::Lead(lead) => Stage::Leading {
            call: Gather::new(call, max_bytes),
            lead: Some(lead),
        },
        _ => Stage::Alone { call },
    }
}

impl<S, B, R, J> fmt::Debug for ResponseFuture<S, B, R, J>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_poll = matches!(self.state, State::Poll { .. });
        f.debug_struct("ResponseFuture")
            .field("is_poll", &is_poll)
            .finish_non_exhaustive()
    }
}
