use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower_service::Service;
use tracing::Span;

use super::{
    ClassifyError,
    builder::Config,
    kept::Kept,
    past::Past,
    settle::{Settled, end, settle, unknown},
    spans::{Spans, in_attempt},
};
use crate::{
    body::Replay,
    classify::ErrorClass,
    error::{BoxError, DeadlineExceeded},
};

pin_project! {
    /// Response future for [`JitteredBackoff`](super::JitteredBackoff).
    pub struct ResponseFuture<S, B, C>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future>,
        kept: Kept<S, B>,
        past: Past,
        config: Arc<Config<C>>,
        spans: Option<Box<Spans>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Called { #[pin] call: F },
        // Nothing of the attempt before is held here: no response, no permit.
        Waiting { #[pin] sleep: Sleep },
        Readying { #[pin] limit: Option<Sleep> },
        // The deadline had passed before the first attempt.
        Late,
    }
}

impl<S, B, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(
        call: S::Future,
        kept: Kept<S, B>,
        config: Arc<Config<C>>,
        past: Past,
        spans: Option<Box<Spans>>,
    ) -> Self {
        Self {
            state: State::Called { call },
            kept,
            past,
            config,
            spans,
        }
    }

    /// Of a request that nobody wants answered any more.
    pub(super) fn late(kept: Kept<S, B>, config: Arc<Config<C>>, now: Instant) -> Self {
        Self {
            state: State::Late,
            kept,
            past: Past::new(now, None),
            config,
            spans: None,
        }
    }
}

impl<S, B, C, R> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
    C: ClassifyError,
{
    type Output = Result<Response<R>, BoxError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.spans {
            None => self.advance(cx),
            Some(spans) => {
                let span = spans.request();
                self.advance_in(&span, cx)
            }
        }
    }
}

impl<S, B, C, R> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
    C: ClassifyError,
{
    #[cold]
    fn advance_in(
        mut self: Pin<&mut Self>,
        span: &Span,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, BoxError>> {
        let output = span.in_scope(|| self.as_mut().advance(cx));
        if let (Poll::Ready(result), Some(spans)) = (&output, &self.spans) {
            spans.ended(result.as_ref().ok());
        }
        output
    }

    #[inline]
    fn advance(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, BoxError>> {
        let polled = self.as_mut().poll_attempt(cx);
        // Moved once where it goes well: a response is large.
        if is_success(&polled) {
            return polled.map_err(Into::into);
        }
        self.go_on(polled.map_err(Into::into), cx)
    }

    /// Pending if none is under way, too.
    #[inline]
    fn poll_attempt(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, S::Error>> {
        let this = self.project();
        let StateProj::Called { call } = this.state.project() else {
            return Poll::Pending;
        };
        let Some(spans) = this.spans.as_deref() else {
            return call.poll(cx);
        };
        let polled = in_attempt(Some(spans), || call.poll(cx));
        if let Poll::Ready(result) = &polled {
            spans.answered(result.as_ref().ok());
        }
        polled
    }

    /// Goes on until there is something to wait for, or the request is over.
    /// `polled` is what the attempt has come to, which is no success.
    fn go_on(
        mut self: Pin<&mut Self>,
        mut polled: Poll<Result<Response<R>, BoxError>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, BoxError>> {
        loop {
            let mut this = self.as_mut().project();
            let next = match this.state.as_mut().project() {
                StateProj::Called { .. } => {
                    let Poll::Ready(result) = polled else {
                        let Some(forgotten) = this.past.forgotten() else {
                            return Poll::Pending;
                        };
                        ready!(forgotten.poll(cx));
                        let session = this.past.session();
                        return Poll::Ready(Err(unknown(session, this.kept, None, None)));
                    };
                    let session = this.past.session();
                    match settle(session, this.kept, this.config, result) {
                        Settled::Wait(delay) => {
                            this.past.set_forgotten(None);
                            State::Waiting {
                                sleep: sleep(delay),
                            }
                        }
                        Settled::End(result) => return Poll::Ready(result),
                    }
                }
                StateProj::Late => {
                    let late = DeadlineExceeded::new(None, None);
                    return Poll::Ready(Err(late.into()));
                }
                StateProj::Waiting { sleep } => {
                    ready!(sleep.poll(cx));
                    let (operation, deadline) = (this.kept.operation(), this.kept.deadline());
                    let limits = &this.config.limits;
                    let session = this.past.session();
                    let ends = session.ends(limits, &operation, deadline);
                    if let Some(spans) = this.spans {
                        spans.resend();
                    }
                    State::Readying {
                        limit: ends.map(sleep_until),
                    }
                }
                StateProj::Readying { limit } => {
                    let session = this.past.session();
                    // The limit is asked first: what becomes ready too late is
                    // not sent.
                    let resent = match limit.as_pin_mut().map(|limit| limit.poll(cx)) {
                        Some(Poll::Ready(())) => Err(DeadlineExceeded::new(None, None).into()),
                        _ => ready!(in_attempt(this.spans.as_deref(), || {
                            this.kept.poll_resend(session, cx)
                        })),
                    };
                    match resent {
                        Ok(call) => {
                            let forgotten = session.forgotten_at(&this.kept.operation());
                            this.past.set_forgotten(forgotten);
                            State::Called { call }
                        }
                        Err(error) => {
                            return Poll::Ready(Err(end(session, this.kept, None, error)));
                        }
                    }
                }
            };
            this.state.set(next);
            polled = self.as_mut().poll_attempt(cx).map_err(Into::into);
            if is_success(&polled) {
                return polled;
            }
        }
    }
}

#[inline]
fn is_success<R, E>(polled: &Poll<Result<Response<R>, E>>) -> bool {
    matches!(polled, Poll::Ready(Ok(response)) if ErrorClass::of(response).is_success())
}

impl<S, B, C> fmt::Debug for ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("past", &self.past)
            .finish_non_exhaustive()
    }
}
