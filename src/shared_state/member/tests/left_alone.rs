//! Who waits longer for the store than it may goes on by its part, and tells so.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use super::{SECOND, START, beside::Process};
use crate::shared_state::{Exchange, Ledger, member::FailureMode};

const MS: Duration = Duration::from_millis(1);

/// The first under way arrives, and is heard of.
fn carry(process: &mut Process, ledger: &mut Ledger, began: Instant, now: Instant) -> Exchange {
    let exchange = process.sent.remove(0);
    let reply = ledger.exchange(&exchange, START + (now - began), &mut Vec::new());
    process.hear(exchange.number, reply, now);
    exchange
}

/// It has had a token of its first scope, and gives all back by an exchange that is
/// under way.
fn gives_back(ledger: &mut Ledger, began: Instant) -> (Process, Instant) {
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, began);
    process.queued[0] = 1;
    process.exchange(began);
    carry(&mut process, ledger, began, began);
    process.queued[0] = 0;
    let mut now = began;
    loop {
        now += 250 * MS;
        process.exchange(now);
        match process.sent.first() {
            Some(last) if last.scopes[0].windows[0].held == 0 => break,
            Some(_) => drop(carry(&mut process, ledger, began, now)),
            None => {}
        }
    }
    assert_eq!(process.sent[0].scopes[0].windows[0].queued, 0);
    (process, now)
}

#[test]
fn who_comes_during_an_exchange_about_its_scope_waits_for_one_deadline() {
    let (began, mut ledger) = (Instant::now(), Ledger::new());
    let (mut process, mut now) = gives_back(&mut ledger, began);
    process.queued[0] = 2;
    process.look(now);
    now += 40 * MS;
    carry(&mut process, &mut ledger, began, now);
    process.exchange(now);
    assert_eq!(process.sent[0].scopes[0].windows[0].queued, 2);
    now += 11 * MS;
    process.look(now);
    process.send(0, now);
    assert_eq!(process.queued[0], 1);
}

#[test]
fn what_was_sent_alone_is_told_though_another_exchange_was_under_way() {
    let (began, mut ledger) = (Instant::now(), Ledger::new());
    let (mut process, mut now) = gives_back(&mut ledger, began);
    carry(&mut process, &mut ledger, began, now);
    // Somebody comes, and who told of it had to wait for long.
    process.queued[0] = 1;
    process.exchange(now);
    now += 51 * MS;
    process.look(now);
    process.send(0, now);
    assert_eq!(process.queued[0], 0);
    let first = carry(&mut process, &mut ledger, began, now);
    assert!(!first.scopes[0].claim);
    process.exchange(now);
    let next = carry(&mut process, &mut ledger, began, now);
    assert!(next.scopes[0].claim);
    now += 250 * MS;
    process.exchange(now);
    assert!(
        process
            .sent
            .iter()
            .all(|exchange| !exchange.scopes[0].claim)
    );
}

#[test]
fn who_leaves_waits_for_no_exchange_but_its_own() {
    let (began, mut ledger) = (Instant::now(), Ledger::new());
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, began);
    process.queued[0] = 1;
    process.exchange(began);
    carry(&mut process, &mut ledger, began, began);
    process.queued = [0, 1, 0, 0, 0];
    process.exchange(began);
    let (leaver, mut left) = oneshot::channel();
    process.machine.leave(leaver);
    for new in 2..4 {
        process.machine.rest_if_asked(began);
        assert!(left.try_recv().is_err());
        carry(&mut process, &mut ledger, began, began);
        process.exchange(began);
        // There is always one more.
        process.queued[new] = 1;
        process.exchange(began);
    }
    process.machine.rest_if_asked(began);
    assert!(!process.sent.is_empty());
    assert_eq!(left.try_recv(), Ok(Ok(())));
}
