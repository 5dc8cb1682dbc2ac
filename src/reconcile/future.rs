use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::{
    Finding, Reconcile, Reconciled, ReconciledBody,
    builder::Shared,
    kept::{AfterNo, Kept},
    log,
};
use crate::{
    body::Replay,
    classify::{Classification, ErrorClass},
    error::{BoxError, OutcomeUnknown},
};

pin_project! {
    /// Response future for [`Reconciling`](super::Reconciling).
    pub struct ResponseFuture<S, B, H>
    where
        S: Service<Request<B>>,
        H: Reconcile<S, B>,
    {
        #[pin]
        state: State<S::Future, B, H::Future>,
        kept: Option<Box<Kept<S, B>>>,
        shared: Arc<Shared<H>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B, A> {
        Called { #[pin] call: F },
        // Nothing of the attempt is held from here on: no response, no permit.
        Reading { #[pin] body: B, read: BytesMut },
        Waiting { #[pin] timer: Sleep },
        Asking { #[pin] ask: A, #[pin] limit: Sleep, asked: Instant },
        Readying,
    }
}

impl<S, B, H> ResponseFuture<S, B, H>
where
    S: Service<Request<B>>,
    H: Reconcile<S, B>,
{
    #[inline]
    pub(super) fn new(
        call: S::Future,
        kept: Option<Box<Kept<S, B>>>,
        shared: Arc<Shared<H>>,
    ) -> Self {
        Self {
            state: State::Called { call },
            kept,
            shared,
        }
    }
}

impl<S, B, H, R> Future for ResponseFuture<S, B, H>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    H: Reconcile<S, B>,
    B: Body<Data = Bytes> + Replay,
{
    type Output = Result<Response<ReconciledBody<R>>, BoxError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let hook = &this.shared.hook;
        let settings = &this.shared.settings;
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Called { call } => {
                    let result = ready!(call.poll(cx));
                    let Some(kept) = this.kept else {
                        return Poll::Ready(handed_on(result));
                    };
                    let result = result.map_err(Into::into);
                    if let Some(settled) = settle(&mut **kept, hook, result) {
                        return Poll::Ready(settled);
                    }
                    match kept.body.try_clone() {
                        _ if kept.is_read() => wait(kept, settings.ask_after),
                        Some(body) => Some(State::Reading {
                            body,
                            read: BytesMut::new(),
                        }),
                        None => None,
                    }
                }
                StateProj::Reading { body, read } => {
                    let kept = this.kept.as_mut().expect("kept while it is in doubt");
                    match ready!(body.poll_frame(cx)) {
                        Some(Ok(frame)) => {
                            let data = frame.into_data().unwrap_or_default();
                            if read.len().saturating_add(data.len()) > settings.body_limit {
                                return Poll::Ready(Err(kept.end()));
                            }
                            read.extend_from_slice(&data);
                            continue;
                        }
                        Some(Err(_)) => None,
                        None => {
                            kept.set_text(std::mem::take(read).freeze());
                            wait(kept, settings.ask_after)
                        }
                    }
                }
                StateProj::Waiting { timer } => {
                    ready!(timer.poll(cx));
                    let kept = this.kept.as_ref().expect("kept while it is in doubt");
                    let asked = Instant::now();
                    let (doubt, service) = kept.question();
                    Some(State::Asking {
                        ask: hook.did_it_happen(doubt, service),
                        limit: sleep(kept.time_to_ask(settings, asked)),
                        asked,
                    })
                }
                StateProj::Asking { ask, limit, asked } => {
                    let found = match ask.poll(cx) {
                        Poll::Ready(found) => found.ok(),
                        Poll::Pending => {
                            ready!(limit.poll(cx));
                            None
                        }
                    };
                    let kept = this.kept.as_mut().expect("kept while it is in doubt");
                    match found {
                        Some(Finding::Happened(response)) => {
                            log::happened(kept);
                            return Poll::Ready(Ok(made(response)));
                        }
                        Some(Finding::NotHappened) => {
                            match kept.after_no(settings, *asked, Instant::now()) {
                                AfterNo::Wait(delay) => wait(kept, delay),
                                AfterNo::Resend => {
                                    log::not_happened(kept);
                                    Some(State::Readying)
                                }
                                AfterNo::End => None,
                            }
                        }
                        Some(Finding::CannotTell) => None,
                        None => kept
                            .after_failure(settings, &this.shared.chance)
                            .and_then(|delay| wait(kept, delay)),
                    }
                }
                StateProj::Readying => {
                    let kept = this.kept.as_mut().expect("kept while it is in doubt");
                    let call = ready!(kept.poll_resend(cx))?;
                    Some(State::Called { call })
                }
            };
            match next {
                Some(next) => this.state.set(next),
                None => {
                    let kept = this.kept.as_mut().expect("kept while it is in doubt");
                    log::cannot_tell(kept);
                    return Poll::Ready(Err(kept.end()));
                }
            }
        }
    }
}

/// Looks for a doubt in what the call came to. `None`: there is one, and it was
/// opened. A response that leaves one is dropped here, before anything is asked.
fn settle<S, B, H, R>(
    kept: &mut Kept<S, B>,
    hook: &H,
    result: Result<Response<R>, BoxError>,
) -> Option<Result<Response<ReconciledBody<R>>, BoxError>>
where
    H: Reconcile<S, B>,
{
    match result {
        Ok(response) => {
            let found = response.extensions().get::<Classification>();
            let is_doubtful = found.is_some_and(|found| hook.doubts(found))
                // The name may be taken by the copy before it.
                || kept.resends > 0 && speaks_for_one_copy(&response);
            if !is_doubtful {
                return Some(Ok(response.map(ReconciledBody::answer)));
            }
            let class = ErrorClass::of(&response);
            let found = found.cloned();
            let found = found.unwrap_or_else(|| Classification::new(class));
            kept.open_by_answer(found, Instant::now());
            None
        }
        Err(error) if error.is::<OutcomeUnknown>() => {
            kept.open(error, Instant::now());
            None
        }
        Err(error) => Some(Err(error)),
    }
}

/// Whether the answer says nothing of the copies that were sent before.
fn speaks_for_one_copy<R>(response: &Response<R>) -> bool {
    let class = ErrorClass::of(response);
    let found = response.extensions().get::<Classification>();
    let refused = match found {
        Some(found) => found.is_refused(),
        None => class == ErrorClass::RateLimited,
    };
    !refused && !matches!(class, ErrorClass::Success | ErrorClass::PartialSuccess)
}

#[inline]
fn handed_on<R, E: Into<BoxError>>(
    result: Result<Response<R>, E>,
) -> Result<Response<ReconciledBody<R>>, BoxError> {
    match result {
        Ok(response) => Ok(response.map(ReconciledBody::answer)),
        Err(error) => Err(error.into()),
    }
}

fn made<R>(mut response: Response<Bytes>) -> Response<ReconciledBody<R>> {
    response.extensions_mut().insert(Reconciled(()));
    response.map(ReconciledBody::made)
}

/// Asks after this time; `None` if nobody wants to know then.
fn wait<S, B, F, A>(kept: &Kept<S, B>, delay: Duration) -> Option<State<F, B, A>> {
    kept.is_wanted_after(delay, Instant::now())
        .then(|| State::Waiting {
            timer: sleep(delay),
        })
}

impl<S, B, H> fmt::Debug for ResponseFuture<S, B, H>
where
    S: Service<Request<B>>,
    H: Reconcile<S, B>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "Called",
            State::Reading { .. } => "Reading",
            State::Waiting { .. } => "Waiting",
            State::Asking { .. } => "Asking",
            State::Readying => "Readying",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
