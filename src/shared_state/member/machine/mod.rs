use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{
    FailureMode, ScopeDemand, ScopeShare,
    scope::{APART, Scope, Went},
    settings::{Outage, Settings, after},
};
use crate::shared_state::{Notice, StoreError};

mod doubts;
mod exchange;
mod permits;
mod under_way;

use self::{doubts::Doubts, under_way::UnderWay};

/// About so many scopes one exchange is, at most.
const MOST: usize = 64;

/// So many notices that did not come tell that none does. One may be late.
const MISSED: u32 = 2;

/// What one process holds, and what it should do next. It reads no clock, waits
/// for nothing and sends nothing.
#[derive(Debug)]
pub(super) struct Machine {
    id: u64,
    began: Instant,
    settings: Settings,
    scopes: HashMap<Arc<str>, Scope>,
    number: u64,
    /// How long permits are kept while notices come.
    keep: Duration,
    /// Whether they do, as the store said last.
    hears: Option<bool>,
    doubts: Doubts,
    /// What a notice should have told, and a reply did, since the last one came.
    missed: u32,
    pub(super) instances: u32,
    pub(super) epoch: Option<u64>,
    pub(super) store: Store,
    under_way: UnderWay,
    /// When the last exchange was sent.
    asked: Option<Instant>,
    /// When the state was heard of first that there is.
    heard: Option<Instant>,
    pub(super) exchanges: u64,
    pub(super) failures: u64,
    backoff: Duration,
    retry_at: Option<Instant>,
    leavers: Vec<Leaver>,
    /// Nobody has acted yet on the last of them.
    leaves: bool,
    /// The last exchange for which they wait.
    gives_back: u64,
}

/// Waits until all is given back.
pub(super) type Leaver = oneshot::Sender<Result<(), StoreError>>;

/// Whether the store is there.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Unknown,
    Up { since: Instant },
    Down { since: Instant, error: StoreError },
}

/// What has changed about the store, to be said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Lost(StoreError),
    Back,
    /// It has forgotten everything.
    Fresh,
}

/// The first wait before the store is tried again, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

impl Machine {
    pub(super) fn new(id: u64, settings: Settings, now: Instant) -> Self {
        Self {
            id,
            began: now,
            settings,
            scopes: HashMap::new(),
            number: 0,
            keep: settings.keep,
            hears: None,
            doubts: Doubts::default(),
            missed: 0,
            instances: settings.instances,
            epoch: None,
            store: Store::Unknown,
            under_way: UnderWay::default(),
            asked: None,
            heard: None,
            exchanges: 0,
            failures: 0,
            backoff: RETRY.0,
            retry_at: None,
            leavers: Vec::new(),
            leaves: false,
            gives_back: 0,
        }
    }

    /// Gives back at once what is not in use, and tells when that is done.
    pub(super) fn leave(&mut self, leaver: Leaver) {
        self.leavers.push(leaver);
        self.leaves = true;
    }

    /// What was used until now must have been observed.
    pub(super) fn rest_if_asked(&mut self, now: Instant) {
        if mem::take(&mut self.leaves) {
            self.gives_back = self.number;
            self.scopes.values_mut().for_each(|scope| scope.rest(now));
        }
        let done = match &self.store {
            Store::Down { error, .. } => Err(error.clone()),
            _ if self.scopes.values().any(|scope| scope.rests) => return,
            _ if !self.under_way.is_over(self.gives_back) => return,
            _ => Ok(()),
        };
        for leaver in self.leavers.drain(..) {
            // Whoever does not wait any more need not know.
            leaver.send(done.clone()).ok();
        }
    }

    /// Nobody goes on from here.
    pub(super) fn forget_leavers(&mut self) {
        self.leavers.clear();
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.values()
    }

    pub(super) fn observe(&mut self, demands: Vec<ScopeDemand>, now: Instant) {
        let (lease, begins) = (self.settings.lease, self.begins(now));
        let goes_on = self.settings.failure_mode == FailureMode::LocalShare;
        let alone = goes_on && matches!(self.store, Store::Down { .. });
        let mut settings = self.settings;
        settings.instances = settings.instances.max(self.instances);
        for mut demand in demands {
            let name = demand.name.clone();
            let scope = self
                .scopes
                .entry(name.clone())
                .or_insert_with(|| Scope::new(name, now));
            let (went, minds) = (Went::from(&demand), scope.minds_others(&mut demand));
            scope.observe(demand, begins, minds, &settings, now);
            if alone {
                scope.look_for_others(went, self.id, lease, now);
            }
        }
        self.expect();
    }

