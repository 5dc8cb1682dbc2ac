use std::time::Duration;

use tokio::time::Instant;

use super::{
    builder::Limits,
    decision::{Decision, History, Kind, Outcome, Proof, decide, give_up},
    wait,
};
use crate::{
    classify::ThrottleWindow,
    extensions::{Attempt, Departure, Operation},
};

/// What one request has been through.
#[derive(Clone, Debug)]
pub(super) struct Session {
    number: u32,
    first_sent: Instant,
    /// When the first attempt was answered. Before that it may have queued.
    first_ended: Instant,
    sent: Instant,
    /// When it went, if it queued before that.
    departure: Option<Departure>,
    /// When the first attempt was sent that may have been carried out.
    in_doubt_since: Option<Instant>,
    /// When the first attempt was sent that the server may remember.
    remembered_since: Option<Instant>,
    conflict: bool,
    /// Refusals for a limit on the same window, in a row, and that window.
    throttled: (u32, Option<ThrottleWindow>),
    /// The backoff before this attempt.
    backoff: Option<Duration>,
}

/// What is known after an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) operation: &'a Operation,
    pub(super) outcome: Outcome,
    /// The window of the limit that was reached, if one was.
    pub(super) throttled: Option<ThrottleWindow>,
    /// How long the server asks to stay away.
    pub(super) floor: Duration,
    /// Whether it asked for more, and nobody believed it.
    pub(super) floor_is_cut: bool,
    /// When the scope opens that refused it, if a layer inside keeps back what
    /// is sent before.
    pub(super) held: Option<Instant>,
    /// Whether there is another copy of the request.
    pub(super) replayable: bool,
    /// The request's own deadline.
    pub(super) deadline: Option<Instant>,
    pub(super) now: Instant,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send it again after this time.
    Wait(Duration),
    /// Hand on what the attempt came to.
    HandOn,
    /// End in this failure of ours.
    Fail(End),
    OutcomeUnknown,
}

/// Why a request ends that might be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It could have been sent at `earliest`, which is past its deadline.
    Late { earliest: Option<Instant> },
    /// The server asks for this wait.
    WaitTooLong(Duration),
}

impl Session {
    pub(super) fn new(now: Instant, departure: Option<Departure>) -> Self {
        Self {
            number: 1,
            first_sent: now,
            first_ended: now,
            sent: now,
            departure,
            in_doubt_since: None,
            remembered_since: None,
            conflict: false,
            throttled: (0, None),
            backoff: None,
        }
    }

    /// The number of the attempt under way, 1 for the first.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// How many refusals for a limit on this `window` there were in a row
    /// before the attempt under way. A refusal for the second does not make one
    /// that names no window any graver.
    pub(super) fn repeats(&self, window: Option<ThrottleWindow>) -> u32 {
        match self.throttled {
            (count, before) if before == window => count,
            _ => 0,
        }
    }

    /// Begins the next attempt. The request carries what this returns; `outer`
    /// is what it carried before.
    pub(super) fn resend(
        &mut self,
        operation: Option<&Operation>,
        outer: Option<&Attempt>,
        departure: Option<Departure>,
        now: Instant,
    ) -> Attempt {
        self.number = self.number.saturating_add(1);
        self.sent = now;
        self.departure = departure;
        let limits = [
            operation.and_then(|operation| self.too_late_at(operation)),
            outer.and_then(Attempt::send_before),
        ];
        Attempt::new(self.number, self.first_sent)
            .with_send_before(limits.into_iter().flatten().min())
    }

