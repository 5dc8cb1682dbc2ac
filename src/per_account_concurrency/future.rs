use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{HeldBody, ticket::Ticket};
use crate::{
    error::{BoxError, DeadlineExceeded},
    send_by::SendBy,
};

pin_project! {
    /// Response future for [`PerAccountConcurrency`](super::PerAccountConcurrency).
    ///
    /// The request has its permit, or stands in its account's queue, from the
    /// call on: what nobody polls or drops keeps others waiting.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        // Dropped top to bottom: what a ready service holds is given back, and
        // the call ends, before the permit is.
        #[pin]
        state: State<S, B, S::Future>,
        // Not in the state: it would be moved with each step.
        ticket: Option<Ticket>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F> {
        // Boxed: most requests need not wait, and all would be as large.
        Waiting { waiting: Box<Waiting<S, B>> },
        Called { #[pin] call: F },
        // With what it has still to tell.
        Over { error: Option<BoxError> },
    }
}

/// A request that is still to be sent.
struct Waiting<S, B> {
    inner: S,
    request: Option<Request<B>>,
    send_by: SendBy,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    /// Of a request that was sent.
    #[inline]
    pub(super) fn called(call: S::Future, ticket: Option<Ticket>) -> Self {
        Self {
            state: State::Called { call },
            ticket,
        }
    }

    /// Of a request that waits for its permit, or for `inner`.
    #[cold]
    pub(super) fn waiting(
        inner: S,
        request: Request<B>,
        send_by: SendBy,
        ticket: Option<Ticket>,
    ) -> Self {
        let waiting = Box::new(Waiting {
            inner,
            request: Some(request),
            send_by,
        });
        Self {
            state: State::Waiting { waiting },
            ticket,
        }
    }

    /// Of a request that is not sent.
    #[cold]
    pub(super) fn failed(error: BoxError) -> Self {
        Self {
            state: State::Over { error: Some(error) },
            ticket: None,
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body,
{
    type Output = Result<Response<HeldBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Waiting { waiting } => {
                    if let Err(error) = ready!(waiting.poll_turn(this.ticket, cx)) {
                        this.state.set(State::Over { error: None });
                        *this.ticket = None;
                        return Poll::Ready(Err(error));
                    }
                    let request = waiting.request.take().expect("a request waits only once");
                    let call = waiting.inner.call(request);
                    this.state.set(State::Called { call });
                }
                StateProj::Called { call } => {
                    let output = call.poll(cx);
                    let mut for_body = None;
                    if output.is_ready() {
                        this.state.set(State::Over { error: None });
                        match this.ticket {
                            Some(ticket) if ticket.is_for_body() => {
                                for_body = this.ticket.take().map(Box::new);
                            }
                            _ => *this.ticket = None,
                        }
                    }
                    // Moved once: a response is large.
                    return match output {
                        Poll::Ready(Ok(response)) => {
                            let held = response.map(|body| HeldBody::new(body, for_body));
                            Poll::Ready(Ok(held))
                        }
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                        Poll::Pending => Poll::Pending,
                    };
                }
                StateProj::Over { error } => {
                    let error = error.take().expect("polled after it was ready");
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    /// Ready when the request has its permit and `inner` can take it.
    fn poll_turn(
        &mut self,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BoxError>> {
        if self.send_by.has_passed() {
            return Poll::Ready(Err(DeadlineExceeded::new(None, None).into()));
        }
        let turn = match ticket {
            Some(ticket) => ticket.poll(cx),
            None => Poll::Ready(()),
        };
        // NOTE: the ticket first. A service that was readied here would hold
        // its capacity while the request queues behind its own account.
        if turn.is_ready() && self.inner.poll_ready(cx).map_err(Into::into)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let passed = self.send_by.poll(cx);
        passed.map(|()| Err(DeadlineExceeded::new(None, None).into()))
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Waiting { .. } => "Waiting",
            State::Called { .. } => "Called",
            State::Over { .. } => "Over",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
