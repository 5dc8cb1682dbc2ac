use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
    task::Waker,
};

use hashbrown::DefaultHashBuilder;
use smol_str::SmolStr;

use super::{
    Inadmissible, InvalidQuota, Quota, Scope, Scopes, Touched,
    charge::Path,
    core::{Core, GATE},
    gate::Gate,
    names::Names,
    scopes::Kind,
    tick::Now,
    window::Plan,
};
use crate::{
    extensions::AccountId,
    slab::{At, Slab},
};

/// Which scopes there are.
impl Core {
    #[inline]
    pub(super) fn resolve(
        &mut self,
        touched: &Touched<'_>,
        scopes: &dyn Scopes,
    ) -> Result<Path, Box<Inadmissible>> {
        let mut path = Path::default();
        // Mostly the two endpoints are one, and found at once.
        let mut name = None;
        if let Some((account, endpoint)) = touched.account_endpoint {
            let found = self.find(account, endpoint);
            if touched.endpoint.is_some_and(|it| is_same(it, endpoint)) {
                name = found.and_then(|at| self.gates.get(at)?.name);
            }
            path.extend(match found {
                Some(at) => Some(at),
                None => {
                    let scope = Scope::of_account_endpoint(account.clone(), endpoint.clone());
                    self.add(&scope, scopes)?
                }
            });
        }
        // Whose values are many are mostly those of one account; the other way
        // round, one value would lead to as many lines as there are accounts.
        if let Some(value) = &touched.field {
            let found = self.names.find(value);
            let found = found.and_then(|name| self.names.get(name).field);
            path.extend(match found {
                Some(at) => Some(at),
                None => self.add(&Scope::field_value(value), scopes)?,
            });
        }
        if let Some(endpoint) = touched.endpoint {
            let found = name.or_else(|| self.names.find(endpoint));
            let found = found.and_then(|name| self.names.get(name).endpoint);
            path.extend(match found {
                Some(at) => Some(at),
                None => self.add(&Scope::of_endpoint(endpoint.clone()), scopes)?,
            });
        }
        if touched.app {
            path.extend(match self.app {
                Some(at) => Some(at),
                None => self.add(&Scope::app(), scopes)?,
            });
        }
        Ok(path)
    }

    /// The gate of an account at an endpoint.
    fn find(&self, account: &AccountId, endpoint: &SmolStr) -> Option<At> {
        // As they are kept, not as text: mostly they are the same bytes.
        let same = |at: &At| {
            let gate = self.gates.get(*at).expect(GATE);
            let name = gate.name.map(|name| &self.names.get(name).text);
            gate.account.as_ref() == Some(account) && name == Some(endpoint)
        };
        let hash = hash(&self.hasher, (account.as_str(), endpoint));
        self.accounts.find(hash, same).copied()
    }

    pub(super) fn find_scope(&self, scope: &Scope) -> Option<At> {
        if scope.kind() == Kind::App {
            return self.app;
        }
        let name = scope.text()?;
        let found = || Some(self.names.get(self.names.find(name)?));
        match scope.kind() {
            Kind::Field => found()?.field,
            Kind::Endpoint => found()?.endpoint,
            Kind::AccountEndpoint => self.find(scope.account()?, name),
            Kind::App => self.app,
        }
    }

    /// The gate of a scope, made if it has none.
    pub(super) fn gate_for(&mut self, scope: &Scope, scopes: &dyn Scopes) -> Option<At> {
        let found = self.find_scope(scope);
        found.or_else(|| self.add(scope, scopes).ok()?)
    }

