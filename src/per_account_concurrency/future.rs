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
    /// The request joins its account's queue when this is first polled.
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
        send_by: SendBy,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F> {
        Waiting { inner: S, request: Option<Request<B>> },
        Called { #[pin] call: F },
        Done,
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(super) fn new(
        inner: S,
        request: Request<B>,
        send_by: SendBy,
        ticket: Option<Ticket>,
    ) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request: Some(request),
            },
            ticket,
            send_by,
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
                StateProj::Waiting { inner, request } => {
                    if let Err(error) = ready!(poll_turn(inner, this.send_by, this.ticket, cx)) {
                        this.state.set(State::Done);
                        *this.ticket = None;
                        return Poll::Ready(Err(error));
                    }
                    let request = request.take().expect("a request waits only once");
                    let call = inner.call(request);
                    this.state.set(State::Called { call });
                }
                StateProj::Called { call } => {
                    let output = call.poll(cx);
                    let mut for_body = None;
                    if output.is_ready() {
                        this.state.set(State::Done);
                        for_body = this.ticket.take_if(|ticket| ticket.is_for_body());
                        *this.ticket = None;
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
                StateProj::Done => panic!("polled after it was ready"),
            }
        }
    }
}

/// Ready when the request has its permit and `inner` can take it.
fn poll_turn<S, B>(
    inner: &mut S,
    send_by: &mut SendBy,
    ticket: &mut Option<Ticket>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), BoxError>>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    if send_by.has_passed() {
        return Poll::Ready(Err(DeadlineExceeded::new(None, None).into()));
    }
    let turn = match ticket {
        Some(ticket) => ticket.poll(cx)?,
        None => Poll::Ready(()),
    };
    // NOTE: the ticket first. A service that was readied here would hold its
    // capacity while the request queues behind its own account.
    if turn.is_ready() && inner.poll_ready(cx).map_err(Into::into)?.is_ready() {
        return Poll::Ready(Ok(()));
    }
    let passed = send_by.poll(cx);
    passed.map(|()| Err(DeadlineExceeded::new(None, None).into()))
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
