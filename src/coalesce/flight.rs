use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use http::{Response, response::Parts};
use http_body::Body;

use super::SharedError;
#[cfg(feature = "report-batching")]
use crate::classify::{Classification, ErrorClass};
use crate::{
    body::{Frames, SharedBody},
    error::BoxError,
};

/// A call under way, and those who wait for it besides the one that makes it.
///
/// A waker may run anything when it is cloned, woken or dropped, so none of
/// that is done under the lock.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    followers: BTreeMap<u64, Option<Waker>>,
    outcome: Option<Outcome>,
}

/// What those who wait for a call are told.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Landed(Landed),
    /// It came to nothing that could be shared. Another one may.
    AskAnew,
    /// Nor would another one come to more.
    AskAlone,
}

/// What a call came to, for all who wait for it.
#[derive(Clone)]
pub(crate) enum Landed {
    Answer(Arc<Answer>),
    Failed(Arc<BoxError>),
}

/// An answer that was read to its end.
#[derive(Clone)]
pub(crate) struct Answer {
    head: Parts,
    frames: Frames,
}

/// A place among those who wait for a call of another's.
pub(crate) struct Follow {
    flight: Arc<Flight>,
    id: u64,
}

impl Flight {
    pub(crate) fn follow(self: &Arc<Self>) -> Follow {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.followers.insert(id, None);
        Follow {
            flight: Arc::clone(self),
            id,
        }
    }

    pub(super) fn is_followed(&self) -> bool {
        !self.state().followers.is_empty()
    }

    /// Tells all who wait, once.
    pub(crate) fn land(&self, outcome: Outcome) {
        let mut state = self.state();
        let old = state.outcome.replace(outcome);
        let wakers = state.followers.values_mut().filter_map(mem::take);
        let wakers: Vec<Waker> = wakers.collect();
        drop(state);
        drop(old);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follow {
    /// What the call came to.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let waker = cx.waker().clone();
        let mut state = self.flight.state();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        let old = state.followers.insert(self.id, Some(waker));
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let waker = self.flight.state().followers.remove(&self.id);
        drop(waker);
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").finish_non_exhaustive()
    }
}

impl Landed {
    pub(crate) fn answer(head: Parts, frames: Frames) -> Self {
        Self::Answer(Arc::new(Answer { head, frames }))
    }

    pub(crate) fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed(Arc::new(error.into()))
    }

    /// How much it holds, about.
    #[cfg(feature = "report-batching")]
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Answer(answer) => answer.frames.bytes(),
            Self::Failed(_) => 0,
        }
    }

    #[cfg(feature = "report-batching")]
    pub(crate) fn is_success(&self) -> bool {
        let Self::Answer(answer) = self else {
            return false;
        };
        match answer.head.extensions.get::<Classification>() {
            Some(found) => found.class().is_success(),
            None => ErrorClass::from_status(answer.head.status).is_success(),
        }
    }

    /// One caller's copy. The frames are shared.
    pub(crate) fn into_result<R: Body>(self) -> Result<Response<SharedBody<R>>, BoxError> {
        match self {
            Self::Answer(answer) => {
                let Answer { head, frames } = Arc::unwrap_or_clone(answer);
                Ok(Response::from_parts(head, SharedBody::shared(frames)))
            }
            Self::Failed(error) => Err(SharedError::new(error).into()),
        }
    }
}

// Not the answer: there may be a token in it.
impl fmt::Debug for Landed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer",
            Self::Failed(_) => "Failed",
        })
    }
}
