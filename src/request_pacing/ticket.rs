use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Extensions;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    charge::Charges,
    outcome::Outcome,
    pacer::{Joined, Pacer},
    tick::Now,
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
    /// What it holds once it is granted.
    charges: Charges,
    deadline: Option<Instant>,
    /// Made when it keeps the time for others, or for its own deadline.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    Outside,
    Queued(At),
    /// `sent` is when it goes, or none if the service inside is not ready.
    Granted {
        sent: Option<Now>,
    },
    Sent {
        at: Now,
    },
    Over,
}

impl Ticket {
    pub(super) fn new(pacer: Arc<Pacer>) -> Self {
        Self {
            pacer,
            state: State::Outside,
            charges: Charges::default(),
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
        if let State::Granted { .. } = self.state {
            self.check_deadline(Instant::now())?;
            return Poll::Ready(Ok(()));
        }
        let mut now = self.pacer.now();
        if let State::Outside = self.state {
            self.deadline = Deadline::to_send(extensions);
            self.check_deadline(now.instant)?;
            let entered = self
                .pacer
                .enter(extensions, self.deadline, &mut self.charges, now);
            match entered? {
                Joined::Granted => {
                    self.state = State::Granted { sent: Some(now) };
                    return Poll::Ready(Ok(()));
                }
                Joined::Queued(at) => self.state = State::Queued(at),
            }
        }
        while let State::Queued(at) = self.state {
            self.check_deadline(now.instant)?;
            let alarm = match self.pacer.poll(at, now, cx) {
                Ok(Ok(charges)) => {
                    self.timer = None;
                    self.charges = charges;
                    self.state = State::Granted { sent: Some(now) };
                    break;
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
            now = self.pacer.now();
        }
        Poll::Ready(Ok(()))
    }

    /// The service inside is not ready. Ready when it is too late to send.
    pub(super) fn poll_unready(&mut self, cx: &mut Context<'_>) -> Poll<DeadlineExceeded> {
        if let State::Granted { sent } = &mut self.state
            && sent.take().is_some()
        {
            self.pacer.set_sent(&self.charges, None);
        }
        let deadline = self.deadline;
        self.poll_timer(deadline, cx)
            .map(|()| DeadlineExceeded::new(None, None))
    }

    /// It is sent now.
    pub(super) fn send(&mut self) {
        if let State::Granted { sent } = self.state {
            let at = sent.unwrap_or_else(|| {
                let now = self.pacer.now();
                self.pacer.set_sent(&self.charges, Some(now));
                now
            });
            self.timer = None;
            self.state = State::Sent { at };
        }
    }

    /// The headers of its answer tell of limits. Called before
    /// [`answered`](Self::answered), which lets the next ones go.
    pub(super) fn told(&self, status: &RateLimitStatus) {
        if let State::Sent { .. } = &self.state {
            self.pacer.tighten(&self.charges, status);
        }
    }

    /// It was answered. Returns until when pacing keeps back what the answer
    /// refused.
    pub(super) fn answered(&mut self, outcome: Outcome) -> Option<Instant> {
        let State::Sent { at } = self.state else {
            return None;
        };
        self.state = State::Over;
        self.pacer.settle(&self.charges, at, outcome)
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
            State::Granted { .. } => self.pacer.give_back(&self.charges),
            State::Sent { at } => {
                self.pacer.settle(&self.charges, *at, Outcome::Lost);
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
