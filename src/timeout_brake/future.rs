use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::{
    brake::Brake,
    gate::{Place, Ticket},
};
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{Deadline, RequestContext},
    oneshot::Oneshot,
    send_by::SendBy,
};

pin_project! {
    /// Response future for [`TimeoutBrake`](super::TimeoutBrake).
    ///
    /// A read takes its place in the line when this is first polled.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B>
    where
        S: Service<Request<B>>,
    {
        Through { #[pin] call: F },
        // Boxed: most requests are not watched, and need not be as large.
        Braked { braked: Pin<Box<Braked<S, B>>> },
    }
}

pin_project! {
    struct Braked<S, B>
    where
        S: Service<Request<B>>,
    {
        brake: Arc<Brake>,
        // `None`: it cannot be told from others.
        read: Option<u128>,
        #[pin]
        stage: Stage<S, B>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<S, B>
    where
        S: Service<Request<B>>,
    {
        Waiting {
            ticket: Ticket,
            until: Option<Pin<Box<Sleep>>>,
            send_by: SendBy,
            asking: Option<(S, Request<B>)>,
        },
        // Dropped top to bottom: the call ends before its place is free.
        Called { #[pin] call: Oneshot<S, B>, place: Option<Place> },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn through(call: S::Future) -> Self {
        Self {
            state: State::Through { call },
        }
    }

    pub(super) fn braked(
        inner: S,
        request: Request<B>,
        brake: Arc<Brake>,
        read: Option<u128>,
    ) -> Self {
        let context = request.extensions().get::<RequestContext>();
        let stage = Stage::Waiting {
            ticket: brake.gate.ticket(context),
            until: None,
            send_by: SendBy::new(Deadline::to_send(request.extensions())),
            asking: Some((inner, request)),
        };
        let braked = Box::pin(Braked { brake, read, stage });
        Self {
            state: State::Braked { braked },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Through { call } => call.poll(cx).map_err(Into::into),
            StateProj::Braked { braked } => braked.as_mut().poll(cx),
        }
    }
}

impl<S, B, R> Future for Braked<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProj::Waiting {
                    ticket,
                    until,
                    send_by,
                    asking,
                } => {
                    // Each time: another copy of it may have timed out.
                    let now = Instant::now();
                    if let Some(refusal) = this.read.and_then(|read| this.brake.refuses(read, now))
                    {
                        return Poll::Ready(Err(refusal.into()));
                    }
                    let free = match ticket.poll(cx, now) {
                        Poll::Ready(Ok(place)) => {
                            let (inner, request) = mem::take(asking).expect("it is sent once");
                            this.stage.set(Stage::Called {
                                call: Oneshot::new(inner, request),
                                place: Some(place),
                            });
                            continue;
                        }
                        Poll::Ready(Err(free)) => free,
                        Poll::Pending => None,
                    };
                    if send_by.poll(cx).is_ready() {
                        return Poll::Ready(Err(DeadlineExceeded::new(free, None).into()));
                    }
                    *until = free.map(|free| Box::pin(sleep_until(free)));
                    match until {
                        Some(until) => ready!(until.as_mut().poll(cx)),
                        None => return Poll::Pending,
                    }
                }
                StageProj::Called { call, place } => {
                    let result = ready!(call.poll(cx));
                    let place = place.take().expect("a call ends once");
                    this.brake.ended(*this.read, &result, place);
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_braked = matches!(self.state, State::Braked { .. });
        f.debug_struct("ResponseFuture")
            .field("is_braked", &is_braked)
            .finish_non_exhaustive()
    }
}
