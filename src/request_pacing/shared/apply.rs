use std::{mem, task::Waker};

use tokio::time::Instant;

use crate::{
    request_pacing::{core::Core, slots::Closed, tick::Now},
    shared_state::ScopeShare,
    slab::At,
};

impl Core {
    /// Takes what is lent, and closes what others found closed.
    pub(super) fn apply(&mut self, shares: &[ScopeShare], now: Now, woken: &mut Vec<Waker>) {
        for share in shares {
            let lending = self.lending.as_ref();
            let Some(at) = lending.and_then(|it| it.scopes.get(&share.name).copied()) else {
                continue;
            };
            self.gate(at)
                .lend(share.limits.clone(), share.alone, now.instant);
            self.gate(at).hear_learned(&share.learned, now.instant);
            self.set_end(at, (!share.limits.is_empty()).then_some(share.valid_until));
            if let Some(until) = share.hold
                && self.gate(at).active().hold.close_as_said(until)
            {
                self.fail_late(at, until, now, woken);
            }
            self.note(at);
            if share.limits.is_empty() {
                self.forget_lent(at);
            }
        }
        self.run(now, woken);
    }

    fn set_end(&mut self, at: At, end: Option<Instant>) {
        let Some(lent) = &mut self.gate(at).active().lent else {
            return;
        };
        let old = mem::replace(&mut lent.until, end);
        if let Some(lending) = &mut self.lending
            && old != end
        {
            old.map(|old| lending.ends.remove(&(old, at)));
            lending.ends.extend(end.map(|end| (end, at)));
        }
    }

    /// Nothing of a scope is held or wanted, as far as the others know.
    fn forget_lent(&mut self, at: At) {
        let active = self.gate(at).active();
        if active.users > 0 || active.in_flight > 0 {
            // It has come to be used since.
            if let Some(lent) = &mut active.lent {
                lent.told = None;
            }
            if let Some(lending) = &mut self.lending {
                lending.call();
            }
        } else if let Some(lent) = active.lent.take()
            && let Some(lending) = &mut self.lending
        {
            lending.scopes.remove(&lent.name);
        }
    }

    /// A refusal has closed a scope.
    pub(in crate::request_pacing) fn tell_hold(&mut self, at: At, closed: Closed, now: Now) {
        let Some(lending) = &mut self.lending else {
            return;
        };
        let gate = self.gates.get_mut(at);
        let lent = gate.and_then(|gate| gate.active().lent.as_mut());
        if let Some(lent) = lent
            && closed.until > now.instant
        {
            lent.hold = lent.hold.max(Some(closed.until));
            lent.stated = lent.stated.max(closed.stated);
            lending.call();
        }
    }
}