    /// The instant from which on no resend may start.
    pub(super) fn ends(
        &self,
        limits: &Limits,
        operation: &Operation,
        deadline: Option<Instant>,
    ) -> Option<Instant> {
        [
            self.first_ended.checked_add(limits.max_elapsed),
            self.too_late_at(operation),
            deadline,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes in what the attempt came to, and says how it goes on. `draw`
    /// gives a fresh number in `0.0..1.0` each time.
    pub(super) fn judge(
        &mut self,
        limits: &Limits,
        facts: &Facts<'_>,
        draw: impl Fn() -> f64,
    ) -> Next {
        if self.number == 1 {
            self.first_ended = facts.now;
        }
        let kind = Kind::of(facts.operation);
        let proof = facts.outcome.proof();
        let decision = decide(kind, facts.outcome, self.history());
        self.record(proof, facts.throttled);

        if decision == Decision::Resend {
            if facts.replayable && self.number < limits.max_attempts {
                return match facts.held {
                    Some(opens) => self.queue(limits, facts, opens.max(facts.now)),
                    None => self.schedule(limits, facts, draw),
                };
            }
            return self.give_up(facts.operation, proof);
        }
        match decision {
            Decision::OutcomeUnknown => Next::OutcomeUnknown,
            _ => Next::HandOn,
        }
    }

    /// How it ends if there is no resend, though it might be safe.
    pub(super) fn give_up(&self, operation: &Operation, proof: Proof) -> Next {
        match give_up(Kind::of(operation), proof, self.history()) {
            Decision::OutcomeUnknown => Next::OutcomeUnknown,
            _ => Next::HandOn,
        }
    }

    /// Whether it is a write that may have been carried out.
    pub(super) fn is_in_doubt(&self, operation: &Operation) -> bool {
        self.in_doubt_since.is_some() && !operation.is_read()
    }

    fn schedule(&mut self, limits: &Limits, facts: &Facts<'_>, draw: impl Fn() -> f64) -> Next {
        let floor = facts.floor;
        if floor > limits.max_wait || facts.floor_is_cut {
            return Next::Fail(End::WaitTooLong(floor));
        }
        let backoff = limits.backoff.wait(self.number - 1, self.backoff, draw());
        self.backoff = Some(backoff);
        let mut delay = wait::delay(backoff, floor, draw());

        // A shorter backoff is better than no resend, but only where the
        // server's memory asks for it: a deadline is no reason to hurry.
        if let Some(too_late_at) = self.too_late_at(facts.operation) {
            let left = too_late_at.saturating_duration_since(facts.now);
            match wait::fit(delay, floor, left, draw()) {
                Some(fitting) => delay = fitting,
                None => return self.give_up(facts.operation, facts.outcome.proof()),
            }
        }
        let start = facts.now.checked_add(delay);
        let ends = self.ends(limits, facts.operation, facts.deadline);
        let in_time = match (start, ends) {
            (Some(start), Some(ends)) => start < ends,
            (_, None) => true,
            (None, _) => false,
        };
        if in_time {
            Next::Wait(delay)
        } else {
            Next::Fail(End::Late { earliest: start })
        }
    }

    /// Sends it at once into a queue that `opens` then.
    fn queue(&self, limits: &Limits, facts: &Facts<'_>, opens: Instant) -> Next {
        let wait = opens.saturating_duration_since(facts.now);
        if wait > limits.max_wait || facts.floor_is_cut {
            return Next::Fail(End::WaitTooLong(wait.max(facts.floor)));
        }
        if self
            .too_late_at(facts.operation)
            .is_some_and(|at| at <= opens)
        {
            return self.give_up(facts.operation, facts.outcome.proof());
        }
        let ends = self.ends(limits, facts.operation, facts.deadline);
        if ends.is_none_or(|ends| opens < ends) {
            Next::Wait(Duration::ZERO)
        } else {
            let earliest = Some(opens);
            Next::Fail(End::Late { earliest })
        }
    }

    fn record(&mut self, proof: Proof, throttled: Option<ThrottleWindow>) {
        let departed = self.departure.as_ref().and_then(Departure::at);
        let sent = departed.unwrap_or(self.sent);
        if proof == Proof::InDoubt {
            self.in_doubt_since.get_or_insert(sent);
        }
        if matches!(proof, Proof::InDoubt | Proof::Conflict) {
            self.remembered_since.get_or_insert(sent);
        }
        self.conflict |= proof == Proof::Conflict;
        self.throttled = match throttled {
            Some(_) => (self.repeats(throttled).saturating_add(1), throttled),
            None => (0, None),
        };
    }

    fn history(&self) -> History {
        History {
            in_doubt: self.in_doubt_since.is_some(),
            conflict: self.conflict,
        }
    }

    /// From when on the server no longer knows a copy for a copy. Its memory
    /// matters only if there is a first copy to remember.
    pub(super) fn forgotten_at(&self, operation: &Operation) -> Option<Instant> {
        self.remembered(operation, |memory| memory)
    }

    /// From when on no resend may start: after three quarters of the server's
    /// memory, as the copy has a way to go.
    fn too_late_at(&self, operation: &Operation) -> Option<Instant> {
        self.remembered(operation, |memory| memory / 4 * 3)
    }

    fn remembered(
        &self,
        operation: &Operation,
        share: impl Fn(Duration) -> Duration,
    ) -> Option<Instant> {
        let Operation::IdempotentWrite { remembered_for, .. } = operation else {
            return None;
        };
        self.remembered_since?.checked_add(share(*remembered_for))
    }
}
