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
        // A resend is given up when the server forgets the first copy: it may
        // not have been sent yet. Boxed, because few calls have that limit.
        Called { #[pin] call: F, forgotten: Option<Pin<Box<Sleep>>> },
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
            state: State::Called {
                call,
                forgotten: None,
            },
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
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(span) = self.spans.as_deref().map(Spans::request) else {
            return self.advance(cx);
        };
        let output = span.in_scope(|| self.as_mut().advance(cx));
        if let (Poll::Ready(result), Some(spans)) = (&output, &self.spans) {
            spans.ended(result.as_ref());
        }
        output
    }
}

impl<S, B, C, R> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
    C: ClassifyError,
{
    #[inline]
    fn advance(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response<R>, BoxError>> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Called { call, forgotten } => {
                    let spans = this.spans.as_deref();
                    let result = match in_attempt(spans, || call.poll(cx)) {
                        Poll::Ready(Ok(response)) if ErrorClass::of(&response).is_success() => {
                            spans.inspect(|spans| spans.answered(Ok(&response)));
                            return Poll::Ready(Ok(response));
                        }
                        Poll::Ready(result) => {
                            let result = result.map_err(Into::into);
                            spans.inspect(|spans| spans.answered(result.as_ref()));
                            result
                        }
                        Poll::Pending => {
                            let Some(forgotten) = forgotten else {
                                return Poll::Pending;
                            };
                            ready!(forgotten.as_mut().poll(cx));
                            let session = this.past.session();
                            return Poll::Ready(Err(unknown(session, this.kept, None, None)));
                        }
                    };
                    let session = this.past.session();
                    match settle(session, this.kept, this.config, result) {
                        Settled::Wait(delay) => State::Waiting {
                            sleep: sleep(delay),
                        },
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
                            State::Called {
                                call,
                                forgotten: forgotten.map(|at| Box::pin(sleep_until(at))),
                            }
                        }
                        Err(error) => {
                            return Poll::Ready(Err(end(session, this.kept, None, error)));
                        }
                    }
                }
            };
            this.state.set(next);
        }
    }
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
