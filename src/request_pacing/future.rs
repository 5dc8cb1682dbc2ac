use std::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{log, outcome::Outcome, ticket::Ticket};
use crate::{
    error::BoxError,
    extensions::{Departure, Lookup, PacedHold},
};

pin_project! {
    /// Response future for [`RequestPacing`](super::RequestPacing).
    ///
    /// A request that may go at once goes from the call on, or from its first
    /// poll, where that is late: what nobody polls or drops keeps its slots from
    /// others. Any other joins the queue when this is first polled.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        // Dropped after the state: the call ends before its slot is free.
        ticket: Ticket,
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
    /// Whether `inner` was asked, and was not ready.
    asked: bool,
    request: Option<Request<B>>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    /// Of a request that was sent.
    #[inline]
    pub(super) fn called(call: S::Future, ticket: Ticket) -> Self {
        Self {
            state: State::Called { call },
            ticket,
        }
    }

    /// Of a request that waits for its turn, or for `inner`.
    #[cold]
    pub(super) fn waiting(inner: S, request: Request<B>, ticket: Ticket) -> Self {
        let waiting = Box::new(Waiting {
            inner,
            asked: false,
            request: Some(request),
        });
        Self {
            state: State::Waiting { waiting },
            ticket,
        }
    }

    /// Of a request that is not sent.
    #[cold]
    pub(super) fn failed(error: BoxError, mut ticket: Ticket) -> Self {
        ticket.end();
        Self {
            state: State::Over { error: Some(error) },
            ticket,
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Waiting { waiting } => {
                    if let Err(error) = ready!(waiting.poll_turn(this.ticket, cx)) {
                        this.ticket.end();
                        this.state.set(State::Over { error: None });
                        return Poll::Ready(Err(error));
                    }
                    let request = waiting.request.take().expect("a request waits only once");
                    this.ticket.call();
                    let call = waiting.inner.call(request);
                    this.state.set(State::Called { call });
                }
                StateProj::Called { call } => {
                    let mut output = call.poll(cx);
                    if output.is_pending() {
                        this.ticket.polled();
                        return Poll::Pending;
                    }
                    this.state.set(State::Over { error: None });
                    // Changed where it is: a response is large to move.
                    if let Poll::Ready(Ok(response)) = &mut output {
                        settle(response, this.ticket);
                    }
                    return output.map_err(|error| {
                        let error = error.into();
                        this.ticket.failed(&*error);
                        error
                    });
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
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
{
    /// Ready when the request may go and `inner` can take it.
    fn poll_turn(
        &mut self,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BoxError>> {
        let request = self.request.as_ref().expect("a request waits only once");
        // NOTE: the ticket first. A service that was readied here would hold its
        // capacity while the request queues.
        let found = Lookup::of(request.extensions());
        let Poll::Ready(turn) = ticket.poll(found, cx)? else {
            // Once more it queues, and may hold by now what others can use.
            if mem::take(&mut self.asked) {
                self.inner = self.inner.clone();
            }
            return Poll::Pending;
        };
        if self.inner.poll_ready(cx).map_err(Into::into)?.is_ready() {
            if let Some(more) = found.more {
                Departure::note(more);
            }
            return Poll::Ready(Ok(()));
        }
        self.asked = true;
        ticket.set_aside(turn, found, cx)?;
        Poll::Pending
    }
}

/// Tells pacing of the answer, and the answer what came of that.
#[inline]
fn settle<R>(response: &mut Response<R>, ticket: &mut Ticket) {
    if let Some(status) = response.extensions().get() {
        ticket.told(status);
    }
    if let Some(closed) = ticket.answered(Outcome::of(response)) {
        if closed.begins {
            log::held(&closed, response);
        }
        let hold = PacedHold::until(closed.until);
        response.extensions_mut().insert(hold);
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
