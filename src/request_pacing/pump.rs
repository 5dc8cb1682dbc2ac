use std::task::Waker;

use super::{
    charge::{Charges, Path},
    core::{Core, GATE},
    queue::{Arrival, FairQueue},
    tick::Now,
    waiter::Verdict,
};
use crate::slab::At;

/// Who goes next.
///
/// A request passes its gates from the narrow to the wide. At each but the last
/// it reserves a slot and joins the queue of the next; at the last, all are
/// charged at once. So nobody looks at a queue that cannot move, and each step
/// moves one request.
impl Core {
    /// Sends a request through all its gates, if nobody waits at any and each
    /// has room.
    #[inline]
    pub(super) fn pass(&mut self, charges: &mut Charges, now: Now) -> bool {
        if self.paused && !charges.path.is_empty() {
            return false;
        }
        for at in charges.path.as_slice() {
            let gate = self.gates.get_mut(*at).expect(GATE);
            if !gate.lets_pass(now, &self.trips) {
                return false;
            }
        }
        self.charge(charges, now, true);
        true
    }

    /// Lets go whoever may pass this gate.
    pub(super) fn pump(&mut self, at: At, now: Now, polling: Option<At>, woken: &mut Vec<Waker>) {
        while !self.paused
            && let Some(gate) = self.gates.get_mut(at)
            && gate.queued() > 0
            && gate.room(now, &self.trips) > 0
            && let Some(queue) = &mut gate.active().queue
            && let Some(waiter) = queue.pop(now.instant)
        {
            self.step(waiter, at, now, polling, woken);
        }
        self.schedule(at, now, polling, woken);
    }

    #[inline]
    pub(super) fn pump_all(&mut self, path: Path, now: Now, woken: &mut Vec<Waker>) {
        if self.queued > 0 {
            for at in path.gates() {
                if self.gate(at).queued() > 0 {
                    self.pump(at, now, None, woken);
                }
            }
        }
        path.gates().for_each(|at| self.list(at, now));
    }

    /// A request whose turn it is at `at` goes on to the next gate, or goes.
    fn step(&mut self, waiter: At, at: At, now: Now, polling: Option<At>, woken: &mut Vec<Waker>) {
        let state = self.waiter(waiter);
        state.standing = None;
        let (path, stage) = (state.path, state.stage);
        if let Some(next) = path.gate(stage + 1) {
            state.stage += 1;
            self.gate(at).active().reserved += 1;
            self.stand(waiter, now);
            self.pump(next, now, polling, woken);
            return;
        }
        // A gate behind it may have closed while it waited here.
        let trips = &self.trips;
        let closed = path.gates().take(stage).position(|behind| {
            let gate = self.gates.get_mut(behind);
            gate.is_some_and(|gate| !gate.still_open(now, trips))
        });
        for behind in path.gates().take(stage).skip(closed.unwrap_or(0)) {
            self.gate(behind).active().reserved -= 1;
        }
        if let Some(closed) = closed {
            self.waiter(waiter).stage = closed;
            self.stand(waiter, now);
            // What it had reserved further on is free for others.
            for behind in path.gates().take(stage).skip(closed) {
                self.pump(behind, now, polling, woken);
            }
            return;
        }
        let mut charges = Charges {
            path,
            ..Charges::default()
        };
        self.charge(&mut charges, now, false);
        self.decide(waiter, Verdict::Granted(charges), polling, woken);
    }

