use std::task::Waker;

use tokio::time::Instant;

use super::{
    core::{Charges, Core, Path, Verdict},
    queue::{Arrival, FairQueue},
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
    pub(super) fn pass(&mut self, path: Path, now: Instant) -> Option<Charges> {
        if self.paused && path.gates[0].is_some() {
            return None;
        }
        for at in path.gates.into_iter().flatten() {
            let gate = self.gates.get_mut(at)?;
            if gate.queued() > 0 || gate.room(now, &self.trips) == 0 {
                return None;
            }
        }
        Some(self.charge(path, now, true))
    }

    /// Lets go whoever may pass this gate.
    pub(super) fn pump(
        &mut self,
        at: At,
        now: Instant,
        polling: Option<At>,
        woken: &mut Vec<Waker>,
    ) {
        while !self.paused
            && let Some(gate) = self.gates.get_mut(at)
            && gate.queued() > 0
            && gate.room(now, &self.trips) > 0
            && let Some(waiter) = gate.queue.as_mut().and_then(|queue| queue.pop(now))
        {
            self.step(waiter, at, now, polling, woken);
        }
        self.schedule(at, now, polling, woken);
    }

    pub(super) fn pump_all(&mut self, path: Path, now: Instant, woken: &mut Vec<Waker>) {
        for at in path.gates.into_iter().flatten() {
            if self.gate(at).queued() > 0 {
                self.pump(at, now, None, woken);
            }
            self.list_if_idle(at, now);
        }
    }

    /// A request whose turn it is at `at` goes on to the next gate, or goes.
    fn step(
        &mut self,
        waiter: At,
        at: At,
        now: Instant,
        polling: Option<At>,
        woken: &mut Vec<Waker>,
    ) {
        let state = self.waiter(waiter);
        state.standing = None;
        let (path, stage) = (state.path, state.stage);
        if let Some(next) = path.gates.get(stage + 1).copied().flatten() {
            state.stage += 1;
            self.gate(at).reserved += 1;
            self.stand(waiter, now);
            self.pump(next, now, polling, woken);
            return;
        }
        // A gate behind it may have closed while it waited here.
        let trips = &self.trips;
        let closed = path.gates.iter().flatten().take(stage).position(|behind| {
            let gate = self.gates.get_mut(*behind);
            gate.is_some_and(|gate| !gate.still_open(now, trips))
        });
        for behind in path
            .gates
            .into_iter()
            .flatten()
            .take(stage)
            .skip(closed.unwrap_or(0))
        {
            self.gate(behind).reserved -= 1;
        }
        if let Some(closed) = closed {
            self.waiter(waiter).stage = closed;
            self.stand(waiter, now);
            // What it had reserved further on is free for others.
            for behind in path.gates.into_iter().flatten().take(stage).skip(closed) {
                self.pump(behind, now, polling, woken);
            }
            return;
        }
        let charges = self.charge(path, now, false);
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
        if let Some(deadline) = waiter.comer.deadline {
            self.deadlines.remove(&(deadline, at));
        }
        self.queued -= 1;
    }

    fn charge(&mut self, path: Path, now: Instant, sent: bool) -> Charges {
        let parts = path
            .gates
            .map(|gate| gate.map(|gate| self.gate(gate).take(now, sent)));
        Charges { path, parts }
    }

    /// Joins the queue of the gate that it has come to.
    pub(super) fn stand(&mut self, at: At, now: Instant) -> bool {
        let waiter = self.waiters.get_mut(at).expect("it was there a moment ago");
        let Some(gate) = waiter.path.gates[waiter.stage] else {
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
        let gate = self.gates.get_mut(gate).expect(super::core::GATE);
        let queue = gate
            .queue
            .get_or_insert_with(|| Box::new(FairQueue::new(ageing, now)));
        waiter.standing = queue.push(arrival, at, now);
        waiter.standing.is_some()
    }

    /// Gives up its place in the queue, and what it has reserved.
    pub(super) fn withdraw(&mut self, at: At) {
        let waiter = self.waiter(at);
        let (path, stage, standing) = (waiter.path, waiter.stage, waiter.standing.take());
        let gates = path.gates.into_iter().flatten();
        for behind in gates.take(stage) {
            self.gate(behind).reserved -= 1;
        }
        if let Some(gate) = path.gates[stage] {
            let gate = self.gate(gate);
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
        let deadline = waiter.comer.deadline;
        if waiter.verdict.is_none() {
            self.queued -= 1;
        }
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, at));
        }
        self.waiters.remove(at);
    }

    /// Sees to it that one of those who wait here keeps the time.
    pub(super) fn schedule(
        &mut self,
        at: At,
        now: Instant,
        polling: Option<At>,
        woken: &mut Vec<Waker>,
    ) {
        let driver = self.gate(at).driver;
        // The one that kept it may have gone on.
        let driver = driver.filter(|driver| {
            let waiter = self.waiters.get_mut(*driver);
            waiter.is_some_and(|waiter| {
                waiter.verdict.is_none() && waiter.path.gates[waiter.stage] == Some(at)
            })
        });
        let paused = self.paused;
        let gate = self.gates.get_mut(at).expect(super::core::GATE);
        let late = gate.queue.as_ref().and_then(|queue| queue.late());
        let Some(keeper) = driver.or(late) else {
            (gate.driver, gate.alarm) = (None, None);
            gate.queue = None;
            return;
        };
        let next = if paused {
            None
        } else {
            gate.opens_at(now, &self.trips)
        };
        // What opens now waits for those that have passed: they tell.
        let next = next.filter(|next| *next > now);
        let sooner = match (next, gate.alarm) {
            (Some(next), Some(alarm)) => next < alarm || alarm <= now,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let changed = gate.driver != Some(keeper);
        gate.driver = Some(keeper);
        if changed || sooner || gate.alarm.is_some_and(|alarm| alarm <= now) {
            gate.alarm = next;
            if next.is_some() && polling != Some(keeper) {
                let waiter = self.waiter(keeper);
                woken.extend(waiter.waker.clone());
            }
        }
    }
}
