use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::extensions::{AccountId, Priority};
use crate::slab::{At, Slab};

/// What one request costs an account of weight 1.
const COST: u64 = 1 << 20;

/// The requests that wait for one scope: first come, first served inside an
/// account, by turns between accounts, a higher priority first.
///
/// Turns are those of start-time fair queueing: each account has a tag, which
/// grows with what it was served, and the least tag goes first. Every
/// operation takes logarithmic time.
#[derive(Debug)]
pub(super) struct FairQueue {
    bands: [Band; 3],
    ageing: Duration,
    len: usize,
}

/// Where a request stands in a [`FairQueue`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    band: u8,
    flow: At,
    age: Instant,
    turn: u64,
}

/// What the queue asks of a request.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) account: Option<AccountId>,
    pub(super) weight: u32,
    pub(super) priority: Priority,
    /// When its first attempt joined.
    pub(super) age: Instant,
    /// Never the same twice.
    pub(super) turn: u64,
}

/// The requests of one priority.
#[derive(Debug)]
struct Band {
    accounts: HashMap<Option<AccountId>, At>,
    flows: Slab<Flow>,
    /// The accounts that wait, and those served ahead of the others.
    order: BTreeSet<(u64, At)>,
    /// By account, then by age; an age of `None` is below all others.
    waiting: BTreeMap<(At, Option<Instant>, u64), At>,
    /// The tag that was served last.
    served: u64,
    /// When it was served last, or began to wait.
    since: Instant,
}

#[derive(Debug)]
struct Flow {
    account: Option<AccountId>,
    tag: u64,
    cost: u64,
    waiting: u32,
}

impl FairQueue {
    pub(super) fn new(ageing: Duration, now: Instant) -> Self {
        Self {
            bands: std::array::from_fn(|_| Band::new(now)),
            ageing,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// `None` if more wait than can be told apart.
    pub(super) fn push(&mut self, arrival: Arrival, waiter: At, now: Instant) -> Option<Standing> {
        let band = match arrival.priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        let standing = self.bands[usize::from(band)].push(band, arrival, waiter, now)?;
        self.len += 1;
        Some(standing)
    }

    /// Takes out the request whose turn it is.
    pub(super) fn pop(&mut self, now: Instant) -> Option<At> {
        let mut next: Option<usize> = None;
        for (n, band) in self.bands.iter().enumerate() {
            if band.waiting.is_empty() {
                continue;
            }
            // A lower one that was passed over for too long goes once.
            let aged = now.saturating_duration_since(band.since) >= self.ageing;
            if next.is_none() || aged {
                next = Some(n);
            }
        }
        let waiter = self.bands[next?].pop(now);
        self.len -= usize::from(waiter.is_some());
        waiter
    }

    /// Takes out a request, wherever it stands.
    pub(super) fn remove(&mut self, standing: Standing) {
        let band = &mut self.bands[usize::from(standing.band)];
        self.len -= usize::from(band.remove(standing));
    }

    /// One that is not likely to be next.
    pub(super) fn late(&self) -> Option<At> {
        let late = |band: &Band| band.waiting.last_key_value().map(|(_, waiter)| *waiter);
        self.bands.iter().rev().find_map(late)
    }

    /// When the one that waits longest began to. Looks at all of them.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let ages = self.bands.iter().flat_map(|band| band.waiting.keys());
        ages.filter_map(|(_, age, _)| *age).min()
    }
}

impl Band {
    fn new(now: Instant) -> Self {
        Self {
            accounts: HashMap::new(),
            flows: Slab::new(),
            order: BTreeSet::new(),
            waiting: BTreeMap::new(),
            served: 0,
            since: now,
        }
    }

