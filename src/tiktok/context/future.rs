use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::find::Find;
use crate::body::Peeked;

pin_project! {
    /// Response future for [`TikTokRequestContext`](super::TikTokRequestContext).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<Peeked<B>>>,
        B: Body,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<Peeked<B>>>,
        B: Body,
    {
        // Boxed: most requests need not wait, and all would be as large.
        Finding { finding: Box<Finding<S, B>> },
        Sent { #[pin] response: S::Future },
        Failed { error: Option<S::Error> },
    }
}

/// A request whose context is still to be found, or whose service is not ready.
struct Finding<S, B: Body> {
    find: Find,
    inner: S,
    request: Option<Request<Peeked<B>>>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    #[inline]
    pub(super) fn sent(response: S::Future) -> Self {
        Self {
            state: State::Sent { response },
        }
    }

    #[cold]
    pub(super) fn finding(inner: S, find: Find, request: Request<Peeked<B>>) -> Self {
        let finding = Box::new(Finding {
            find,
            inner,
            request: Some(request),
        });
        Self {
            state: State::Finding { finding },
        }
    }

    #[cold]
    pub(super) fn failed(error: S::Error) -> Self {
        let error = Some(error);
        Self {
            state: State::Failed { error },
        }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body<Data = Bytes> + Unpin,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Finding { finding } => {
                    let response = ready!(finding.poll(cx))?;
                    state.set(State::Sent { response });
                }
                StateProj::Sent { response } => return response.poll(cx),
                StateProj::Failed { error } => {
                    let error = error.take().expect("polled after it was ready");
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl<S, B> Finding<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body<Data = Bytes> + Unpin,
{
    /// Finds the context, then readies the inner service and calls it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<S::Future, S::Error>> {
        let request = self.request.as_mut().expect("taken when it is sent");
        ready!(self.find.poll(request, cx));
        ready!(self.inner.poll_ready(cx))?;
        let request = self.request.take().expect("was there above");
        Poll::Ready(Ok(self.inner.call(request)))
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Finding { finding } if finding.find.is_done() => "Sending",
            State::Finding { .. } => "Peeking",
            State::Sent { .. } => "Sent",
            State::Failed { .. } => "Failed",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