    /// Whether the state may be younger than a lease.
    fn begins(&self, now: Instant) -> bool {
        let lease = self.settings.lease;
        self.heard.is_none_or(|heard| now < heard + lease)
    }

    /// Whether it is about anything here.
    pub(super) fn notice(&mut self, notice: &Notice, now: Instant) -> bool {
        match notice {
            Notice::Heard(heard) => {
                let before = self.hears.replace(*heard);
                if before == Some(true) && !heard {
                    self.doubts.arise(self.id, now);
                }
                self.missed = 0;
                self.keep_as_heard();
                return true;
            }
            _ if mem::take(&mut self.missed) >= MISSED => self.keep_as_heard(),
            _ => {}
        }
        match notice {
            Notice::Hold { scope, wait } => {
                let scope = self.scopes.get_mut(scope);
                scope.map(|scope| scope.hear_hold(after(now, *wait)))
            }
            Notice::Learned { scope, span, ratio } => {
                let scope = self.scopes.get_mut(scope);
                scope.map(|scope| scope.hear_learned(*span, *ratio))
            }
            Notice::Wanted { scope, members } => {
                let own = members.contains(&self.id);
                let scope = self.scopes.get_mut(scope).filter(|_| own);
                scope.map(Scope::call)
            }
            Notice::Permits { scope, parts } => {
                let own = parts.iter().find(|part| part.member == self.id);
                let alone = matches!(self.store, Store::Down { .. });
                let scope = self.scopes.get_mut(scope);
                own.zip(scope)
                    .map(|(part, scope)| scope.hear_permits(part, alone, now))
            }
            Notice::Heard(_) => None,
        }
        .is_some()
    }

    /// What is known about the time without a store, for one scope.
    fn outage(&self, scope: &Scope, now: Instant) -> Option<Outage> {
        let since = match self.store {
            Store::Down { since, .. } => since,
            _ => scope.left_alone(&self.settings, now)?,
        };
        Some(Outage {
            since,
            closed: self.settings.failure_mode == FailureMode::Closed,
            leased_until: scope.leased_until,
            instances: self.instances,
            member: self.id,
            began: self.began,
        })
    }

    /// What the layers may do from now on, where that has changed.
    pub(super) fn shares(&mut self, now: Instant) -> Vec<ScopeShare> {
        let mut changed = Vec::new();
        let worth = self.permits_worth(now);
        for scope in self.scopes.values_mut() {
            scope.refresh(&self.settings, now);
            scope.look(worth, now);
        }
        let outages: Vec<_> = self
            .scopes
            .values()
            .map(|scope| self.outage(scope, now))
            .collect();
        for (scope, outage) in self.scopes.values_mut().zip(outages) {
            if !scope.is_alone(outage.as_ref(), now) {
                scope.forget_lonely();
            }
            let share = scope.share(&self.settings, outage.as_ref(), now);
            let leased = scope.leased_until.is_some_and(|until| now < until);
            // What it does beyond its tokens, or without a lease, it claims.
            let alone = outage.is_some_and(|outage| !outage.closed);
            scope.claim |= alone
                && (!leased
                    || scope
                        .windows
                        .iter()
                        .zip(&share.limits)
                        .any(|(window, (_, limit))| *limit > window.owned(now)));
            if !alone && !scope.claim {
                scope.lapse(now);
            }
            if scope.applied.as_ref() != Some(&share) {
                scope.applied = Some(share.clone());
                changed.push(share);
            }
        }
        let ended = self.scopes.extract_if(|_, scope| scope.is_quiet());
        changed.extend(ended.map(|(_, scope)| scope.end(now)));
        changed
    }

    /// When to look again, whatever happens.
    pub(super) fn wakes(&self, now: Instant) -> Option<Instant> {
        let changes = self.scopes.values().filter_map(|scope| {
            scope.changes(&self.settings, self.outage(scope, now).as_ref(), now)
        });
        let look = (!self.scopes.is_empty()).then(|| now + APART);
        [changes.min(), look, self.due(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// What was on its way got lost, and notices come by a new channel.
    pub(super) fn begin_anew(&mut self) {
        self.under_way.clear();
        self.scopes.values_mut().for_each(Scope::ended);
        (self.hears, self.missed) = (None, 0);
        self.doubts = Doubts::default();
        self.keep_as_heard();
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Of the last exchange.
    #[cfg(test)]
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}
