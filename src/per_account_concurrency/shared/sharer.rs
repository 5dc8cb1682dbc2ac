use std::{
    sync::{Arc, Weak},
    task::Waker,
};

use tokio::time::Instant;

use super::name::of_name;
use crate::{
    extensions::RequestContext,
    per_account_concurrency::{
        limits::Kind,
        permits::{Permits, lock},
        shard::At,
    },
    shared_state::{ScopeDemand, ScopeShare, SharedState, Sharer, Which},
};

impl Permits {
    /// From now on each account has a part of its permits only, and none at
    /// first. Whoever shares already goes on as before.
    pub(in crate::per_account_concurrency) fn share(self: &Arc<Self>, state: &SharedState) {
        let sharer: Arc<dyn Sharer> = self.clone();
        let weak: Weak<dyn Sharer> = Arc::downgrade(&sharer);
        let mut is_new = false;
        self.membership.get_or_init(|| {
            is_new = true;
            state.join(weak)
        });
        if !is_new {
            return;
        }
        for shard in &self.shards {
            lock(shard).lend_all();
        }
        self.call_from_anywhere();
    }

    /// Asks the store about whoever waits. Outside a runtime nobody was polled
    /// yet, or the next that is will ask.
    pub(in crate::per_account_concurrency) fn call_from_anywhere(&self) {
        let Some(membership) = self.membership.get() else {
            return;
        };
        if !membership.is_callable() {
            return;
        }
        let mut asked = false;
        for shard in &self.shards {
            asked |= lock(shard).takes_call();
        }
        if asked {
            membership.call();
        }
    }

    /// Asks the store about one that waits, and about all that it passes next.
    pub(in crate::per_account_concurrency) fn call_for(
        &self,
        at: At,
        kind: Kind,
        context: Option<&RequestContext>,
    ) {
        let callable = self.membership.get().filter(|it| it.is_callable());
        let Some(membership) = callable else { return };
        let comes = self.shard(at.hash()).comes(at, kind);
        if comes {
            // What others do may panic: whoever else waits then asks by itself.
            membership.foresee(context);
        }
        if self.shard(at.hash()).takes_call() || comes {
            membership.call();
        }
    }

    /// Asks the store, if somebody waits for more of an account in this shard.
    /// Outside a runtime it is asked at the next poll.
    #[cold]
    pub(in crate::per_account_concurrency) fn call_if_asked(&self, hash: u64) {
        if let Some(membership) = self.membership.get()
            && membership.is_callable()
            && self.shard(hash).takes_call()
        {
            membership.call();
        }
    }

    /// The same for one that waits. Outside a runtime, where it would wait for ever,
    /// it panics.
    #[cold]
    pub(in crate::per_account_concurrency) fn call_for_one_that_waits(&self, hash: u64) {
        if let Some(membership) = self.membership.get()
            && (!membership.is_callable() || self.shard(hash).takes_call())
        {
            membership.call();
        }
    }
}

impl Sharer for Permits {
    fn demand(&self, which: Which<'_>, _: Instant, demands: &mut Vec<ScopeDemand>) {
        let Which::Named(names) = which else {
            self.shards
                .iter()
                .for_each(|shard| lock(shard).demands(demands));
            return;
        };
        for (account, kind) in names.iter().filter_map(|name| of_name(name)) {
            let key = self.key(account);
            self.shard(key.hash()).demand_of(&key, kind, demands);
        }
    }

    fn apply(&self, shares: &[ScopeShare], _: Instant) {
        let mut woken = Vec::new();
        for share in shares {
            if let Some((account, kind)) = of_name(&share.name) {
                let key = self.key(account);
                self.shard(key.hash()).apply(&key, kind, share, &mut woken);
                self.call_if_asked(key.hash());
            }
        }
        woken.into_iter().for_each(Waker::wake);
    }
}
