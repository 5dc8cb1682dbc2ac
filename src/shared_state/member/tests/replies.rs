use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Process, SECOND, START};
use crate::shared_state::{
    Ledger, Notice, Reply, ScopeReply, StoreError, StoreErrorKind, Tokens, WindowReply, WindowSpan,
    member::FailureMode,
};

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0_u64..5_000).prop_map(Duration::from_millis)
    ]
}

fn window_reply() -> impl Strategy<Value = WindowReply> {
    let count = || prop_oneof![0_u32..20, Just(u32::MAX)];
    let granted = prop::collection::vec((count(), time()), 0..4);
    (count(), count(), count(), count(), granted).prop_map(
        |(target, held, limit, spare, granted)| {
            let mut reply = WindowReply::new(target, held, limit);
            reply.spare = spare;
            reply.granted = granted
                .into_iter()
                .map(|(count, time)| Tokens::new(count, time))
                .collect();
            reply
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let windows = prop::collection::vec(window_reply(), 0..3);
    let scope = (windows, prop::option::of(time()), prop::option::of(time()));
    let scopes = prop::collection::vec(scope, 0..3);
    (any::<u64>(), any::<u32>(), scopes).prop_map(|(epoch, instances, scopes)| {
        let mut reply = Reply::new(epoch, instances);
        for (windows, hold, ask_in) in scopes {
            reply.scopes.push(ScopeReply {
                windows,
                hold,
                ask_in,
                missed: instances % 2 == 0,
            });
        }
        reply
    })
}

proptest! {
    #[test]
    fn whatever_a_store_says_nobody_holds_more_than_there_is(
        replies in prop::collection::vec(prop::option::weighted(0.8, reply()), 1..20),
        span in prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(60)), Just(Duration::MAX)],
        pass in 0_u64..9_000,
        wait in time(),
    ) {
        let mut now = Instant::now();
        let mut process = Process::new(1, FailureMode::LocalShare, WindowSpan::Any(span), 10, now);
        process.span = SECOND;
        process.queued = 30;
        process.span = WindowSpan::Any(span);
        for reply in replies {
            let failed = StoreError::new(StoreErrorKind::Unreachable);
            process.ask(now);
            process.hear(reply.ok_or(failed), now);
            process.machine.notice(&Notice::Hold { scope: Arc::from("app"), wait }, now);
            prop_assert!(process.held() <= 10);
            let share = process.share.as_ref().expect("it has looked");
            prop_assert!(share.limits[0].1 <= 10);
            prop_assert!(process.machine.wakes(now).is_some());
            now += Duration::from_millis(pass);
        }
    }
}

/// Else who told half as much as another at first would have less for good, though
/// as much waits with both.
#[test]
fn a_backlog_that_has_halved_is_told() {
    let (mut ledger, began) = (Ledger::new(), Instant::now());
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 20, began);
    let mut tells = |queued, secs| {
        let after = Duration::from_secs(secs);
        process.queued = queued;
        let exchange = process.ask(began + after);
        let reply = ledger.exchange(&exchange, START + after, &mut Vec::new());
        process.hear(reply, began + after);
        exchange.scopes[0].windows[0].queued
    };
    let told = [tells(16, 0), tells(8, 2), tells(12, 7), tells(3, 10)];
    assert_eq!(told, [16, 8, 8, 3]);
}

#[test]
fn what_closes_during_an_exchange_is_told_with_the_next() {
    let (now, second, soon) = (
        Instant::now(),
        Duration::from_secs(1),
        Duration::from_millis(1),
    );
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 1_000;
    let mut demands = process.demand(now);
    demands[0].hold = Some(now + second);
    process.machine.observe(demands, now);
    let exchange = process.ask(now);
    assert_eq!(exchange.scopes[0].hold, Some(second));
    let mut demands = process.demand(now);
    demands[0].hold = Some(now + 60 * second);
    process.machine.observe(demands, now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now + soon);
    let next = process.ask(now + soon);
    assert_eq!(next.scopes[0].hold, Some(60 * second - soon));
}
