use std::time::Duration;

use tokio::time::Instant;

use super::{Process, SECOND, START};
use crate::shared_state::{Ledger, StoreError, StoreErrorKind, WindowSpan, member::FailureMode};

const LEASE: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(1);

/// One of a second's ten, without a store.
fn alone(now: Instant) -> Process {
    alone_as(1, now)
}

fn alone_as(id: u64, now: Instant) -> Process {
    let mut process = Process::new(id, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 1_000;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    assert_eq!(limit(&process), 10);
    process
}

fn limit(process: &Process) -> u32 {
    process.share.as_ref().map_or(0, |share| share.limits[0].1)
}

/// So many were sent, and so many refused.
fn went(process: &mut Process, sent: u32, refused: u32, now: Instant) -> u32 {
    let mut demands = process.demand(now);
    (demands[0].sent, demands[0].refused) = (sent, refused);
    process.machine.observe(demands, now);
    process.look(now);
    limit(process)
}

/// How long it stays away, from now on.
fn stays(process: &mut Process, now: Instant) -> Duration {
    let mut stays = Duration::ZERO;
    while went(process, 0, 0, now + stays) == 0 {
        stays += SOON;
    }
    stays
}

#[test]
fn who_goes_on_alone_leaves_the_limit_to_others_where_there_are_some() {
    let mut now = Instant::now();
    let mut process = alone(now);
    assert_eq!(went(&mut process, 8, 2, now), 10);
    assert_eq!(went(&mut process, 8, 1, now), 0);
    // What was under way is refused as well, and tells nothing new.
    assert_eq!(went(&mut process, 0, 2, now + SOON), 0);
    let first = stays(&mut process, now);
    assert!((LEASE / 2..=LEASE * 3 / 2).contains(&first), "{first:?}");
    now += first;
    assert_eq!(went(&mut process, 8, 3, now), 0);
    let second = stays(&mut process, now);
    assert!((LEASE * 2..=LEASE * 6).contains(&second), "{second:?}");
    now += second;
    // None is there any more.
    assert_eq!(went(&mut process, 100, 0, now), 10);
    assert_eq!(went(&mut process, 100, 0, now), 10);
    assert_eq!(went(&mut process, 0, 8, now), 0);
    assert!(stays(&mut process, now) <= LEASE * 3 / 2);
}

#[test]
fn those_that_leave_together_do_not_come_back_together() {
    let now = Instant::now();
    let stays = |id| {
        let mut process = alone_as(id, now);
        assert_eq!(went(&mut process, 8, 4, now), 0);
        stays(&mut process, now)
    };
    let all: Vec<_> = (1..=4).map(stays).collect();
    let apart = |at: usize| {
        all[..at]
            .iter()
            .all(|other| all[at].abs_diff(*other) > LEASE / 10)
    };
    assert!((1..4).all(apart), "{all:?}");
}

#[test]
fn a_few_that_are_refused_tell_of_nobody() {
    let now = Instant::now();
    let mut process = alone(now);
    for _ in 0..100 {
        assert_eq!(went(&mut process, 41, 0, now), 10);
        assert_eq!(went(&mut process, 0, 1, now), 10);
    }
}

#[test]
fn where_less_was_known_to_be_real_refusals_tell_of_that() {
    let now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 1_000;
    let mut demands = process.demand(now);
    demands[0].windows[0].learned = Some(500_000);
    process.machine.observe(demands, now);
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    assert_eq!(limit(&process), 5);
    assert_eq!(went(&mut process, 8, 4, now), 5);
}

#[test]
fn who_learns_that_less_is_real_goes_on() {
    let now = Instant::now();
    let mut process = alone(now);
    assert_eq!(went(&mut process, 8, 4, now), 0);
    let mut demands = process.demand(now);
    demands[0].windows[0].learned = Some(500_000);
    process.machine.observe(demands, now);
    process.look(now);
    assert_eq!(limit(&process), 5);
}

#[test]
fn what_is_learned_alone_is_forgotten_with_the_return() {
    let now = Instant::now();
    let learn = |process: &mut Process, ratio| {
        let mut demands = process.demand(now);
        demands[0].windows[0].learned = Some(ratio);
        process.machine.observe(demands, now);
    };
    let mut process = alone(now);
    learn(&mut process, 100_000);
    process.look(now);
    assert_eq!(limit(&process), 1);
    let exchange = process.ask(now);
    assert_eq!(exchange.scopes[0].windows[0].learned, None);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    let number = process.machine.number();
    process.machine.hear(number, reply, now, 0.3);
    // The layer does not know of the return yet.
    learn(&mut process, 200_000);
    process.look(now);
    let share = process.share.as_ref().expect("it waits");
    assert_eq!((share.alone, &share.learned[..]), (false, &[][..]));
    let renewal = process.ask(now + LEASE);
    assert_eq!(renewal.scopes[0].windows[0].learned, None);
}

#[test]
fn a_scope_that_ends_alone_hands_on_nothing_of_what_was_learned() {
    let mut now = Instant::now();
    let mut process = alone(now);
    let mut demands = process.demand(now);
    demands[0].windows[0].learned = Some(900_000);
    process.machine.observe(demands, now);
    process.look(now);
    // It leaves the limit to others, and then nobody waits any more.
    assert_eq!(went(&mut process, 8, 4, now), 0);
    process.queued = 0;
    process.look(now);
    now += Duration::from_secs(2);
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    let share = process.share.as_ref().expect("it was told");
    assert!(share.limits.is_empty(), "{share:?}");
    assert!(share.learned.is_empty(), "{share:?}");
}

#[test]
fn who_sends_nothing_alone_tells_what_it_found() {
    let now = Instant::now();
    let mut process = Process::new(1, FailureMode::Closed, SECOND, 10, now);
    process.queued = 1;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    let mut demands = process.demand(now);
    demands[0].hold = Some(now + 60 * LEASE);
    process.machine.observe(demands, now);
    assert!(process.ask(now).scopes[0].hold.is_some());
}

#[test]
fn by_a_lease_it_sends_what_is_its_own_and_tells_what_it_finds() {
    let now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 1_000;
    let exchange = process.ask(now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    assert_eq!(went(&mut process, 8, 4, now), 10);
    assert!(process.share.as_ref().is_some_and(|share| !share.alone));

    let until = now + 60 * LEASE;
    let now = now + LEASE;
    process.look(now);
    assert!(process.share.as_ref().is_some_and(|share| share.alone));
    // The others know better.
    assert_eq!(closes(&mut process, until, None, now), None);
    let mut leased = Process::new(2, FailureMode::LocalShare, SECOND, 10, now);
    leased.queued = 1;
    assert!(closes(&mut leased, until, None, now).is_some());
}

/// What a refusal has closed, how much of that the server said, and how much is told.
fn closes(
    process: &mut Process,
    until: Instant,
    stated: Option<Instant>,
    now: Instant,
) -> Option<Duration> {
    let mut demands = process.demand(now);
    (demands[0].hold, demands[0].stated) = (Some(until), stated);
    process.machine.observe(demands, now);
    process.ask(now).scopes[0].hold
}

#[test]
fn what_the_server_said_is_told_as_soon_as_the_store_is_back() {
    let mut now = Instant::now();
    let mut process = alone(now);
    let lost = || Err(StoreError::new(StoreErrorKind::Timeout));
    for _ in 0..10 {
        now = process.machine.due(now).expect("it tries again");
        process.ask(now);
        process.hear(lost(), now);
    }
    let until = now + LEASE;
    let told = closes(&mut process, until + LEASE, Some(until), now);
    assert_eq!(told, Some(LEASE));
    process.hear(lost(), now);
    // It is over, so nobody need hear of it.
    process.look(until);
    assert_eq!(process.ask(until).scopes[0].hold, None);
}

#[test]
fn who_comes_back_has_what_it_had_of_a_long_window() {
    let mut now = Instant::now();
    let day = WindowSpan::Any(Duration::from_secs(86_400));
    let mut process = Process::new(1, FailureMode::LocalShare, day, 1_000, now);
    process.queued = 100;
    let exchange = process.ask(now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    let lost = || Err(StoreError::new(StoreErrorKind::Timeout));
    process.ask(now);
    process.hear(lost(), now);
    now += LEASE;
    process.look(now);
    let had = limit(&process);
    assert!(had >= 100, "{had}");
    assert!(process.send(now));
    process.answered();
    assert_eq!(went(&mut process, 8, 3, now), 0);
    // The store does not hear of what it leaves to others.
    for _ in 0..2 {
        process.ask(now);
        process.hear(lost(), now);
    }
    now += 2 * LEASE;
    assert_eq!(went(&mut process, 0, 0, now), had);
}