    /// Tells a request what became of it.
    pub(super) fn decide(
        &mut self,
        at: At,
        verdict: Verdict,
        polling: Option<At>,
        woken: &mut Vec<Waker>,
    ) {
        let waiter = self.waiter(at);
        waiter.verdict = Some(verdict);
        if polling != Some(at) {
            woken.extend(waiter.waker.take());
        }
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, at));
        }
        self.queued -= 1;
    }

    #[inline]
    fn charge(&mut self, charges: &mut Charges, now: Now, sent: bool) {
        let gates = charges.path.as_slice().iter();
        for (at, part) in gates.zip(&mut charges.parts) {
            *part = self.gates.get_mut(*at).expect(GATE).take(now, sent);
        }
    }

    /// Joins the queue of the gate that it has come to.
    pub(super) fn stand(&mut self, at: At, now: Now) -> bool {
        let waiter = self.waiters.get_mut(at).expect("it was there a moment ago");
        let Some(gate) = waiter.path.gate(waiter.stage) else {
            return false;
        };
        let account = waiter.comer.account.clone();
        let weight = account
            .as_ref()
            .and_then(|account| self.weights.get(account));
        let arrival = Arrival {
            weight: weight.copied().unwrap_or(1),
            account,
            priority: waiter.comer.priority,
            age: waiter.comer.age,
            turn: waiter.turn,
        };
        let ageing = self.settings.ageing;
        let gate = self.gates.get_mut(gate).expect(GATE);
        let queue = &mut gate.active().queue;
        let queue = queue.get_or_insert_with(|| Box::new(FairQueue::new(ageing, now.instant)));
        waiter.standing = queue.push(arrival, at, now.instant);
        waiter.standing.is_some()
    }

    /// Gives up its place in the queue, and what it has reserved.
    pub(super) fn withdraw(&mut self, at: At) {
        let waiter = self.waiter(at);
        let (path, stage, standing) = (waiter.path, waiter.stage, waiter.standing.take());
        for behind in path.gates().take(stage) {
            self.gate(behind).active().reserved -= 1;
        }
        if let Some(gate) = path.gate(stage) {
            let gate = self.gate(gate).active();
            if gate.driver == Some(at) {
                gate.driver = None;
            }
            if let (Some(queue), Some(standing)) = (&mut gate.queue, standing) {
                queue.remove(standing);
            }
        }
    }

    /// Forgets a request that is in no queue any more.
    pub(super) fn remove(&mut self, at: At) {
        let waiter = self.waiter(at);
        let (deadline, path) = (waiter.deadline, waiter.path);
        if waiter.verdict.is_none() {
            self.queued -= 1;
        }
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, at));
        }
        for gate in path.gates() {
            self.gate(gate).active().expected -= 1;
        }
        self.waiters.remove(at);
    }

    /// Sees to it that one of those who wait here keeps the time.
    pub(super) fn schedule(
        &mut self,
        at: At,
        now: Now,
        polling: Option<At>,
        woken: &mut Vec<Waker>,
    ) {
        let driver = self.gate(at).if_active().and_then(|gate| gate.driver);
        // The one that kept it may have gone on.
        let driver = driver.filter(|driver| {
            let waiter = self.waiters.get_mut(*driver);
            waiter.is_some_and(|waiter| {
                waiter.verdict.is_none() && waiter.path.gate(waiter.stage) == Some(at)
            })
        });
        let paused = self.paused;
        let gate = self.gates.get_mut(at).expect(GATE);
        let late = gate
            .if_active()
            .and_then(|gate| gate.queue.as_ref()?.late());
        let Some(keeper) = driver.or(late) else {
            let gate = gate.active();
            (gate.driver, gate.alarm, gate.queue) = (None, None, None);
            return;
        };
        let next = if paused {
            None
        } else {
            gate.opens_at(now, &self.trips)
        };
        // What opens now waits for those that have passed: they tell.
        let next = next.filter(|next| *next > now.instant);
        let gate = gate.active();
        let rings = gate.alarm.is_some_and(|alarm| alarm <= now.instant);
        let sooner = match (next, gate.alarm) {
            (Some(next), Some(alarm)) => next < alarm,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let changed = gate.driver != Some(keeper);
        gate.driver = Some(keeper);
        if changed || sooner || rings {
            gate.alarm = next;
            if next.is_some() && polling != Some(keeper) {
                let waiter = self.waiter(keeper);
                woken.extend(waiter.waker.clone());
            }
        }
    }
}
