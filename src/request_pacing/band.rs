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
    /// When its first attempt joined; earlier, if it is to age sooner.
    pub(super) age: Instant,
    /// Never the same twice.
    pub(super) turn: u64,
    /// Whether it had its turn before, and got nothing for it.
    pub(super) again: bool,
}

/// A place among others: that of the lower goes first.
type Key = (Instant, u64);

/// The requests of one priority: first come, first served inside an account,
/// by turns between accounts.
///
/// Turns are those of start-time fair queueing: each account has a tag, which
/// grows with what it was served, and the least tag goes first. Every
/// operation takes logarithmic time.
///
/// Who has had his turn and got nothing for it does not pay for another: his
/// account would be a round late for ever after, for among equals nobody skips
/// a turn. Only every second one is for nothing, so an account whose requests
/// all fail has twice its share at most.
#[derive(Debug)]
pub(super) struct Band {
    accounts: HashMap<Option<AccountId>, At>,
    flows: Slab<Flow>,
    /// The accounts that wait, by tag, and those of one tag as the first of
    /// each came.
    order: BTreeSet<(u64, Key, At)>,
    /// The same accounts, the one whose first is oldest first.
    oldest: BTreeSet<(Key, At)>,
    /// Those that do not, and were served ahead of the others.
    ahead: BTreeSet<(u64, At)>,
    /// By account, then by age; `None` is below all others.
    waiting: BTreeMap<(At, Option<Key>), At>,
    /// The tag that was served last.
    served: u64,
}

#[derive(Debug)]
struct Flow {
    account: Option<AccountId>,
    tag: u64,
    /// Which of its requests is the first, if any waits.
    head: Option<Key>,
    cost: u64,
    waiting: u32,
    /// Whether its last turn was for nothing.
    free: bool,
}

impl Place {
    fn key(self) -> Key {
        (self.age, self.turn)
    }
}

impl Band {
    pub(super) fn new() -> Self {
        Self {
            accounts: HashMap::new(),
            flows: Slab::new(),
            order: BTreeSet::new(),
            oldest: BTreeSet::new(),
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
                    head: None,
                    cost,
                    waiting: 0,
                    free: false,
                })?;
                self.accounts.insert(account, at);
                at
            }
        };
        let flow = self.flows.get_mut(at)?;
        flow.cost = cost.max(1);
        flow.waiting += 1;
        let key = arrival.place.key();
        match flow.head {
            Some(head) if head < key => {}
            old => {
                if let Some(old) = old {
                    self.order.remove(&(flow.tag, old, at));
                    self.oldest.remove(&(old, at));
                } else {
                    self.ahead.remove(&(flow.tag, at));
                }
                flow.head = Some(key);
                self.order.insert((flow.tag, key, at));
                self.oldest.insert((key, at));
            }
        }
        self.waiting.insert((at, Some(key)), waiter);
        Some(at)
    }

    /// Whose turn it is.
    pub(super) fn head(&self) -> Option<At> {
        let (_, head, flow) = self.order.first()?;
        self.waiting.get(&(*flow, Some(*head))).copied()
    }

    /// Who has waited longest, whatever its account was served, and since when.
    pub(super) fn oldest(&self) -> Option<(At, Instant)> {
        let (head, flow) = self.oldest.first()?;
        let waiter = self.waiting.get(&(*flow, Some(*head)))?;
        Some((*waiter, head.0))
    }

    /// How many of an account wait before one that comes now.
    pub(super) fn before(&self, account: Option<&AccountId>) -> u32 {
        let flow = self.accounts.get(&account.cloned());
        let flow = flow.and_then(|at| self.flows.get(*at));
        flow.map_or(0, |flow| flow.waiting)
    }

    /// Takes one out that had its turn, and counts as so many.
    pub(super) fn serve(&mut self, at: At, place: Place, cost: u32) {
        let Some(flow) = self.take(at, place) else {
            return;
        };
        let tag = flow.tag;
        flow.free = place.again && !flow.free;
        if !flow.free {
            flow.tag = tag.saturating_add(flow.cost.saturating_mul(cost.into()));
        }
        self.served = self.served.max(tag);
        self.stand(at);
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
        if self.take(at, place).is_some() {
            self.stand(at);
        }
    }

    /// Takes a request out, and its account out of the order.
    fn take(&mut self, at: At, place: Place) -> Option<&mut Flow> {
        self.waiting.remove(&(at, Some(place.key())))?;
        let flow = self.flows.get_mut(at)?;
        flow.waiting -= 1;
        if let Some(head) = flow.head.take() {
            self.order.remove(&(flow.tag, head, at));
            self.oldest.remove(&(head, at));
        }
        Some(flow)
    }

    /// Puts an account into the order again, if any of it waits.
    fn stand(&mut self, at: At) {
        let Some(flow) = self.flows.get_mut(at) else {
            return;
        };
        let first = self.waiting.range((at, None)..).next();
        flow.head = first.and_then(|((of, key), _)| key.filter(|_| *of == at));
        match flow.head {
            Some(head) => {
                self.order.insert((flow.tag, head, at));
                self.oldest.insert((head, at));
            }
            // One that was not served lately is owed nothing and owes nothing.
            None if flow.tag <= self.served => self.forget(at),
            None => {
                self.ahead.insert((flow.tag, at));
            }
        }
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
