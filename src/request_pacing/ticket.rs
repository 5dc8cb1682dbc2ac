use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Extensions;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    core::Charges,
    outcome::Outcome,
    pacer::{Joined, Pacer},
};
use crate::slab::At;
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{Deadline, RateLimitStatus},
};

/// One request's way through its scopes: outside, in the queue, granted, sent.
///
/// Dropping it gives up what it has: its place; its slots, if it was not sent;
/// and if it was, it counts as one whose answer nobody saw.
pub(super) struct Ticket {
    pacer: Arc<Pacer>,
    state: State,
    deadline: Option<Instant>,
    /// Made when it keeps the time for others, or for its own deadline.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    Outside,
    Queued(At),
    Granted { charges: Charges, noted: bool },
    Sent { charges: Charges, at: Instant },
    Over,
}

impl Ticket {
    pub(super) fn new(pacer: Arc<Pacer>) -> Self {
        Self {
            pacer,
            state: State::Outside,
            deadline: None,
            timer: None,
        }
    }

    /// Ready once it may be sent. Joins the queue at the first poll.
    pub(super) fn poll(
        &mut self,
        extensions: &Extensions,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BoxError>> {
        let now = Instant::now();
        if let State::Outside = self.state {
            self.deadline = Deadline::to_send(extensions);
            self.check_deadline(now)?;
            self.state = match self.pacer.enter(extensions, self.deadline, now) {
                Ok(Joined::Granted(charges)) => State::Granted {
                    charges,
                    noted: true,
                },
                Ok(Joined::Queued(at)) => State::Queued(at),
                Err(error) => return Poll::Ready(Err(error)),
            };
        }
        loop {
            let now = Instant::now();
            self.check_deadline(now)?;
            let State::Queued(at) = self.state else {
                return Poll::Ready(Ok(()));
            };
            let alarm = match self.pacer.poll(at, now, cx) {
                Ok(Ok(charges)) => {
                    self.timer = None;
                    self.state = State::Granted {
                        charges,
                        noted: true,
                    };
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(alarm)) => alarm,
                Err(error) => {
                    self.state = State::Over;
                    return Poll::Ready(Err(error));
                }
            };
            let next = alarm.into_iter().chain(self.deadline).min();
            if self.poll_timer(next, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The service inside is not ready. Ready when it is too late to send.
    pub(super) fn poll_unready(&mut self, cx: &mut Context<'_>) -> Poll<DeadlineExceeded> {
        if let State::Granted { charges, noted } = &mut self.state
            && *noted
        {
            *noted = false;
            self.pacer.set_sent(charges, None);
        }
        let deadline = self.deadline;
        self.poll_timer(deadline, cx)
            .map(|()| DeadlineExceeded::new(None, None))
    }

    /// It is sent now.
    pub(super) fn send(&mut self) {
        if let State::Granted { charges, noted } = self.state {
            let at = Instant::now();
            if !noted {
                self.pacer.set_sent(&charges, Some(at));
            }
            self.timer = None;
            self.state = State::Sent { charges, at };
        }
    }

    /// The headers of its answer tell of limits. Called before
    /// [`answered`](Self::answered), which lets the next ones go.
    pub(super) fn told(&self, status: &RateLimitStatus) {
        if let State::Sent { charges, .. } = &self.state {
            self.pacer.tighten(charges, status);
        }
    }

    /// It was answered. Returns until when pacing keeps back what the answer
    /// refused.
    pub(super) fn answered(&mut self, outcome: Outcome) -> Option<Instant> {
        let State::Sent { charges, at } = self.state else {
            return None;
        };
        self.state = State::Over;
        self.pacer.settle(&charges, at, outcome)
    }

    fn check_deadline(&self, now: Instant) -> Result<(), DeadlineExceeded> {
        match self.deadline {
            Some(deadline) if deadline <= now => Err(DeadlineExceeded::new(None, None)),
            _ => Ok(()),
        }
    }

    fn poll_timer(&mut self, at: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match &self.state {
            State::Outside | State::Over => {}
            State::Queued(at) => self.pacer.leave(*at),
            State::Granted { charges, .. } => self.pacer.give_back(charges),
            State::Sent { charges, at } => {
                self.pacer.settle(charges, *at, Outcome::Lost);
            }
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
