use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::{Job, JobBegan, PollTooEarly, Spacing, builder::Shared, schedule::Schedule};
use crate::{
    body::Replay,
    classify::{Classification, ErrorClass},
    error::{BoxError, DeadlineExceeded},
    extensions::{Deadline, Operation, Patience, RequestContext, RetryAfter},
};

pin_project! {
    /// One request: sent when its job may be asked after, and again while that
    /// is not ready.
    pub(super) struct Paced<S, B, J>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future>,
        inner: S,
        kept: Kept<B>,
        turn: Turn<J>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // It asks for its turn.
        Early,
        // Nothing of the attempt before is held here: no response, no permit.
        Waiting { #[pin] sleep: Sleep },
        Readying,
        Called { #[pin] call: F },
    }
}

/// What is needed to send it again.
struct Kept<B> {
    head: Parts,
    body: Option<B>,
    is_read: bool,
}

/// When it may go.
struct Turn<J> {
    shared: Arc<Shared<J>>,
    job: Job,
    /// Of a job that no other request asks after.
    own: Option<Schedule>,
    began: Option<JobBegan>,
    deadline: Option<Instant>,
    first_polled: Option<Instant>,
    /// From the last poll to the next.
    wait: Duration,
    /// What the last answer meant.
    last: Option<Classification>,
    was_sent: bool,
}

impl<S, B, J> Paced<S, B, J>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(inner: S, request: Request<B>, job: Job, shared: Arc<Shared<J>>) -> Self {
        let (head, body) = request.into_parts();
        let is_read = match head.extensions.get::<RequestContext>() {
            Some(context) => context.operation().is_read(),
            None => Operation::from_method(&head.method).is_read(),
        };
        Self {
            state: State::Early,
            inner,
            turn: Turn {
                shared,
                job,
                own: None,
                began: head.extensions.get().copied(),
                deadline: Deadline::to_send(&head.extensions),
                first_polled: None,
                wait: Duration::ZERO,
                last: None,
                was_sent: false,
            },
            kept: Kept {
                head,
                body: Some(body),
                is_read,
            },
        }
    }
}

impl<S, B, J, R> Future for Paced<S, B, J>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Early => match this.turn.claim(Instant::now())? {
                    None => State::Readying,
                    Some(due) => State::Waiting {
                        sleep: sleep_until(due),
                    },
                },
                StateProj::Waiting { sleep } => {
                    ready!(sleep.poll(cx));
                    State::Early
                }
                StateProj::Readying => {
                    ready!(this.inner.poll_ready(cx)).map_err(Into::into)?;
                    let request = this.kept.request(this.turn.patience());
                    let request = request.ok_or_else(crate::body::BodyLost::new)?;
                    this.turn.was_sent = true;
                    State::Called {
                        call: this.inner.call(request),
                    }
                }
                StateProj::Called { call } => {
                    let response = ready!(call.poll(cx)).map_err(Into::into)?;
                    let class = ErrorClass::of(&response);
                    if class != ErrorClass::NotReady || !this.kept.may_go_again(&response) {
                        return Poll::Ready(Ok(response));
                    }
                    match this.turn.after(&response, Instant::now()) {
                        After::HandOn => return Poll::Ready(Ok(response)),
                        After::Late(error) => return Poll::Ready(Err(error.into())),
                        After::Again => State::Early,
                    }
                }
            };
            this.state.set(next);
        }
    }
}

// ===== impl Kept =====

impl<B: Replay> Kept<B> {
    /// The request once more. The last copy there is, if there is only one.
    fn request(&mut self, patience: Option<Patience>) -> Option<Request<B>> {
        let copy = self.body.as_ref()?.try_clone();
        let body = match copy {
            Some(copy) => copy,
            None => self.body.take()?,
        };
        let mut head = self.head.clone();
        if let Some(patience) = patience {
            // Who says how long it can wait knows better.
            head.extensions.get_or_insert(patience);
        }
        Some(Request::from_parts(head, body))
    }

    /// Whether another copy can do no harm.
    fn may_go_again<R>(&self, response: &Response<R>) -> bool {
        let found = response.extensions().get::<Classification>();
        let is_safe =
            found.is_some_and(|found| !found.is_final() && (self.is_read || found.is_refused()));
        is_safe
            && self
                .body
                .as_ref()
                .is_some_and(|body| body.try_clone().is_some())
    }
}

// ===== impl Turn =====

/// What comes after an answer that it is not ready.
enum After {
    Again,
    HandOn,
    Late(DeadlineExceeded),
}

impl<J> Turn<J> {
    /// Takes the turn, or tells when it will be.
    fn claim(&mut self, now: Instant) -> Result<Option<Instant>, BoxError> {
        self.first_polled.get_or_insert(now);
        let (job, began) = (&self.job, self.began);
        let spacing = *job.spacing();
        // Only the caller's own wait is its own.
        let on_time = !self.was_sent && began.is_some_and(|began| began.is_on_time());
        let table = &self.shared.table;
        let claimed = table.with(job, &mut self.own, began, now, |schedule, draw| {
            schedule.claim(now, on_time, &spacing, || draw)
        });
        let due = match claimed {
            Ok(wait) => {
                self.wait = wait;
                return Ok(None);
            }
            Err(due) => due,
        };
        if self.deadline.is_some_and(|deadline| deadline <= due) {
            return Err(self.late(due).into());
        }
        if self.shared.limits.turns_early_away && !self.was_sent {
            return Err(PollTooEarly::new(job.key().cloned(), due).into());
        }
        Ok(Some(due))
    }

    fn after<R>(&mut self, response: &Response<R>, now: Instant) -> After {
        let asked = response.extensions().get::<RetryAfter>();
        let floor = asked.map(|wait| super::schedule::later(now, wait.delay()));
        let table = &self.shared.table;
        let due = table.with(&self.job, &mut self.own, self.began, now, |schedule, _| {
            if let Some(floor) = floor {
                schedule.put_off(floor);
            }
            schedule.due()
        });
        self.last = response.extensions().get().cloned();
        if self.deadline.is_some_and(|deadline| deadline <= due) {
            return After::Late(self.late(due));
        }
        let first = self.first_polled.unwrap_or(now);
        if due > super::schedule::later(first, self.shared.limits.max_wait) {
            return After::HandOn;
        }
        After::Again
    }

    /// How long a poll may stand back in a queue. What only needs the job does
    /// not.
    fn patience(&self) -> Option<Patience> {
        let is_poll = self.job.key().is_some();
        is_poll.then(|| Patience::of(Spacing::patience(self.wait)))
    }

    fn late(&mut self, due: Instant) -> DeadlineExceeded {
        DeadlineExceeded::new(Some(due), self.last.take())
    }
}

impl<S, B, J> fmt::Debug for Paced<S, B, J>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced")
            .field("job", &self.turn.job)
            .finish_non_exhaustive()
    }
}