    /// A gate for a scope that has none. `None` if there are more than can be
    /// told apart.
    #[cold]
    fn add(&mut self, scope: &Scope, scopes: &dyn Scopes) -> Result<Option<At>, Box<Inadmissible>> {
        let own = self.by_hand.get(scope).and_then(|said| said.quota.clone());
        let plan = self.plan_of(scope, own.or_else(|| scopes.quota(scope)), scopes);
        let plan = plan.map_err(|invalid| Inadmissible::Quota {
            scope: scope.clone(),
            invalid,
        })?;
        let name = match scope.text().map(|text| self.names.bear(text)) {
            Some(None) => return Ok(None),
            name => name.flatten(),
        };
        let gate = Gate::new(scope.kind(), scope.account().cloned(), name, plan);
        let Some(at) = self.gates.insert(gate) else {
            name.into_iter().for_each(|name| self.names.shed(name));
            return Ok(None);
        };
        match (scope.kind(), name) {
            (Kind::Endpoint, Some(name)) => self.names.get_mut(name).endpoint = Some(at),
            (Kind::Field, Some(name)) => self.names.get_mut(name).field = Some(at),
            (Kind::AccountEndpoint, _) => {
                let (gates, names, hasher) = (&self.gates, &self.names, &self.hasher);
                let of = |at: &At| hash(hasher, names_of(*at, gates, names));
                self.accounts.insert_unique(of(&at), at, of);
            }
            _ => self.app = Some(at),
        }
        Ok(Some(at))
    }

    pub(super) fn drop_gate(&mut self, at: At) {
        let Some(gate) = self.gates.get(at) else {
            return;
        };
        match (gate.kind, gate.name) {
            (Kind::Endpoint, Some(name)) => self.names.get_mut(name).endpoint = None,
            (Kind::Field, Some(name)) => self.names.get_mut(name).field = None,
            (Kind::AccountEndpoint, _) => {
                let hash = hash(&self.hasher, names_of(at, &self.gates, &self.names));
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

    pub(super) fn plan_of(
        &mut self,
        scope: &Scope,
        quota: Option<Quota>,
        scopes: &dyn Scopes,
    ) -> Result<Option<Arc<Plan>>, InvalidQuota> {
        let plan = self.plan(quota)?;
        #[cfg(feature = "shared-state")]
        if self.lending.is_some() && scopes.is_shared(scope) {
            return Ok(plan.map(|plan| self.lent_plan(&plan)));
        }
        let _ = (scope, scopes);
        Ok(plan)
    }

    /// The plan of a quota, shared with all others of the same.
    pub(super) fn plan(&mut self, quota: Option<Quota>) -> Result<Option<Arc<Plan>>, InvalidQuota> {
        let Some(quota) = quota else {
            return Ok(None);
        };
        quota.validate()?;
        Ok(Some(self.known_plan(Plan::new(&quota))))
    }

    pub(super) fn known_plan(&mut self, plan: Plan) -> Arc<Plan> {
        if let Some(known) = self.plans.get(&plan) {
            return known.clone();
        }
        if self.plans.len() == self.plans.capacity() {
            self.plans.retain(|plan| Arc::strong_count(plan) > 1);
        }
        let plan = Arc::new(plan);
        self.plans.insert(plan.clone());
        plan
    }

    pub(super) fn set_paused(&mut self, paused: bool, now: Now, woken: &mut Vec<Waker>) {
        self.paused = paused;
        let blocked: Vec<At> = self.blocked.iter().map(|(gate, _)| *gate).collect();
        blocked.into_iter().for_each(|gate| self.note(gate));
        self.run(now, woken);
    }
}

/// The account and the endpoint of a gate.
#[inline]
fn names_of<'a>(at: At, gates: &'a Slab<Gate>, names: &'a Names) -> (&'a str, &'a str) {
    let gate = gates.get(at).expect(GATE);
    let account = gate.account.as_ref().map_or("", AccountId::as_str);
    let endpoint = gate.name.map_or("", |name| &names.get(name).text);
    (account, endpoint)
}

#[inline]
fn hash(hasher: &DefaultHashBuilder, (account, endpoint): (&str, &str)) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(account.as_bytes());
    hasher.write(endpoint.as_bytes());
    hasher.finish()
}

/// Mostly it is the same text at the same place.
#[inline]
fn is_same(a: &SmolStr, b: &SmolStr) -> bool {
    std::ptr::eq(a, b) || a == b
}
