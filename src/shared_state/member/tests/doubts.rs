//! Who loses the way to a store asks whether it is there, neither in step with others
//! nor too often.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{Process, SECOND, START};
use crate::shared_state::{Ledger, Notice, member::FailureMode};

const MS: Duration = Duration::from_millis(1);

/// One that holds a token, and so asks when its lease is to be renewed.
struct Holds {
    process: Process,
    ledger: Ledger,
    began: Instant,
}

impl Holds {
    fn new(id: u64) -> Self {
        let began = Instant::now();
        let mut process = Process::new(id, FailureMode::LocalShare, SECOND, 10, began);
        process.queued = 1;
        let (ledger, mut holds) = (Ledger::new(), Duration::ZERO);
        let mut it = Self {
            process,
            ledger,
            began,
        };
        it.asks(holds);
        it.process.queued = 0;
        it.process.send(began);
        // What it holds beyond that it has given back.
        while it.due(holds) < holds + Duration::from_secs(3) {
            holds = it.due(holds);
            it.asks(holds);
        }
        it.began += holds;
        it.process.machine.notice(&Notice::Heard(true), it.began);
        it
    }

    fn asks(&mut self, after: Duration) {
        let now = self.began + after;
        let exchange = self.process.ask(now);
        let reply = self
            .ledger
            .exchange(&exchange, START + after, &mut Vec::new());
        assert_eq!(self.process.hear(reply, now), None);
    }

    fn loses_its_way(&mut self, after: Duration) {
        for heard in [true, false] {
            let notice = Notice::Heard(heard);
            self.process.machine.notice(&notice, self.began + after);
        }
    }

    /// When it asks next, if nothing happens.
    fn due(&self, after: Duration) -> Duration {
        let due = self.process.machine.due(self.began + after);
        due.expect("it holds some") - self.began
    }
}

#[test]
fn no_fleet_asks_as_one_whether_the_store_is_there() {
    let mut chance = StdRng::seed_from_u64(7);
    let mut asks = BTreeMap::<u128, u32>::new();
    for _ in 0..1_000 {
        let mut member = Holds::new(chance.random());
        member.loses_its_way(1_000 * MS);
        let due = member.due(1_000 * MS);
        *asks.entry(due.as_millis()).or_default() += 1;
    }
    let (first, last) = (asks.keys().min(), asks.keys().max());
    assert!(first >= Some(&1_000) && last <= Some(&1_250), "{asks:?}");
    // Four each millisecond, were they by chance no closer than they must be.
    assert!(asks.len() > 230, "{asks:?}");
    assert!(asks.values().all(|&asks| asks <= 15), "{asks:?}");
}

#[test]
fn whatever_is_asked_tells_whether_the_store_is_there() {
    let mut member = Holds::new(7);
    member.loses_its_way(1_000 * MS);
    assert!(member.due(1_000 * MS) <= 1_250 * MS);
    member.asks(1_000 * MS);
    let due = member.due(1_000 * MS);
    assert!(due > 4_000 * MS, "{due:?}");
    // That was not for the sake of it, so it may be asked again soon.
    member.loses_its_way(1_300 * MS);
    assert!(member.due(1_300 * MS) <= 1_550 * MS);
}

#[test]
fn a_way_that_is_lost_again_and_again_costs_no_exchange_each_time() {
    let mut member = Holds::new(7);
    let mut exchanges = 0;
    for lost in 3..200 {
        let mut now = 300 * lost * MS;
        member.loses_its_way(now);
        for _ in 0..30 {
            if member.due(now) <= now {
                member.asks(now);
                exchanges += 1;
            }
            now += 10 * MS;
        }
    }
    // In a minute, as many as if its lease were renewed.
    assert!((15..=20).contains(&exchanges), "{exchanges}");
}

#[test]
fn who_never_heard_a_store_asks_no_more_when_it_still_does_not() {
    let mut member = Holds::new(7);
    member.process.machine.begin_anew();
    let due = member.due(1_000 * MS);
    for _ in 0..2 {
        let notice = Notice::Heard(false);
        let now = member.began + 1_000 * MS;
        member.process.machine.notice(&notice, now);
        assert_eq!(member.due(1_000 * MS), due);
    }
}
