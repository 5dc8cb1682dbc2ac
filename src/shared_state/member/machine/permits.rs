use std::time::Duration;

use tokio::time::Instant;

use super::{MISSED, MOST, Machine};
use crate::shared_state::member::{
    scope::{Scope, TOGETHER, Worth},
    settings::FAR,
};

/// And so many members' parts of permits it reads. It is what an exchange costs
/// the store, and others wait meanwhile.
const READ: usize = 256;

/// Up to so many members, a store reads them all.
const FEW: usize = 16;

/// The longest that one waits here which another process waits for.
const LET_WAIT: Duration = Duration::from_secs(3);

/// How permits are asked for, and kept.
impl Machine {
    /// Who waits for a permit will wait for its turn next. Were that not counted
    /// in, a process would lose its part of what all share to those that have the
    /// permits, and get it back too late.
    pub(super) fn expect(&mut self) {
        let common = self.scopes.values().filter(|it| it.is_passed_by_all());
        let Some(load) = common.map(Scope::load).max() else {
            return;
        };
        let waiting = self.scopes.values().map(Scope::comes_next);
        let waiting = waiting.fold(0, u32::saturating_add);
        let timed = self.scopes.values_mut().filter(|scope| !scope.is_permits());
        timed.for_each(|scope| scope.expect(waiting, load));
    }

    /// While nobody would tell that others wait, nothing is kept that is not in use.
    pub(super) fn keep_as_heard(&mut self) {
        let hears = self.hears != Some(false) && self.missed < MISSED;
        self.settings.keep = if hears { self.keep } else { Duration::ZERO };
    }

    /// Until then no permit is worth an exchange of its own. Who got one now would
    /// wait for its turn all the same, so for most of that time it may as well wait
    /// for others that want one. Where no notice tells, that would be too long.
    pub(super) fn permits_worth(&self, now: Instant) -> Worth {
        let hears = !self.settings.keep.is_zero();
        let Some(asked) = self.asked.filter(|_| hears) else {
            return Worth {
                own: now,
                others: now,
            };
        };
        let scopes = || self.scopes.values();
        let waits = scopes().filter(|scope| scope.is_common()).map(|scope| {
            let accounts = scopes().filter(|scope| scope.uses_permits()).count();
            scope.wait(u32::try_from(accounts).unwrap_or(u32::MAX))
        });
        // NOTE: it is less the fewer wait, so none is late for its turn.
        let wait = waits.max().unwrap_or_default().min(FAR) * 4 / 5;
        Worth {
            own: asked + wait.min(TOGETHER),
            others: asked + wait.min(LET_WAIT),
        }
    }

    /// About so many permits one exchange is: fewer, the more members have a part.
    pub(super) fn most_permits(&self) -> usize {
        let members = usize::try_from(self.instances).unwrap_or(FEW);
        (READ / members.clamp(1, FEW)).min(MOST)
    }

    /// Where no request waits for its turn, nothing keeps members from asking at once
    /// and again. So that the last is answered in time, many ask about half as many.
    pub(super) fn most_at_once(&self) -> usize {
        let spaced = self.scopes.values().any(Scope::is_common);
        let many = self.instances as usize > FEW / 2;
        self.most_permits() / if many && !spaced { 2 } else { 1 }
    }

    /// Of how many scopes more a store may hear beside what it hears anyway: about as
    /// many again.
    pub(super) fn room_beside(&self) -> usize {
        let beside = self.under_way.beside();
        self.most_at_once().saturating_sub(beside)
    }

    /// Of the accounts that nobody uses, no more are kept than one exchange
    /// renews: those that were used last.
    pub(super) fn bound_kept(&mut self) {
        let (all, most) = (self.scopes.len(), self.most_permits());
        let windows = self.scopes.values_mut().flat_map(|it| &mut it.windows);
        let mut idle: Vec<_> = windows.filter(|window| window.is_kept_idle()).collect();
        let most = most.saturating_sub(all - idle.len().min(all));
        let over = match self.settings.keep.is_zero() {
            true => idle.len(),
            false => idle.len().saturating_sub(most),
        };
        if over > 0 {
            idle.sort_unstable_by_key(|window| window.kept_until);
            idle.iter_mut()
                .take(over)
                .for_each(|it| it.kept_until = None);
        }
    }
}
