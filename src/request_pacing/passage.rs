use std::task::Waker;

use tokio::time::Instant;

use super::{
    charge::{Charges, Path},
    core::{Core, GATE},
    outcome::Outcome,
    settle::Answer,
    tick::Now,
    waiter::{Comer, Entered, Polled, Verdict, Waiter, Wish},
};
use crate::slab::At;

/// One request's way: in, its turn, out.
impl Core {
    /// Lets a request go, with `charges`, or gives it a place in the queue.
    #[inline]
    pub(super) fn enter(
        &mut self,
        wish: &Wish<'_>,
        comer: impl FnOnce() -> Comer,
        charges: &mut Charges,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Entered {
        self.evict(now);
        charges.path = self.resolve(&wish.touched, wish.scopes);
        if self.pass(charges, now) {
            return Entered::Granted;
        }
        self.join(charges.path, wish.deadline, comer, now, woken)
    }

    #[cold]
    fn join(
        &mut self,
        path: Path,
        deadline: Option<Instant>,
        comer: impl FnOnce() -> Comer,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Entered {
        if let (Some(deadline), Some(earliest)) = (deadline, self.closed_until(path, now))
            && deadline <= earliest
        {
            return Entered::TooLate { earliest };
        }
        let full = Entered::Full {
            queued: self.queued,
        };
        if self.queued >= self.settings.max_queued {
            return full;
        }
        self.turn += 1;
        let waiter = self.waiters.insert(Waiter {
            comer: comer(),
            deadline,
            path,
            stage: 0,
            standing: None,
            waker: None,
            verdict: None,
            turn: self.turn,
        });
        let Some(at) = waiter else {
            return full;
        };
        self.queued += 1;
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, at)));
        for gate in path.gates() {
            self.gate(gate).active().expected += 1;
        }
        if !self.stand(at, now) {
            self.remove(at);
            return full;
        }
        if let Some(first) = path.gate(0) {
            self.pump(first, now, Some(at), woken);
        }
        Entered::Queued(at)
    }

    /// Whether the request in `at` may go by now; it is out of the queue then.
    /// Else `waker` is told, and the waker that it replaces comes back.
    pub(super) fn poll(
        &mut self,
        at: At,
        waker: &Waker,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> (Polled, Option<Waker>) {
        if let Some(gate) = self.gate_of(at)
            && let Some(alarm) = self.gate(gate).active().alarm
            && alarm <= now.instant
        {
            self.pump(gate, now, Some(at), woken);
        }
        let gate = self.gate_of(at);
        let waiter = self.waiter(at);
        if let Some(verdict) = waiter.verdict {
            self.remove(at);
            if let Verdict::Granted(charges) = verdict {
                self.set_sent(&charges, Some(now));
            }
            return (Polled::Decided(verdict), None);
        }
        let replaced = match &mut waiter.waker {
            Some(old) if old.will_wake(waker) => None,
            old => old.replace(waker.clone()),
        };
        let alarm = gate.and_then(|gate| {
            let gate = self.gate(gate).active();
            gate.alarm.filter(|_| gate.driver == Some(at))
        });
        (Polled::Waiting { alarm }, replaced)
    }

    /// The request in `at` is gone. Its waker comes back.
    pub(super) fn leave(&mut self, at: At, now: Now, woken: &mut Vec<Waker>) -> Option<Waker> {
        let waiter = self.waiter(at);
        let waker = waiter.waker.take();
        let (path, stage, verdict) = (waiter.path, waiter.stage, waiter.verdict);
        match verdict {
            Some(Verdict::Granted(charges)) => {
                self.remove(at);
                self.give_back(&charges, now, woken);
            }
            Some(Verdict::TooLate { .. }) => self.remove(at),
            None => {
                self.withdraw(at);
                self.remove(at);
                for gate in path.gates().take(stage + 1) {
                    self.pump(gate, now, None, woken);
                }
                path.gates().for_each(|gate| self.list(gate, now));
            }
        }
        waker
    }

    /// Notes when a request goes, or that it does not go yet.
    pub(super) fn set_sent(&mut self, charges: &Charges, sent: Option<Now>) {
        let sent = sent.map(|sent| sent.tick);
        for (gate, charge) in charges.iter() {
            self.gate(gate).set_sent(charge, sent);
        }
    }

    /// A granted request was not sent.
    pub(super) fn give_back(&mut self, charges: &Charges, now: Now, woken: &mut Vec<Waker>) {
        for (gate, charge) in charges.iter() {
            self.gate(gate).give_back(charge, now);
        }
        self.pump_all(charges.path, now, woken);
    }

    /// A request that was sent is over. Returns until when its scope is
    /// closed, if one of its scopes refused it.
    pub(super) fn settle(
        &mut self,
        charges: &Charges,
        sent: Now,
        mut outcome: Outcome,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Option<Instant> {
        if let Outcome::Refused(refusal) = &mut outcome {
            self.refused = true;
            let touched = charges.path.gates();
            refusal.attribute(touched.map(|at| {
                let gate = self.gate(at);
                (gate.kind.throttle_scope(), gate.fullness(sent))
            }));
        }
        let latest = match outcome {
            Outcome::Admitted => {
                self.trips.saw(now.tick.since(sent.tick).into());
                now.tick
            }
            Outcome::Refused(_) | Outcome::Unclear => now.tick,
            // Nobody saw when it ended: it may still be on its way.
            Outcome::Lost => now.tick.max(sent.tick.plus(self.trips.long().into())),
        };
        let answer = Answer {
            outcome: &outcome,
            now,
            sent,
            latest,
        };
        let mut closed = None;
        for (at, charge) in charges.iter() {
            let gate = self.gates.get_mut(at).expect(GATE);
            if let Some(until) = gate.settle(charge, &answer, &self.trips) {
                self.fail_late(at, until, now, woken);
                closed = Some(until);
            }
        }
        self.pump_all(charges.path, now, woken);
        closed
    }
}
