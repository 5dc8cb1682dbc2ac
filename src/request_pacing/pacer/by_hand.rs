use std::task::{Context, Poll};

use tokio::time::Instant;

use super::Pacer;
use crate::{
    extensions::AccountId,
    request_pacing::{LearnedLimit, Quota, Scope, Snapshot},
};

/// What is seen and done by hand, while requests are under way.
impl Pacer {
    pub(in crate::request_pacing) fn set_quota(&self, scope: Scope, quota: Option<Quota>) {
        let now = self.now();
        self.wake_after(|core, woken| core.set_quota(scope, quota, &*self.scopes, now, woken));
    }

    pub(in crate::request_pacing) fn hold(&self, scope: Scope, until: Instant) {
        let now = self.now();
        self.wake_after(|core, woken| core.hold(scope, until, &*self.scopes, now, woken));
    }

    pub(in crate::request_pacing) fn open(&self, scope: &Scope) {
        let now = self.now();
        self.wake_after(|core, woken| core.open(scope, now, woken));
    }

    pub(in crate::request_pacing) fn set_scope_paused(&self, scope: Scope, paused: bool) {
        let now = self.now();
        self.wake_after(|core, woken| {
            core.set_scope_paused(scope, paused, &*self.scopes, now, woken);
        });
    }

    pub(in crate::request_pacing) fn set_paused(&self, paused: bool) {
        let now = self.now();
        self.wake_after(|core, woken| core.set_paused(paused, now, woken));
    }

    pub(in crate::request_pacing) fn drain(&self) {
        self.lock().drain.began = true;
    }

    pub(in crate::request_pacing) fn is_draining(&self) -> bool {
        self.lock().drain.began
    }

    pub(in crate::request_pacing) fn poll_drained(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let (_unused, is_drained) = {
            let mut core = self.lock();
            (core.poll_drained(waker), core.is_drained())
        };
        if is_drained {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub(in crate::request_pacing) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    pub(in crate::request_pacing) fn set_weight(&self, account: AccountId, weight: u32) {
        let mut core = self.lock();
        if weight == 1 {
            core.weights.remove(&account);
        } else {
            core.weights.insert(account, weight);
        }
    }

    pub(in crate::request_pacing) fn snapshot(&self) -> Snapshot {
        let now = self.now();
        self.lock().snapshot(now)
    }

    pub(in crate::request_pacing) fn export_learned(&self) -> Vec<LearnedLimit> {
        let now = Instant::now();
        self.lock().export_learned(now)
    }

    pub(in crate::request_pacing) fn import_learned(&self, learned: &[LearnedLimit]) {
        let now = self.now();
        self.lock().import_learned(learned, &*self.scopes, now);
    }

    pub(in crate::request_pacing) fn queued(&self) -> usize {
        self.lock().queued
    }
}
