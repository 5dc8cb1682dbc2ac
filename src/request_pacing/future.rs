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
    /// The request joins the queue when this is first polled.
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
        Waiting {
            inner: S,
            // Whether `inner` was asked, and was not ready.
            asked: bool,
            request: Option<Request<B>>,
        },
        Called {
            #[pin]
            call: F,
        },
        Done,
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(inner: S, request: Request<B>, ticket: Ticket) -> Self {
        Self {
            state: State::Waiting {
                inner,
                asked: false,
                request: Some(request),
            },
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
                StateProj::Waiting {
                    inner,
                    asked,
                    request,
                } => {
                    let turn = poll_turn(inner, asked, request.as_ref(), this.ticket, cx);
                    if let Err(error) = ready!(turn) {
                        this.ticket.end();
                        this.state.set(State::Done);
                        return Poll::Ready(Err(error));
                    }
                    let request = request.take().expect("a request waits only once");
                    this.ticket.send();
                    let call = inner.call(request);
                    this.state.set(State::Called { call });
                }
                StateProj::Called { call } => {
                    let mut output = call.poll(cx);
                    if output.is_ready() {
                        this.state.set(State::Done);
                    }
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
                StateProj::Done => panic!("polled after it was ready"),
            }
        }
    }
}

/// Ready when the request may go and `inner` can take it.
fn poll_turn<S, B>(
    inner: &mut S,
    asked: &mut bool,
    request: Option<&Request<B>>,
    ticket: &mut Ticket,
    cx: &mut Context<'_>,
) -> Poll<Result<(), BoxError>>
where
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
{
    let request = request.expect("a request waits only once");
    // NOTE: the ticket first. A service that was readied here would hold its
    // capacity while the request queues.
    let found = Lookup::of(request.extensions());
    let Poll::Ready(turn) = ticket.poll(found, cx)? else {
        // Once more it queues, and may hold by now what others can use.
        if mem::take(asked) {
            *inner = inner.clone();
        }
        return Poll::Pending;
    };
    if inner.poll_ready(cx).map_err(Into::into)?.is_ready() {
        if let Some(more) = found.more {
            Departure::note(more);
        }
        return Poll::Ready(Ok(()));
    }
    *asked = true;
    ticket.set_aside(turn, found, cx)?;
    Poll::Pending
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
            State::Done => "Done",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
