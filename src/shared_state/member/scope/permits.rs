use std::time::Duration;

use tokio::time::Instant;

use super::Scope;
use crate::shared_state::{PermitPart, member::window::Window};

/// Where a scope is permits, or those that wait for one come next.
impl Scope {
    /// Of so many that wait for a permit, its part comes here next: as large as
    /// its part of the `load` of what all pass.
    pub(in crate::shared_state::member) fn expect(&mut self, waiting: u32, load: u64) {
        let part = u64::from(waiting) * self.load().min(load) / load.max(1);
        self.coming = u32::try_from(part).unwrap_or(waiting);
    }

    /// What was sent within its shortest window, and waits.
    pub(in crate::shared_state::member) fn load(&self) -> u64 {
        let windows = self.windows.iter().map(|window| &window.demand);
        let shortest = windows.min_by_key(|window| window.span.length());
        u64::from(self.queued) + shortest.map_or(0, |window| window.used().into())
    }

    /// Of those that wait for a permit, so many at most will go on together.
    pub(in crate::shared_state::member) fn comes_next(&self) -> u32 {
        let permits = self.windows.iter().filter(|window| window.is_permit());
        let most = permits.map(|window| window.demand.limit).max();
        self.queued.min(most.unwrap_or(0))
    }

    /// Whether every request passes it.
    pub(in crate::shared_state::member) fn is_passed_by_all(&self) -> bool {
        self.common
    }

    /// Whether every request passes it, and some wait for it now.
    pub(in crate::shared_state::member) fn is_common(&self) -> bool {
        self.common && self.queued > 0
    }

    /// Whether all of it is permits.
    pub(in crate::shared_state::member) fn is_permits(&self) -> bool {
        !self.windows.is_empty() && self.windows.iter().all(Window::is_permit)
    }

    pub(in crate::shared_state::member) fn uses_permits(&self) -> bool {
        self.is_permits() && self.windows.iter().any(|it| it.demand.in_flight > 0)
    }

    /// How long one more waits here: it comes after one of each account, or after
    /// all.
    pub(in crate::shared_state::member) fn wait(&self, accounts: u32) -> Duration {
        let limits = self.applied.iter().flat_map(|share| &share.limits);
        let shortest = limits.min_by_key(|(span, _)| span.length());
        shortest.map_or(Duration::ZERO, |(span, limit)| {
            let before = self.queued.min(accounts);
            span.length().saturating_mul(before) / (*limit).max(1)
        })
    }

    /// A store has told what it has of permits. See [`PermitPart`]. `alone`: it was
    /// away when we heard of it last.
    pub(in crate::shared_state::member) fn hear_permits(
        &mut self,
        part: &PermitPart,
        alone: bool,
        now: Instant,
    ) {
        // Somebody waits, or we did: what is not in use goes on.
        self.called = true;
        self.windows.iter_mut().for_each(|it| it.kept_until = None);
        let leased = self.leased_until.is_some_and(|until| now < until);
        if part.number != self.number {
            return;
        }
        if self.unheard {
            self.early = Some(*part);
        } else if leased && !self.claim && !alone {
            self.take_permits(part);
        }
    }

    pub(super) fn take_permits(&mut self, part: &PermitPart) {
        for window in self.windows.iter_mut().filter(|it| it.is_permit()) {
            window.hear_permits(part.held, part.target);
        }
    }
}
