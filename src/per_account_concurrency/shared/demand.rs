use std::{mem, time::Duration};

use crate::{
    per_account_concurrency::{
        key::Key,
        limits::Kind,
        shard::{Lane, Shard},
    },
    shared_state::{ScopeDemand, WindowDemand, WindowSpan},
};

/// Free as soon as it is released.
const PERMIT: WindowSpan = WindowSpan::Any(Duration::ZERO);

impl Shard {
    /// What is used and wanted of one account, whether that is new or not.
    pub(super) fn demand_of(&mut self, key: &Key, kind: Kind, demands: &mut Vec<ScopeDemand>) {
        let limit = self.limits_of(key).of(kind);
        if let Some(account) = self.accounts.find_mut(key.hash(), |it| it.key == *key) {
            demands.extend(account.lane(kind).demand(limit, true));
        }
    }

    /// What has changed of any.
    pub(super) fn demands(&mut self, demands: &mut Vec<ScopeDemand>) {
        let mut accounts = mem::take(&mut self.accounts);
        for account in &mut accounts {
            let limits = self.limits_of(&account.key);
            for kind in [Kind::Read, Kind::Write] {
                demands.extend(account.lane(kind).demand(limits.of(kind), false));
            }
        }
        self.accounts = accounts;
    }
}

impl Lane {
    fn demand(&mut self, limit: u32, always: bool) -> Option<ScopeDemand> {
        let lent = self.lent.as_mut()?;
        let used = mem::replace(&mut lent.peak, self.in_flight).max(self.in_flight);
        // Who waits for a limit of 0 waits for whoever has set it.
        let queued = if limit == 0 { 0 } else { self.queue.len() };
        let told = Some((used, queued));
        if mem::replace(&mut lent.told, told) == told && !always {
            return None;
        }
        // To pause is one process's own affair: it lowers no limit of the others.
        let stated = if limit == 0 { u32::MAX } else { limit };
        let mut window = WindowDemand::new(PERMIT, stated);
        window.in_flight = used;
        Some(ScopeDemand::new(lent.name.clone(), queued).with_window(window))
    }
}
