use std::{
    error::Error,
    fmt, mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::time::Instant;

use super::{
    charge::Charges,
    outcome::{Outcome, never_left},
    pacer::{Joined, Pacer},
    slots::Closed,
    tick::Now,
    waiter::Turn,
};
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{Deadline, Lookup, RateLimitStatus},
    queueing::Queueing,
    slab::At,
};

/// One request's way through its scopes: outside, in the queue, granted, sent.
///
/// Dropping or [ending](Self::end) it gives up what it has: its place; its
/// slots, if it was not sent; and if it was, it counts as one whose answer
/// nobody saw.
pub(super) struct Ticket {
    pacer: Arc<Pacer>,
    state: State,
    /// What it holds once it is granted.
    charges: Charges,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Outside,
    Queued(At, Queueing),
    /// Kept only if its future is not polled: it is sent at the first poll.
    Granted {
        at: Now,
    },
    /// The service inside was called, and its future not polled yet.
    Called {
        at: Now,
    },
    Sent {
        at: Now,
    },
    Over,
}

/// A future that is polled so many nanoseconds after its call was kept, and most
/// services send when they are polled.
const LATE: u64 = 10_000_000;

impl Ticket {
    pub(super) fn new(pacer: Arc<Pacer>) -> Self {
        Self {
            pacer,
            state: State::Outside,
            charges: Charges::default(),
            deadline: None,
        }
    }

    /// Whether it may be sent at once. If not, it is as it was: the first poll
    /// tells what it waits for, or what is wrong.
    #[inline]
    pub(super) fn goes_at_once(&mut self, found: Lookup<'_>) -> bool {
        let now = self.pacer.now();
        let deadline = found.more.and_then(Deadline::to_send);
        let goes = deadline.is_none_or(|deadline| deadline > now.instant)
            && self.pacer.pass(found, &mut self.charges, now);
        if goes {
            self.state = State::Granted { at: now };
        }
        goes
    }

    /// The service inside is not ready yet: it hands its slots on until the
    /// first poll.
    #[cold]
    pub(super) fn stand_back(&mut self) {
        self.end();
        self.state = State::Outside;
    }

    /// Ready once it may be sent, with its turn if it waited for that. Joins
    /// the queue at the first poll.
    #[inline]
    pub(super) fn poll(
        &mut self,
        found: Lookup<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Turn>, BoxError>> {
        let now = self.pacer.now();
        let mut turn = None;
        if let State::Outside = self.state {
            self.deadline = found.more.and_then(Deadline::to_send);
            self.check_deadline(now.instant)?;
            let charges = &mut self.charges;
            let entered = self.pacer.enter(found, self.deadline, charges, now);
            self.state = match entered? {
                Joined::Granted(its) => {
                    turn = its;
                    State::Granted { at: now }
                }
                Joined::Queued(place) => State::Queued(place, Queueing::begin()),
            };
        }
        if let State::Queued(place, queueing) = self.state {
            self.check_deadline(now.instant)?;
            let polled = ready!(self.pacer.poll(place, now, cx));
            // NOTE: its place is free now, whatever became of it.
            self.state = State::Over;
            let (charges, its) = polled?;
            queueing.end("pacing");
            (self.charges, turn) = (charges, Some(its));
            self.state = State::Granted { at: now };
        }
        Poll::Ready(Ok(turn))
    }

    /// The service inside is not ready: the request waits on, and before long
    /// its slots go to others.
    #[cold]
    pub(super) fn set_aside(
        &mut self,
        turn: Option<Turn>,
        found: Lookup<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), BoxError> {
        if let State::Granted { at } = mem::replace(&mut self.state, State::Over) {
            let deadline = self.deadline;
            let pacer = &self.pacer;
            let place = pacer.set_aside(&self.charges, at, turn, found, deadline, cx)?;
            self.state = State::Queued(place, Queueing::begin());
            self.pacer.start_keeper(cx);
        }
        Ok(())
    }

    /// It is sent now, or when its future is polled first.
    #[inline]
    pub(super) fn call(&mut self) {
        if let State::Granted { at } = self.state {
            self.state = State::Called { at };
        }
    }

    /// Its future was polled. If that was first long after the call, it counts
    /// anew.
    #[inline]
    pub(super) fn polled(&mut self) {
        if let State::Called { at } = self.state {
            let now = self.pacer.now();
            let is_late = is_late(at, now);
            self.state = State::Sent {
                at: if is_late { now } else { at },
            };
            if is_late {
                self.pacer.send_late(&mut self.charges, at, now);
            }
        }
    }

    /// The headers of its answer tell of limits. Called before
    /// [`answered`](Self::answered), which lets the next ones go.
    pub(super) fn told(&self, status: &RateLimitStatus) {
        if let State::Called { .. } | State::Sent { .. } = &self.state {
            self.pacer.tighten(&self.charges, status);
        }
    }

    /// It was answered. Returns what keeps back what the answer refused.
    #[inline]
    pub(super) fn answered(&mut self, outcome: Outcome) -> Option<Closed> {
        let now = self.pacer.now();
        let (at, is_trip) = match mem::replace(&mut self.state, State::Over) {
            State::Sent { at } => (at, true),
            // Answered at its first poll: if that is late, it was sent by the call,
            // and nobody saw when the answer came.
            State::Called { at } => (at, !is_late(at, now)),
            _ => return None,
        };
        self.pacer
            .settle(&self.charges, (at, is_trip), outcome, now)
    }

    /// Its call failed. If it certainly never left, its slots go to others.
    #[cold]
    pub(super) fn failed(&mut self, error: &(dyn Error + 'static)) {
        if let State::Called { at } | State::Sent { at } = self.state
            && never_left(error)
        {
            self.state = State::Granted { at };
        }
        self.end();
    }

    /// Gives up what it has.
    pub(super) fn end(&mut self) {
        match mem::replace(&mut self.state, State::Over) {
            State::Outside | State::Over => {}
            State::Queued(place, _) => self.pacer.leave(place),
            State::Granted { at } => self.pacer.give_back(&self.charges, at),
            // The service inside may have sent it in its call.
            State::Called { at } | State::Sent { at } => {
                let now = self.pacer.now();
                let sent = (at, false);
                self.pacer.settle(&self.charges, sent, Outcome::Lost, now);
            }
        }
    }

    fn check_deadline(&self, now: Instant) -> Result<(), DeadlineExceeded> {
        match self.deadline {
            Some(deadline) if deadline <= now => Err(DeadlineExceeded::new(None, None)),
            _ => Ok(()),
        }
    }
}

/// Whether one that was called then is polled first long after.
#[inline]
fn is_late(called: Now, now: Now) -> bool {
    now.tick.since(called.tick).nanos() > LATE
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
