use proptest::prelude::*;

use super::*;
use crate::slab::Slab;

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
