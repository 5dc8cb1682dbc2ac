use std::time::Duration;

use tokio::time::Instant;

use super::{Process, SECOND, START, settings};
use crate::shared_state::{
    Ledger, StoreError, StoreErrorKind, WindowSpan,
    member::{FailureMode, settings::Settings},
};

#[test]
fn who_hears_that_it_is_stale_is_another_from_then_on() {
    let now = Instant::now();
    let (mut ledger, mut notices) = (Ledger::new(), Vec::new());
    let mut twins = [1, 1].map(|id| Process::new(id, FailureMode::LocalShare, SECOND, 10, now));
    for twin in &mut twins {
        twin.queued = 50;
        let exchange = twin.ask(now);
        let answer = ledger.exchange(&exchange, START, &mut notices);
        twin.hear(answer, now);
    }
    assert_eq!((twins[0].machine.id(), twins[0].held()), (1, 10));
    assert_ne!(twins[1].machine.id(), 1);
    assert_eq!(twins[1].held(), 0);
    let exchange = twins[1].ask(now);
    let reply = ledger.exchange(&exchange, START, &mut notices);
    assert_eq!(reply.expect("its number is its own").instances, 2);
}

#[test]
fn who_was_stopped_sends_nothing_by_what_it_had() {
    let mut now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 50;
    let exchange = process.ask(now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    assert!(process.send(now));
    now += Duration::from_secs(5);
    assert!(!process.send(now));
}

#[test]
fn without_a_store_who_wakes_takes_of_a_minute_what_is_worth_a_second() {
    let minute = WindowSpan::Any(Duration::from_secs(60));
    let mut now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, minute, 600, now);
    process.queued = 1_000;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    assert_eq!(
        process.share.as_ref().map(|share| share.limits[0].1),
        Some(10)
    );
    // Once all leases are over, and all that was sent by them is too.
    now += Duration::from_secs(5 + 60 + 2);
    process.look(now);
    assert_eq!(
        process.share.as_ref().map(|share| share.limits[0].1),
        Some(600)
    );
}

#[test]
fn all_have_noticed_an_outage_before_anybody_counts_on_it() {
    for (lease, deadline) in [(5_000, 50), (5_000, 1_000), (1_000, 250), (60_000, 1)] {
        let [lease, deadline] = [lease, deadline].map(Duration::from_millis);
        let settings = Settings {
            lease,
            deadline,
            ..settings(FailureMode::LocalShare)
        };
        assert!(settings.renew() + settings.deadline <= settings.noticed());
        assert!(settings.noticed() < settings.lease);
    }
}
