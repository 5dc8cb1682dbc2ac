use std::sync::{Arc, Weak};

use tokio::time::Instant;

use crate::{
    extensions::RequestContext,
    request_pacing::pacer::Pacer,
    shared_state::{ScopeDemand, ScopeShare, SharedSnapshot, SharedState, Sharer, Which},
};

impl Pacer {
    /// From now on each scope has a part of its limit only, and nothing at
    /// first. Whoever shares already goes on as before.
    pub(in crate::request_pacing) fn share(self: &Arc<Self>, state: &SharedState) {
        let sharer: Arc<dyn Sharer> = self.clone();
        let weak: Weak<dyn Sharer> = Arc::downgrade(&sharer);
        let mut is_new = false;
        self.membership.get_or_init(|| {
            is_new = true;
            state.join(weak)
        });
        if is_new {
            self.lock().lend_all(&*self.scopes);
        }
    }

    pub(in crate::request_pacing) fn shared(&self) -> Option<SharedSnapshot> {
        Some(self.membership.get()?.snapshot())
    }

    /// Asks the store, if somebody has to wait for it or there is news.
    pub(in crate::request_pacing) fn call_if_asked(&self) {
        // An answer may come outside the runtime that shares, should that have ended.
        if let Some(membership) = self.membership.get()
            && membership.is_callable()
            && self.lock().takes_call()
        {
            membership.call();
        }
    }
}

impl Sharer for Pacer {
    fn demand(&self, which: Which<'_>, _: Instant, demands: &mut Vec<ScopeDemand>) {
        let now = self.now();
        self.lock().demands(which, now, demands);
    }

    fn foresee(&self, context: Option<&RequestContext>, _: Instant) {
        let (wish, now) = (self.wish(context, None), self.now());
        self.lock().foresee(&wish, now);
    }

    fn apply(&self, shares: &[ScopeShare], _: Instant) {
        let now = self.now();
        self.wake_after(|core, woken| core.apply(shares, now, woken));
        self.call_if_asked();
    }
}
