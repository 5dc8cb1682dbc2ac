use proptest::prelude::*;

use super::*;
use crate::slab::Slab;

const AGEING: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
struct Standing {
    account: u32,
    band: usize,
    flow: Option<At>,
    place: Place,
}

struct Line {
    queue: FairQueue,
    waiters: Slab<Standing>,
    turn: u64,
    now: Instant,
}

impl Line {
    fn new() -> Self {
        Self {
            queue: FairQueue::default(),
            waiters: Slab::new(),
            turn: 0,
            now: Instant::now(),
        }
    }

    fn join(&mut self, account: u32, weight: u32, priority: Priority, age: u64) -> At {
        self.turn += 1;
        let place = Place {
            age: self.now + Duration::from_secs(age),
            turn: self.turn,
            again: false,
        };
        self.stand(account, weight, priority, place)
    }

    /// One that had its turn, and got nothing for it.
    fn come_again(&mut self, account: u32) -> At {
        self.turn += 1;
        let place = Place {
            age: self.now,
            turn: self.turn,
            again: true,
        };
        self.stand(account, 1, Priority::Normal, place)
    }

    fn stand(&mut self, account: u32, weight: u32, priority: Priority, place: Place) -> At {
        let band = band(priority);
        let standing = Standing {
            account,
            band,
            flow: None,
            place,
        };
        let waiter = self.waiters.insert(standing).unwrap();
        let arrival = Arrival {
            account: Some(&account.to_string().into()),
            weight,
            place,
        };
        let flow = self.queue.push(band, &arrival, waiter);
        self.waiters.get_mut(waiter).unwrap().flow = flow;
        waiter
    }

    fn leave(&mut self, at: At) {
        let it = *self.waiters.get_mut(at).unwrap();
        self.queue.remove(it.band, it.flow.unwrap(), it.place);
        self.waiters.remove(at);
    }

    fn next(&mut self) -> Option<(u32, u64)> {
        let at = self.queue.choose(self.now, AGEING)?;
        let it = *self.waiters.get_mut(at)?;
        self.queue.serve(it.band, it.flow?, it.place, 1);
        self.waiters.remove(at);
        Some((it.account, it.place.turn))
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
fn one_that_goes_away_and_comes_back_has_no_turn_sooner() {
    let mut line = Line::new();
    for account in [1, 2, 2] {
        line.join(account, 1, Priority::Normal, 0);
    }
    assert_eq!(line.next().unwrap().0, 1);
    for _ in 0..5 {
        let comes = line.join(1, 1, Priority::Normal, 0);
        line.leave(comes);
    }
    line.join(1, 1, Priority::Normal, 0);
    assert_eq!(line.next().unwrap().0, 2);
}

#[test]
fn one_that_comes_again_puts_its_account_no_round_back() {
    let mut line = Line::new();
    for account in [1, 1, 2, 2, 3, 3] {
        line.join(account, 1, Priority::Normal, 1);
    }
    assert_eq!(line.next().unwrap().0, 1);
    line.come_again(1);
    let order: Vec<_> = std::iter::from_fn(|| line.next()).map(|it| it.0).collect();
    assert_eq!(order, [2, 3, 1, 1, 2, 3]);
}

#[test]
fn an_account_whose_requests_all_fail_has_twice_its_share_at_most() {
    let mut line = Line::new();
    let mut of_one = 0;
    for round in 0..300 {
        line.join(1, 1, Priority::Normal, 0);
        line.join(2, 1, Priority::Normal, 0);
        let of = line.next().unwrap().0;
        of_one += usize::from(of == 1);
        if of == 1 {
            let comes = line.come_again(1);
            if round % 3 == 0 {
                line.leave(comes);
                line.come_again(1);
            }
        }
    }
    assert!((170..=201).contains(&of_one), "{of_one}");
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
fn what_has_aged_goes_before_newcomers_of_its_priority() {
    let mut line = Line::new();
    for _ in 0..2 {
        line.join(1, 1, Priority::Low, 0);
    }
    let mut of_one = 0;
    for newcomer in 10..20 {
        line.join(2, 1, Priority::High, 0);
        line.join(newcomer, 1, Priority::Low, 0);
        line.now += AGEING / 2;
        of_one += usize::from(line.next().unwrap().0 == 1);
    }
    assert_eq!(of_one, 2);
}

#[test]
fn what_has_aged_has_every_second_turn_and_no_more() {
    let mut line = Line::new();
    for _ in 0..4 {
        line.join(1, 1, Priority::Low, 0);
        line.join(2, 1, Priority::High, 0);
    }
    assert_eq!(line.next().unwrap().0, 2);
    assert_eq!(line.next().unwrap().0, 2);
    line.now += AGEING * 5;
    let rest: Vec<_> = std::iter::from_fn(|| line.next()).map(|it| it.0).collect();
    assert_eq!(rest, [1, 2, 1, 2, 1, 1]);
}

proptest! {
    #[test]
    fn whoever_leaves_leaves_nothing_behind(
        steps in prop::collection::vec((0_u32..5, 0_u8..3, any::<prop::sample::Index>()), 1..200),
    ) {
        let (mut line, mut standing) = (Line::new(), Vec::new());
        for (account, step, which) in steps {
            match step {
                1 if !standing.is_empty() => {
                    let leaver = standing.swap_remove(which.index(standing.len()));
                    line.leave(leaver);
                }
                2 if !standing.is_empty() => {
                    let at = line.queue.choose(line.now, AGEING);
                    standing.retain(|it| Some(*it) != at);
                    line.next();
                }
                _ => standing.push(line.join(account, 1, Priority::Normal, 0)),
            }
            prop_assert_eq!(line.queue.len as usize, standing.len());
            let flows = line.queue.bands[1].as_ref().map_or(0, |band| band.flows());
            prop_assert!(flows <= 5);
        }
        standing.into_iter().for_each(|leaver| line.leave(leaver));
        prop_assert!(line.queue.is_empty() && line.queue.bands.iter().all(Option::is_none));
    }
}
