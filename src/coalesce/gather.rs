use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Response, response::Parts};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{Landed, Lead, Outcome};
use crate::{
    body::{Frames, SharedBody},
    error::{BoxError, DeadlineExceeded, below},
};

pin_project! {
    /// Makes a call, and reads its answer to the end, for all who wait for it.
    pub(crate) struct Gather<F, R> {
        #[pin]
        state: State<F, R>,
        max_bytes: usize,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, R> {
        Calling { #[pin] call: F },
        Reading { reading: Option<Reading<R>> },
    }
}

struct Reading<R> {
    head: Parts,
    body: Pin<Box<R>>,
    frames: Frames,
}

/// What a call came to.
pub(crate) enum Gathered<R: Body> {
    Whole(Parts, Frames),
    /// An answer too long to be kept, for whoever asked.
    Long(Response<SharedBody<R>>),
    /// An answer that broke off. Its error is whoever's who asked.
    Broken(Response<SharedBody<R>>),
    Failed(BoxError),
}

/// What others are told of an answer that broke off.
pub(crate) const BROKE_OFF: &str = "the answer broke off";

/// Whether the failure is the first caller's own, and says nothing of those
/// who share the call: only its deadline is. Whatever else kept it from being
/// sent, such as a wait or a full queue, would keep them, too.
pub(crate) fn is_own(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<DeadlineExceeded>() {
            return true;
        }
        next = below(error);
    }
    false
}

impl<F, R> Gather<F, R> {
    /// At most `max_bytes` of an answer are kept.
    pub(crate) fn new(call: F, max_bytes: usize) -> Self {
        Self {
            state: State::Calling { call },
            max_bytes,
        }
    }
}

impl<F, R, E> Future for Gather<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Output = Gathered<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Gathered<R>> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Calling { call } => match ready!(call.poll(cx)) {
                    Err(error) => return Poll::Ready(Gathered::Failed(error.into())),
                    Ok(response) => {
                        let (head, body) = response.into_parts();
                        Reading {
                            head,
                            body: Box::pin(body),
                            frames: Frames::default(),
                        }
                    }
                },
                StateProj::Reading { reading } => {
                    let now = reading.as_mut().expect("a call is polled to its end only");
                    let gathered = match ready!(now.body.as_mut().poll_frame(cx)) {
                        Some(Ok(frame)) => {
                            now.frames.push(frame);
                            if now.frames.bytes() <= *this.max_bytes {
                                continue;
                            }
                            let Reading { head, body, frames } = taken(reading);
                            let body = SharedBody::resumed(frames, body);
                            Gathered::Long(Response::from_parts(head, body))
                        }
                        Some(Err(error)) => {
                            let Reading { head, frames, .. } = taken(reading);
                            let body = SharedBody::broken(frames, error);
                            Gathered::Broken(Response::from_parts(head, body))
                        }
                        None => {
                            let Reading { head, frames, .. } = taken(reading);
                            Gathered::Whole(head, frames)
                        }
                    };
                    return Poll::Ready(gathered);
                }
            };
            this.state.set(State::Reading {
                reading: Some(next),
            });
        }
    }
}

fn taken<R>(reading: &mut Option<Reading<R>>) -> Reading<R> {
    reading.take().expect("it was there a moment ago")
}

impl<R: Body> Gathered<R> {
    /// Tells those who follow, and gives what the leader gets itself.
    pub(crate) fn share(self, mut lead: Lead) -> Result<Response<SharedBody<R>>, BoxError> {
        let is_followed = lead.close();
        let (outcome, own) = match self {
            Self::Whole(head, frames) if is_followed => {
                let landed = Landed::answer(head, frames);
                (Outcome::Landed(landed.clone()), landed.into_result())
            }
            Self::Whole(head, frames) => {
                let body = SharedBody::shared(frames);
                (Outcome::AskAnew, Ok(Response::from_parts(head, body)))
            }
            // The next one would be as long.
            Self::Long(response) => (Outcome::AskAlone, Ok(response)),
            Self::Broken(response) => {
                let landed = Landed::failed(BROKE_OFF);
                (Outcome::Landed(landed), Ok(response))
            }
            Self::Failed(error) if !is_followed || is_own(&*error) => {
                (Outcome::AskAnew, Err(error))
            }
            Self::Failed(error) => {
                let landed = Landed::failed(error);
                (Outcome::Landed(landed.clone()), landed.into_result())
            }
        };
        lead.land(outcome);
        own
    }

    /// What one gets who asked alone.
    #[cfg(feature = "report-batching")]
    pub(crate) fn keep(self) -> Result<Response<SharedBody<R>>, BoxError> {
        match self {
            Self::Whole(head, frames) => Ok(Response::from_parts(head, SharedBody::shared(frames))),
            Self::Long(response) | Self::Broken(response) => Ok(response),
            Self::Failed(error) => Err(error),
        }
    }
}

impl<F, R> fmt::Debug for Gather<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}
