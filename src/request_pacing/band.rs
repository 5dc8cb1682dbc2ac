use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::{
    extensions::AccountId,
    slab::{At, Slab},
};

/// What one request costs an account of weight 1.
const COST: u64 = 1 << 20;

/// What the queue asks of a request.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) account: Option<&'a AccountId>,
    pub(super) weight: u32,
    pub(super) place: Place,
}

/// Which of the requests of one account is the first: the oldest, and of
/// those that of the first turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// When its first attempt joined.
    pub(super) age: Instant,
    /// Never the same twice.
    pub(super) turn: u64,
}

/// The requests of one priority: first come, first served inside an account,
/// by turns between accounts.
///
/// Turns are those of start-time fair queueing: each account has a tag, which
/// grows with what it was served, and the least tag goes first. Every
/// operation takes logarithmic time.
#[derive(Debug)]
pub(super) struct Band {
    accounts: HashMap<Option<AccountId>, At>,
    flows: Slab<Flow>,
    /// The accounts that wait, by tag, and those of one tag as they came.
    order: BTreeSet<(u64, u64, At)>,
    /// Those that do not, and were served ahead of the others.
    ahead: BTreeSet<(u64, At)>,
    /// By account, then by age; an age of `None` is below all others.
    waiting: BTreeMap<(At, Option<Instant>, u64), At>,
    /// The tag that was served last.
    served: u64,
}

#[derive(Debug)]
struct Flow {
    account: Option<AccountId>,
    tag: u64,
    /// When it came, among those of the same tag.
    turn: u64,
    cost: u64,
    waiting: u32,
}

impl Band {
    pub(super) fn new() -> Self {
        Self {
            accounts: HashMap::new(),
            flows: Slab::new(),
            order: BTreeSet::new(),
            ahead: BTreeSet::new(),
            waiting: BTreeMap::new(),
            served: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where the requests of its account are, and how many of them. `None` if
    /// there are more accounts than can be told apart.
    pub(super) fn push(&mut self, arrival: &Arrival<'_>, waiter: At) -> Option<At> {
        let cost = COST / u64::from(arrival.weight.max(1));
        let account = arrival.account.cloned();
        let at = match self.accounts.get(&account) {
            Some(at) => *at,
            None => {
                let at = self.flows.insert(Flow {
                    account: account.clone(),
                    tag: self.served,
                    turn: arrival.place.turn,
                    cost,
                    waiting: 0,
                })?;
                self.accounts.insert(account, at);
                at
            }
        };
        let flow = self.flows.get_mut(at)?;
        flow.cost = cost.max(1);
        flow.waiting += 1;
        if flow.waiting == 1 {
            self.ahead.remove(&(flow.tag, at));
            self.order.insert((flow.tag, flow.turn, at));
        }
        let Place { age, turn } = arrival.place;
        self.waiting.insert((at, Some(age), turn), waiter);
        Some(at)
    }

    /// Whose turn it is, and since when it waits.
    pub(super) fn head(&self) -> Option<(At, Instant)> {
        let (_, _, flow) = self.order.first()?;
        let (key, waiter) = self.waiting.range((*flow, None, 0)..).next()?;
        Some((*waiter, key.1?))
    }

    /// How many of an account wait before one that comes now.
    pub(super) fn before(&self, account: Option<&AccountId>) -> u32 {
        let flow = self.accounts.get(&account.cloned());
        let flow = flow.and_then(|at| self.flows.get(*at));
        flow.map_or(0, |flow| flow.waiting)
    }

    /// Takes one out that had its turn.
    pub(super) fn serve(&mut self, at: At, place: Place) {
        if !self.take(at, place) {
            return;
        }
        if let Some(flow) = self.flows.get_mut(at) {
            self.order.remove(&(flow.tag, flow.turn, at));
            self.served = self.served.max(flow.tag);
            flow.tag = flow.tag.saturating_add(flow.cost);
            if flow.waiting > 0 {
                self.order.insert((flow.tag, flow.turn, at));
            } else {
                self.ahead.insert((flow.tag, at));
            }
        }
        // Those that the others have caught up with.
        while let Some(&(tag, at)) = self.ahead.first()
            && tag <= self.served
        {
            self.ahead.pop_first();
            self.forget(at);
        }
    }

    /// Takes one out that goes away without its turn.
    pub(super) fn remove(&mut self, at: At, place: Place) {
        if !self.take(at, place) {
            return;
        }
        if let Some(flow) = self.flows.get_mut(at)
            && flow.waiting == 0
        {
            self.order.remove(&(flow.tag, flow.turn, at));
            // One that was not served lately is owed nothing and owes nothing.
            if flow.tag > self.served {
                self.ahead.insert((flow.tag, at));
            } else {
                self.forget(at);
            }
        }
    }

    fn take(&mut self, at: At, place: Place) -> bool {
        let key = (at, Some(place.age), place.turn);
        let there = self.waiting.remove(&key).is_some();
        if there && let Some(flow) = self.flows.get_mut(at) {
            flow.waiting -= 1;
        }
        there
    }

    fn forget(&mut self, at: At) {
        if let Some(flow) = self.flows.get_mut(at) {
            self.accounts.remove(&flow.account);
            self.flows.remove(at);
        }
    }

    #[cfg(test)]
    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }
}
