use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use tokio::time::Instant;

use super::{Arrival, Standing};
use crate::{
    extensions::AccountId,
    slab::{At, Slab},
};

/// What one request costs an account of weight 1.
const COST: u64 = 1 << 20;

/// The requests of one priority.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) accounts: HashMap<Option<AccountId>, At>,
    flows: Slab<Flow>,
    /// The accounts that wait, and those served ahead of the others.
    pub(super) order: BTreeSet<(u64, At)>,
    /// By account, then by age; an age of `None` is below all others.
    pub(super) waiting: BTreeMap<(At, Option<Instant>, u64), At>,
    /// The tag that was served last.
    served: u64,
    /// When it was served last, or began to wait.
    pub(super) since: Instant,
}

#[derive(Debug)]
struct Flow {
    account: Option<AccountId>,
    tag: u64,
    cost: u64,
    waiting: u32,
}

impl Band {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            accounts: HashMap::new(),
            flows: Slab::new(),
            order: BTreeSet::new(),
            waiting: BTreeMap::new(),
            served: 0,
            since: now,
        }
    }

    pub(super) fn push(
        &mut self,
        band: u8,
        arrival: Arrival,
        waiter: At,
        now: Instant,
    ) -> Option<Standing> {
        if self.waiting.is_empty() {
            self.since = now;
        }
        let cost = COST / u64::from(arrival.weight.max(1));
        let at = match self.accounts.get(&arrival.account) {
            Some(at) => *at,
            None => {
                let at = self.flows.insert(Flow {
                    account: arrival.account.clone(),
                    tag: self.served,
                    cost,
                    waiting: 0,
                })?;
                self.accounts.insert(arrival.account, at);
                self.order.insert((self.served, at));
                at
            }
        };
        let flow = self.flows.get_mut(at)?;
        flow.waiting += 1;
        flow.cost = cost;
        let (age, turn) = (arrival.age, arrival.turn);
        self.waiting.insert((at, Some(age), turn), waiter);
        Some(Standing {
            band,
            flow: at,
            age,
            turn,
        })
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<At> {
        while let Some((tag, at)) = self.order.pop_first() {
            self.served = self.served.max(tag);
            let Some(flow) = self.flows.get_mut(at) else {
                continue;
            };
            // It was served ahead of the others, and they have caught up.
            if flow.waiting == 0 {
                self.forget(at);
                continue;
            }
            flow.waiting -= 1;
            flow.tag = tag.saturating_add(flow.cost.max(1));
            self.order.insert((flow.tag, at));
            self.since = now;
            let (&first, &waiter) = self.waiting.range((at, None, 0)..).next()?;
            self.waiting.remove(&first);
            self.clear_if_idle();
            return Some(waiter);
        }
        None
    }

    pub(super) fn remove(&mut self, standing: Standing) -> bool {
        let key = (standing.flow, Some(standing.age), standing.turn);
        if self.waiting.remove(&key).is_none() {
            return false;
        }
        if let Some(flow) = self.flows.get_mut(standing.flow) {
            flow.waiting -= 1;
            // One that has not been served lately is owed nothing and owes
            // nothing.
            if flow.waiting == 0 && flow.tag <= self.served {
                let tag = flow.tag;
                self.order.remove(&(tag, standing.flow));
                self.forget(standing.flow);
            }
        }
        self.clear_if_idle();
        true
    }

    fn forget(&mut self, at: At) {
        if let Some(flow) = self.flows.get_mut(at) {
            self.accounts.remove(&flow.account);
            self.flows.remove(at);
        }
    }

    /// Where nobody waits, nobody is ahead of anybody.
    fn clear_if_idle(&mut self) {
        if self.waiting.is_empty() && !self.order.is_empty() {
            *self = Self::new(self.since);
        }
    }
}
