use std::{collections::BTreeSet, task::Waker, time::Duration};

use tokio::{runtime, time::Instant};

use super::{core::Core, tick::Now, waiter::State};
use crate::slab::At;

/// How long a request may take to go once it is told to. A future that is not
/// polled keeps its slot from the others for so long.
const LAPSES: Duration = Duration::from_millis(100);

/// The clock may be set while nothing is due.
const LOOKS: Duration = Duration::from_secs(600);

/// A timer is no finer.
const FINEST: Duration = Duration::from_millis(1);

/// What is to happen when, to all that waits.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    /// Scopes that may open.
    gates: BTreeSet<(Instant, At)>,
    /// Requests that were told to go.
    grants: BTreeSet<(Instant, At)>,
    /// Requests that must be sent.
    deadlines: BTreeSet<(Instant, At)>,
    /// The tasks that sleep until the next of them.
    keepers: Vec<Keeper>,
}

/// A task that keeps the time, as far as it is known here. Each runtime that
/// somebody waits in has its own: nobody knows which of them is driven.
#[derive(Debug)]
struct Keeper {
    runtime: Option<runtime::Id>,
    waker: Option<Waker>,
    /// `None`: when it is woken.
    sleeps_until: Option<Instant>,
}

impl Alarms {
    pub(super) fn next(&self) -> Option<Instant> {
        let all = [&self.gates, &self.grants, &self.deadlines];
        let firsts = all.into_iter().filter_map(|set| set.first());
        firsts.map(|(at, _)| *at).min()
    }

    pub(super) fn expect_by(&mut self, deadline: Option<Instant>, waiter: At) {
        self.deadlines.extend(deadline.map(|at| (at, waiter)));
    }

    pub(super) fn granted(&mut self, at: Instant, waiter: At) {
        self.grants.insert((at + LAPSES, waiter));
    }

    pub(super) fn taken(&mut self, at: Instant, waiter: At) {
        self.grants.remove(&(at + LAPSES, waiter));
    }

    pub(super) fn expect_no_more(&mut self, deadline: Option<Instant>, waiter: At) {
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, waiter));
        }
    }

    /// Those that were told to go and have not, the last ones first.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = At> {
        self.grants.iter().rev().map(|(_, waiter)| *waiter)
    }

    /// Those that must be sent by then.
    pub(super) fn due_by(&self, until: Instant) -> Vec<At> {
        let due = self.deadlines.iter().take_while(|(by, _)| *by <= until);
        due.map(|(_, at)| *at).collect()
    }

    /// Whether the time is kept in this runtime; if it is not known, in any.
    pub(super) fn is_kept(&self, runtime: Option<runtime::Id>) -> bool {
        let mut keepers = self.keepers.iter();
        keepers.any(|it| runtime.is_none() || it.runtime == runtime)
    }

    /// Whether one is to be started in this runtime. It counts as started then.
    pub(super) fn start(&mut self, runtime: Option<runtime::Id>) -> bool {
        let starts = !self.is_kept(runtime);
        if starts {
            self.keepers.push(Keeper {
                runtime,
                waker: None,
                sleeps_until: None,
            });
        }
        starts
    }

    fn keeper(&mut self, runtime: Option<runtime::Id>) -> Option<&mut Keeper> {
        self.keepers.iter_mut().find(|it| it.runtime == runtime)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.next().is_none()
    }
}

impl Core {
    /// Does what is due.
    pub(super) fn tick(&mut self, now: Now, woken: &mut Vec<Waker>) {
        while let Some(&(at, gate)) = self.alarms.gates.first()
            && at <= now.instant
        {
            self.alarms.gates.pop_first();
            self.gate(gate).active().alarm = None;
            self.note(gate);
        }
        for waiter in self.alarms.due_by(now.instant) {
            self.too_late(waiter, None, now, woken);
        }
        while let Some(&(at, waiter)) = self.alarms.grants.first()
            && at <= now.instant
        {
            self.revoke(waiter, true, now);
        }
        self.run(now, woken);
    }

