use std::{sync::Arc, task::Waker};

use tokio::time::Instant;

use super::name::name_of;
use crate::{
    per_account_concurrency::{
        key::Key,
        limits::Kind,
        shard::{Account, At, Lane, Shard, is},
    },
    shared_state::ScopeShare,
};

/// That a shard's permits are shared.
#[derive(Debug, Default)]
pub(in crate::per_account_concurrency) struct Lending {
    /// Whether somebody waits where more may be had.
    calls: bool,
}

/// What this process has of one account's reads or writes.
#[derive(Debug)]
pub(in crate::per_account_concurrency) struct Lent {
    pub(super) name: Arc<str>,
    pub(super) count: u32,
    /// Then it is no longer ours.
    pub(super) until: Option<Instant>,
    /// The most at once since it was told. A request may come and go between.
    pub(in crate::per_account_concurrency) peak: u32,
    /// How many were under way, and waited, as it was told.
    pub(super) told: Option<(u32, u32)>,
}

impl Lent {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            count: 0,
            until: None,
            peak: 0,
            told: None,
        }
    }

    /// A process that was stopped, and goes on, must not send by what it had.
    #[cold]
    pub(in crate::per_account_concurrency) fn has_ended(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// What may be in flight now that so many are configured.
    pub(in crate::per_account_concurrency) fn reconfigured(&mut self, limit: u32) -> u32 {
        self.told = None;
        self.count.min(limit)
    }
}

impl Lane {
    /// Nothing of it is ours from now on. Whether it is in use.
    fn take_away(&mut self) -> bool {
        self.limit = 0;
        self.in_flight > 0 || self.queue.len() > 0
    }
}

impl Shard {
    /// Shares all permits from now on.
    pub(super) fn lend_all(&mut self) {
        self.lending = Some(Lending::default());
        let accounts = self.accounts.iter().map(Account::at);
        for at in accounts.collect::<Vec<_>>() {
            for kind in [Kind::Read, Kind::Write] {
                if let Some(account) = self.accounts.find_mut(at.hash(), is(at))
                    && account.lane(kind).take_away()
                {
                    self.borrow(at, kind);
                }
            }
            self.evict_idle(at);
        }
    }

    /// A request found no permit. Where there may be more, some are to be asked
    /// for.
    #[cold]
    pub(in crate::per_account_concurrency) fn borrow(&mut self, at: At, kind: Kind) {
        let Some(account) = self.accounts.find(at.hash(), is(at)) else {
            return;
        };
        let limit = self.limits_of(&account.key).of(kind);
        let account = self.accounts.find_mut(at.hash(), is(at));
        let (Some(lending), Some(account)) = (&mut self.lending, account) else {
            return;
        };
        if account.lane(kind).lent.is_none() {
            let lent = Lent::new(name_of(account.key.account(), kind).into());
            account.lane(kind).lent = Some(Box::new(lent));
        }
        let lane = account.lane(kind);
        if lane.queue.len() == 0
            && let Some(lent) = &mut lane.lent
        {
            // One that may not wait is a wish as well.
            lent.peak = lent.peak.max(lane.in_flight.saturating_add(1));
        }
        // The second that waits is found when somebody looks next.
        let is_first = lane.limit == 0 || lane.queue.len() <= 1;
        lending.calls |= lane.limit < limit && is_first;
    }

    /// Whether the last that waits would have a permit, were all of them ours.
    pub(super) fn comes(&mut self, at: At, kind: Kind) -> bool {
        let Some(account) = self.accounts.find(at.hash(), is(at)) else {
            return false;
        };
        let limit = self.limits_of(&account.key).of(kind);
        let account = self.accounts.find_mut(at.hash(), is(at));
        account.is_some_and(|account| {
            let lane = account.lane(kind);
            lane.limit < limit && lane.queue.len().saturating_add(lane.in_flight) <= limit
        })
    }

    /// The limits have changed: who waits may have more by now.
    pub(in crate::per_account_concurrency) fn call(&mut self) {
        if let Some(lending) = &mut self.lending {
            lending.calls = true;
        }
    }

    /// Whether the store should be asked; once for each reason.
    pub(super) fn takes_call(&mut self) -> bool {
        let lending = self.lending.as_mut();
        lending.is_some_and(|lending| std::mem::take(&mut lending.calls))
    }

    /// Takes what is lent.
    pub(super) fn apply(
        &mut self,
        key: &Key,
        kind: Kind,
        share: &ScopeShare,
        woken: &mut Vec<Waker>,
    ) {
        let limit = self.limits_of(key).of(kind);
        let Some(account) = self.accounts.find_mut(key.hash(), |it| it.key == *key) else {
            return;
        };
        let at = account.at();
        let lane = account.lane(kind);
        let Some(lent) = &mut lane.lent else { return };
        lent.count = share.limits.first().map_or(0, |(_, count)| *count);
        lane.limit = lent.count.min(limit);
        if !share.limits.is_empty() {
            lent.until = Some(share.valid_until);
            lane.let_go(&mut self.waiters, woken);
            return;
        }
        // Nothing is held or wanted, as far as the others know.
        lent.until = None;
        if lane.in_flight > 0 || (limit > 0 && lane.queue.len() > 0) {
            lent.told = None;
            self.call();
        } else if lane.queue.len() == 0 {
            lane.lent = None;
            self.evict_idle(at);
        }
    }
}