    fn push(&mut self, band: u8, arrival: Arrival, waiter: At, now: Instant) -> Option<Standing> {
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

    fn pop(&mut self, now: Instant) -> Option<At> {
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

    fn remove(&mut self, standing: Standing) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGEING: Duration = Duration::from_secs(10);

    struct Line {
        queue: FairQueue,
        waiters: Slab<(u32, u64)>,
        turn: u64,
        now: Instant,
    }

    impl Line {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                queue: FairQueue::new(AGEING, now),
                waiters: Slab::new(),
                turn: 0,
                now,
            }
        }

        fn join(&mut self, account: u32, weight: u32, priority: Priority, age: u64) -> Standing {
            self.turn += 1;
            let waiter = self.waiters.insert((account, self.turn)).unwrap();
            let arrival = Arrival {
                account: Some(account.to_string().into()),
                weight,
                priority,
                age: self.now + Duration::from_secs(age),
                turn: self.turn,
            };
            self.queue.push(arrival, waiter, self.now).unwrap()
        }

        fn next(&mut self) -> Option<(u32, u64)> {
            let at = self.queue.pop(self.now)?;
            let waiter = *self.waiters.get_mut(at)?;
            self.waiters.remove(at);
            Some(waiter)
        }
    }

    #[test]
    fn accounts_take_turns_and_wait_in_line() {
        let mut line = Line::new();
        for account in [1, 1, 1, 1, 2, 2, 3] {
            line.join(account, 1, Priority::Normal, 0);
        }
        let order: Vec<_> = std::iter::from_fn(|| line.next()).collect();
        let accounts: Vec<_> = order.iter().map(|(account, _)| *account).collect();
        assert_eq!(accounts, [1, 2, 3, 1, 2, 1, 1]);
        let of_one = order.iter().filter(|(account, _)| *account == 1);
        assert!(of_one.map(|(_, turn)| *turn).is_sorted());
    }

    #[test]
    fn one_that_comes_back_at_once_starves_nobody() {
        let mut line = Line::new();
        for _ in 0..10 {
            line.join(1, 1, Priority::Normal, 0);
        }
        let mut of_two = 0;
        for _ in 0..10 {
            line.join(2, 1, Priority::Normal, 0);
            of_two += usize::from(line.next().unwrap().0 == 2);
        }
        assert_eq!(of_two, 5);
    }

    #[test]
    fn a_weight_of_three_is_served_three_times() {
        let mut line = Line::new();
        for _ in 0..40 {
            line.join(1, 1, Priority::Normal, 0);
            line.join(2, 3, Priority::Normal, 0);
        }
        let of_two = (0..40).filter(|_| line.next().unwrap().0 == 2).count();
        assert!((29..=31).contains(&of_two), "{of_two}");
    }

    #[test]
    fn a_retry_has_the_age_of_its_first_attempt() {
        let mut line = Line::new();
        line.join(1, 1, Priority::Normal, 5);
        line.join(1, 1, Priority::Normal, 3);
        assert_eq!(line.next(), Some((1, 2)));
    }

    #[test]
    fn a_higher_priority_goes_first_until_a_lower_one_has_aged() {
        let mut line = Line::new();
        line.join(1, 1, Priority::Low, 0);
        for _ in 0..3 {
            line.join(2, 1, Priority::High, 0);
        }
        assert_eq!(line.next().unwrap().0, 2);
        line.now += AGEING;
        assert_eq!(line.next().unwrap().0, 1);
        assert_eq!(line.next().unwrap().0, 2);
    }

    proptest! {
        #[test]
        fn whoever_leaves_leaves_nothing_behind(
            steps in prop::collection::vec((0_u32..5, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let (mut line, mut standing) = (Line::new(), Vec::new());
            for (account, joins, which) in steps {
                if joins || standing.is_empty() {
                    standing.push(line.join(account, 1, Priority::Normal, 0));
                } else {
                    let leaver = standing.swap_remove(which.index(standing.len()));
                    line.queue.remove(leaver);
                }
                prop_assert_eq!(line.queue.len(), standing.len());
            }
            standing.into_iter().for_each(|leaver| line.queue.remove(leaver));
            let band = &line.queue.bands[1];
            prop_assert!(band.accounts.is_empty() && band.order.is_empty() && band.waiting.is_empty());
            prop_assert_eq!(line.queue.len(), 0);
        }
    }
}
