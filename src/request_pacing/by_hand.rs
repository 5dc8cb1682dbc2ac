use std::task::Waker;

use tokio::time::Instant;

use super::{Quota, Scope, Scopes, Touched, core::Core, tick::Now, waiter::Wish};

/// What was said of one scope by hand. It outlives the use of the scope, and
/// makes requests count in it that would not.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    pub(super) quota: Option<Quota>,
    held_until: Option<Instant>,
    paused: bool,
}

impl ByHand {
    /// Whether it says anything, now.
    fn counts(&self, now: Instant) -> bool {
        self.quota.is_some() || self.paused || self.held_until.is_some_and(|until| until > now)
    }
}

impl Core {
    /// The scopes that a request counts in, with those that only somebody's
    /// hand has named.
    #[cold]
    pub(super) fn touched<'a>(&mut self, wish: &Wish<'a>, now: Instant) -> Touched<'a> {
        self.by_hand.retain(|_, said| said.counts(now));
        let mut touched = wish.touched.clone();
        touched.app |= self.by_hand.contains_key(&Scope::app());
        let Some(context) = wish.context else {
            return touched;
        };
        let Some(endpoint) = context.endpoint_name() else {
            return touched;
        };
        if touched.endpoint.is_none()
            && self
                .by_hand
                .contains_key(&Scope::of_endpoint(endpoint.clone()))
        {
            touched.endpoint = Some(endpoint);
        }
        if touched.account_endpoint.is_none()
            && let Some(account) = context.account()
        {
            let scope = Scope::of_account_endpoint(account.clone(), endpoint.clone());
            if self.by_hand.contains_key(&scope) {
                touched.account_endpoint = Some((account, endpoint));
            }
        }
        touched
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
        if let Some(at) = self.find_scope(&scope)
            && let Ok(plan) = self.plan_of(&scope, in_force, scopes)
        {
            self.gate(at).set_plan(plan);
            self.note(at);
            #[cfg(feature = "shared-state")]
            self.borrow_if_used(at);
            self.run(now, woken);
        }
        self.by_hand.entry(scope).or_default().quota = quota;
    }

    /// Closes a scope until an instant.
    pub(super) fn hold(
        &mut self,
        scope: Scope,
        until: Instant,
        scopes: &dyn Scopes,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        if until > now.instant
            && let Some(at) = self.gate_for(&scope, scopes)
            && self.gate(at).active().hold.close_as_said(until)
        {
            self.fail_late(at, until, now, woken);
            self.note(at);
            self.run(now, woken);
            self.list(at, now);
            let said = self.by_hand.entry(scope).or_default();
            said.held_until = said.held_until.max(Some(until));
        }
    }

    /// Ends what keeps a scope closed until an instant.
    pub(super) fn open(&mut self, scope: &Scope, now: Now, woken: &mut Vec<Waker>) {
        if let Some(said) = self.by_hand.get_mut(scope) {
            said.held_until = None;
        }
        if let Some(at) = self.find_scope(scope)
            && self.gate(at).active().hold.open(now.instant)
        {
            self.note(at);
            self.run(now, woken);
        }
    }

    /// Lets nothing pass a scope, or lets it pass again.
    pub(super) fn set_scope_paused(
        &mut self,
        scope: Scope,
        paused: bool,
        scopes: &dyn Scopes,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        if let Some(at) = self.gate_for(&scope, scopes) {
            self.gate(at).active().hold.paused = paused;
            self.note(at);
            self.run(now, woken);
            self.list(at, now);
            self.by_hand.entry(scope).or_default().paused = paused;
        }
    }
}
