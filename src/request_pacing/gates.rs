use std::{
    hash::{BuildHasher, Hasher},
    num::NonZeroU32,
    sync::Arc,
    task::Waker,
};

use hashbrown::DefaultHashBuilder;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::{
    Quota, Scope, Scopes, Touched,
    charge::Path,
    core::{Core, GATE},
    gate::Gate,
    names::NameAt,
    scopes::Kind,
    tick::Now,
    waiter::Verdict,
    window::Plan,
};
use crate::{extensions::AccountId, slab::At};

/// Which scopes there are.
impl Core {
    #[inline]
    pub(super) fn resolve(&mut self, touched: &Touched<'_>, scopes: &dyn Scopes) -> Path {
        let mut path = Path::default();
        if let Some(value) = &touched.field {
            let found = self.names.find(value);
            let found = found.and_then(|name| self.names.get(name).field);
            path.extend(found.or_else(|| self.add(&Scope::field_value(value), scopes)));
        }
        let name = touched.endpoint.map(|name| (name, self.names.find(name)));
        if let Some((account, endpoint)) = touched.account_endpoint {
            let found = match name {
                Some((name, found)) if is_same(name, endpoint) => found,
                _ => self.names.find(endpoint),
            };
            let found = found.and_then(|name| self.find(account, name));
            path.extend(found.or_else(|| {
                let scope = Scope::of_account_endpoint(account.clone(), endpoint.clone());
                self.add(&scope, scopes)
            }));
        }
        if let Some((name, found)) = name {
            let found = found.and_then(|name| self.names.get(name).endpoint);
            path.extend(found.or_else(|| self.add(&Scope::of_endpoint(name.clone()), scopes)));
        }
        if touched.app {
            path.extend(self.app.or_else(|| self.add(&Scope::app(), scopes)));
        }
        path
    }

    /// The gate of an account at the endpoint of this name.
    fn find(&self, account: &AccountId, name: NameAt) -> Option<At> {
        let same = |at: &At| {
            let gate = self.gates.get(*at);
            gate.is_some_and(|it| it.name == Some(name) && it.account.as_ref() == Some(account))
        };
        let hash = hash(&self.hasher, Some(account), Some(name));
        self.accounts.find(hash, same).copied()
    }

    fn find_scope(&self, scope: &Scope) -> Option<At> {
        if scope.kind() == Kind::App {
            return self.app;
        }
        let name = self.names.find(scope.name()?)?;
        match scope.kind() {
            Kind::Field => self.names.get(name).field,
            Kind::Endpoint => self.names.get(name).endpoint,
            Kind::AccountEndpoint => self.find(scope.account()?, name),
            Kind::App => self.app,
        }
    }

    /// The gate of a scope, made if it has none.
    pub(super) fn gate_for(&mut self, scope: &Scope, scopes: &dyn Scopes) -> Option<At> {
        let found = self.find_scope(scope);
        found.or_else(|| self.add(scope, scopes))
    }

    /// A gate for a scope that has none.
    #[cold]
    fn add(&mut self, scope: &Scope, scopes: &dyn Scopes) -> Option<At> {
        let own = self.quotas.get(scope).cloned();
        let plan = self.plan(own.or_else(|| scopes.quota(scope)));
        let name = match scope.text() {
            Some(text) => Some(self.names.bear(text)?),
            None => None,
        };
        let gate = Gate::new(scope.kind(), scope.account().cloned(), name, plan);
        let Some(at) = self.gates.insert(gate) else {
            name.into_iter().for_each(|name| self.names.shed(name));
            return None;
        };
        match (scope.kind(), name) {
            (Kind::Endpoint, Some(name)) => self.names.get_mut(name).endpoint = Some(at),
            (Kind::Field, Some(name)) => self.names.get_mut(name).field = Some(at),
            (Kind::AccountEndpoint, _) => {
                let (gates, hasher) = (&self.gates, &self.hasher);
                let of = |at: &At| {
                    let gate = gates.get(*at).expect(GATE);
                    hash(hasher, gate.account.as_ref(), gate.name)
                };
                self.accounts
                    .insert_unique(hash(hasher, scope.account(), name), at, of);
            }
            _ => self.app = Some(at),
        }
        Some(at)
    }

