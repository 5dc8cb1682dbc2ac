use std::{cmp::Reverse, task::Waker, time::Duration};

use tokio::time::Instant;

use super::{
    Quota, Scope, Scopes, Touched,
    core::{Core, Path, Verdict},
    gate::Gate,
};
use crate::slab::At;

const DAY: Duration = Duration::from_secs(86_400);

/// Which scopes there are.
///
/// Only those that differ from a new one are kept: the memory follows the
/// requests of the last windows, and no debt is forgotten.
impl Core {
    pub(super) fn resolve(&mut self, touched: Touched, scopes: &dyn Scopes, now: Instant) -> Path {
        let mut path = Path::default();
        let gates = touched.into_scopes();
        let gates = gates.filter_map(|scope| self.gate_for(scope, scopes, now));
        for (place, gate) in path.gates.iter_mut().zip(gates) {
            *place = Some(gate);
        }
        path
    }

    pub(super) fn gate_for(
        &mut self,
        scope: Scope,
        scopes: &dyn Scopes,
        now: Instant,
    ) -> Option<At> {
        if let Some(at) = self.index.get(&scope) {
            return Some(*at);
        }
        let own = self.quotas.get(&scope).cloned();
        let quota = own.or_else(|| scopes.quota(&scope));
        self.turn += 1;
        let midnight = self.midnight(now);
        let gate = Gate::new(scope.clone(), self.turn, quota.as_ref(), midnight);
        let at = self.gates.insert(gate)?;
        self.index.insert(scope, at);
        self.list_if_idle(at, now);
        Some(at)
    }

    /// The gate that a waiting request stands at.
    pub(super) fn gate_of(&mut self, at: At) -> Option<At> {
        let waiter = self.waiter(at);
        if waiter.verdict.is_some() {
            return None;
        }
        waiter.path.gates[waiter.stage]
    }

    /// An instant before which a request on this path is not sent for certain.
    pub(super) fn closed_until(&mut self, path: Path, now: Instant) -> Option<Instant> {
        let gates = path.gates.into_iter().flatten();
        gates.filter_map(|at| self.gate(at).closed_until(now)).max()
    }

    /// Ends the wait of all that must be sent before `until` and wait for the
    /// gate that is closed until then.
    pub(super) fn fail_late(
        &mut self,
        gate: At,
        until: Instant,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) {
        let due = self.deadlines.iter().take_while(|(by, _)| *by <= until);
        let due: Vec<At> = due.map(|(_, at)| *at).collect();
        for at in due {
            let waits = self.waiter(at).path.gates.contains(&Some(gate));
            if waits {
                let stands_at = self.gate_of(at);
                self.withdraw(at);
                self.decide(at, Verdict::TooLate { earliest: until }, None, woken);
                if let Some(stands_at) = stands_at {
                    self.schedule(stands_at, now, None, woken);
                }
            }
        }
    }

    /// Changes what a scope admits. `None`: as `scopes` say.
    pub(super) fn set_quota(
        &mut self,
        scope: Scope,
        quota: Option<Quota>,
        scopes: &dyn Scopes,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) {
        let in_force = quota.clone().or_else(|| scopes.quota(&scope));
        match quota {
            Some(quota) => drop(self.quotas.insert(scope.clone(), quota)),
            None => drop(self.quotas.remove(&scope)),
        }
        if let Some(at) = self.index.get(&scope).copied() {
            let midnight = self.midnight(now);
            self.gate(at).set_quota(in_force.as_ref(), midnight);
            self.pump(at, now, None, woken);
        }
    }

    /// Closes a scope until an instant.
    pub(super) fn hold(
        &mut self,
        scope: Scope,
        until: Instant,
        scopes: &dyn Scopes,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) {
        if let Some(at) = self.gate_for(scope, scopes, now)
            && self.gate(at).hold.close(until)
        {
            self.fail_late(at, until, now, woken);
            self.schedule(at, now, None, woken);
            self.list_if_idle(at, now);
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool, now: Instant, woken: &mut Vec<Waker>) {
        self.paused = paused;
        let gates: Vec<At> = self.index.values().copied().collect();
        for at in gates {
            self.pump(at, now, None, woken);
        }
    }

    pub(super) fn list_if_idle(&mut self, at: At, now: Instant) {
        let gate = self.gate(at);
        if gate.listed || gate.scope.is_app() {
            return;
        }
        if let Some(from) = gate.idle_from(now) {
            gate.listed = true;
            let id = gate.id;
            self.maybe_idle.push(Reverse((from, at, id)));
        }
    }

    /// Removes a few of those that are as new.
    pub(super) fn evict(&mut self, now: Instant) {
        for _ in 0..4 {
            let Some(Reverse((from, at, id))) = self.maybe_idle.peek().copied() else {
                return;
            };
            if from > now {
                return;
            }
            self.maybe_idle.pop();
            let Some(gate) = self.gates.get_mut(at).filter(|gate| gate.id == id) else {
                continue;
            };
            gate.listed = false;
            if gate.is_idle(now) {
                self.index.remove(&gate.scope);
                self.gates.remove(at);
            } else if let Some(from) = gate.idle_from(now) {
                gate.listed = true;
                let from = from.max(now + Duration::from_secs(1));
                self.maybe_idle.push(Reverse((from, at, id)));
            }
        }
    }

    /// The next 00:00 UTC.
    pub(super) fn midnight(&self, now: Instant) -> Instant {
        let midnight = self.settings.midnight;
        let past = now.saturating_duration_since(midnight).as_secs() / DAY.as_secs();
        let days = u32::try_from(past).unwrap_or(0) + u32::from(now >= midnight);
        midnight + DAY * days
    }
}