    /// When to look at a gate again: when it may open, if anybody waits for
    /// that.
    pub(super) fn set_alarm(&mut self, gate: At, now: Now) {
        let wanted = self.wanted_at(gate, now);
        let trips = &self.trips;
        let found = self.gates.get_mut(gate).expect(super::core::GATE);
        let alarm = wanted.filter(|_| !self.paused);
        let alarm = alarm.and_then(|cost| found.opens_at(cost, now, trips));
        let alarm = alarm.map(|at| at.max(now.instant + FINEST));
        let active = found.active();
        active.wanted = wanted.unwrap_or(u32::MAX);
        let old = std::mem::replace(&mut active.alarm, alarm);
        if old != alarm {
            if let Some(old) = old {
                self.alarms.gates.remove(&(old, gate));
            }
            self.alarms.gates.extend(alarm.map(|at| (at, gate)));
        }
    }

    /// Ends the wait of one that cannot be sent in time.
    pub(super) fn too_late(
        &mut self,
        at: At,
        earliest: Option<Instant>,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        match self.waiter(at).state {
            State::Standing => self.withdraw(at, false, now),
            State::Granted { .. } => self.revoke(at, false, now),
            State::Aside { .. } => {}
            State::TooLate { .. } => return,
        }
        self.queued -= 1;
        let waiter = self.waiter(at);
        waiter.state = State::TooLate { earliest };
        woken.extend(waiter.waker.take());
        let deadline = waiter.deadline;
        self.alarms.expect_no_more(deadline, at);
    }

    /// Ends the wait of all that must be sent before `until` and wait for the
    /// gate that is closed until then.
    pub(super) fn fail_late(&mut self, gate: At, until: Instant, now: Now, woken: &mut Vec<Waker>) {
        if self.gate(gate).active().users == 0 {
            return;
        }
        for at in self.alarms.due_by(until) {
            if self.waiter(at).path.contains(gate) {
                self.too_late(at, Some(until), now, woken);
            }
        }
    }

    /// Tells those that keep the time, if that has become short, or if nobody
    /// waits any more.
    pub(super) fn wind(&mut self, woken: &mut Vec<Waker>) {
        self.tell_drained(woken);
        if self.alarms.keepers.iter().all(|it| it.waker.is_none()) {
            return;
        }
        let next = self.alarms.next();
        for keeper in &mut self.alarms.keepers {
            let sooner = match (next, keeper.sleeps_until) {
                (Some(next), Some(until)) => next < until,
                (next, None) => next.is_some(),
                (None, Some(_)) => false,
            };
            if sooner || self.waiters.len() == 0 {
                woken.extend(keeper.waker.take());
            }
        }
    }

    /// Until when the one that keeps the time in this runtime may sleep, and the
    /// waker that it left before. `Err`: nobody waits, and it ends.
    pub(super) fn keep(
        &mut self,
        runtime: Option<runtime::Id>,
        waker: Waker,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> (Result<Option<Instant>, Waker>, Option<Waker>) {
        let own = self.alarms.keeper(runtime);
        let old = own.and_then(|keeper| keeper.waker.take());
        self.tick(now, woken);
        if self.waiters.len() == 0 {
            self.alarms.keepers.retain(|it| it.runtime != runtime);
            return (Err(waker), old);
        }
        let next = self.alarms.next().map(|at| at.min(now.instant + LOOKS));
        if let Some(keeper) = self.alarms.keeper(runtime) {
            (keeper.waker, keeper.sleeps_until) = (Some(waker), next);
        }
        (Ok(next), old)
    }

    /// The one that kept the time is gone, perhaps with its runtime. Whoever
    /// waits starts another when he is polled.
    pub(super) fn abandon(
        &mut self,
        runtime: Option<runtime::Id>,
        woken: &mut Vec<Waker>,
    ) -> Option<Waker> {
        let waiting: Vec<At> = self.waiters.iter().map(|(at, _)| at).collect();
        for at in waiting {
            woken.extend(self.waiter(at).waker.take());
        }
        let keepers = &mut self.alarms.keepers;
        let own = keepers.iter().position(|it| it.runtime == runtime)?;
        keepers.swap_remove(own).waker
    }
}