    pub(super) fn drop_gate(&mut self, at: At) {
        let Some(gate) = self.gates.get(at) else {
            return;
        };
        match (gate.kind, gate.name) {
            (Kind::Endpoint, Some(name)) => self.names.get_mut(name).endpoint = None,
            (Kind::Field, Some(name)) => self.names.get_mut(name).field = None,
            (Kind::AccountEndpoint, name) => {
                let hash = hash(&self.hasher, gate.account.as_ref(), name);
                if let Ok(entry) = self.accounts.find_entry(hash, |other| *other == at) {
                    entry.remove();
                }
            }
            _ => self.app = None,
        }
        if let Some(name) = gate.name {
            self.names.shed(name);
        }
        self.gates.remove(at);
    }

    pub(super) fn scope_of(&self, gate: &Gate) -> Scope {
        let name = gate.name.map(|name| self.names.get(name).text.clone());
        Scope::new(gate.kind, gate.account.clone(), name)
    }

    /// The plan of a quota, shared with all others of the same.
    pub(super) fn plan(&mut self, quota: Option<Quota>) -> Option<Arc<Plan>> {
        let plan = Plan::new(&quota?);
        if let Some(known) = self.plans.get(&plan) {
            return Some(known.clone());
        }
        if self.plans.len() == self.plans.capacity() {
            self.plans.retain(|plan| Arc::strong_count(plan) > 1);
        }
        let plan = Arc::new(plan);
        self.plans.insert(plan.clone());
        Some(plan)
    }

    /// The gate that a waiting request stands at.
    pub(super) fn gate_of(&mut self, at: At) -> Option<At> {
        let waiter = self.waiter(at);
        if waiter.verdict.is_some() {
            return None;
        }
        waiter.path.gate(waiter.stage)
    }

    /// An instant before which a request on this path is not sent for certain.
    pub(super) fn closed_until(&mut self, path: Path, now: Now) -> Option<Instant> {
        path.gates()
            .filter_map(|at| self.gate(at).closed_until(now))
            .max()
    }

    /// Ends the wait of all that must be sent before `until` and wait for the
    /// gate that is closed until then.
    pub(super) fn fail_late(&mut self, gate: At, until: Instant, now: Now, woken: &mut Vec<Waker>) {
        let due = self.deadlines.iter().take_while(|(by, _)| *by <= until);
        let due: Vec<At> = due.map(|(_, at)| *at).collect();
        for at in due {
            if self.waiter(at).path.contains(gate) {
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
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        let in_force = quota.clone().or_else(|| scopes.quota(&scope));
        if let Some(at) = self.find_scope(&scope) {
            let plan = self.plan(in_force);
            self.gate(at).set_plan(plan);
            self.pump(at, now, None, woken);
        }
        match quota {
            Some(quota) => drop(self.quotas.insert(scope, quota)),
            None => drop(self.quotas.remove(&scope)),
        }
    }

    /// Closes a scope until an instant.
    pub(super) fn hold(
        &mut self,
        scope: &Scope,
        until: Instant,
        scopes: &dyn Scopes,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        if let Some(at) = self.gate_for(scope, scopes)
            && self.gate(at).active().hold.close(until)
        {
            self.fail_late(at, until, now, woken);
            self.schedule(at, now, None, woken);
            self.list(at, now);
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool, now: Now, woken: &mut Vec<Waker>) {
        self.paused = paused;
        let busy = self.gates.iter().filter(|(_, gate)| gate.queued() > 0);
        let busy: Vec<At> = busy.map(|(at, _)| at).collect();
        for at in busy {
            self.pump(at, now, None, woken);
        }
    }
}

fn hash(hasher: &DefaultHashBuilder, account: Option<&AccountId>, name: Option<NonZeroU32>) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(account.map_or("", AccountId::as_str).as_bytes());
    hasher.write_u32(name.map_or(0, NonZeroU32::get));
    hasher.finish()
}

/// Mostly it is the same text at the same place.
fn is_same(a: &SmolStr, b: &SmolStr) -> bool {
    std::ptr::eq(a, b) || a == b
}
