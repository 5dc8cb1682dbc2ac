use tokio_test::{assert_pending, assert_ready_ok};
use tower_tiktok::per_account_concurrency::{
    InvalidConcurrency, Limits, PerAccountConcurrencyLayer,
};

use crate::support::*;

#[test]
fn an_account_can_have_limits_of_its_own() {
    let own = Limits::default().with_max_writes(2);
    let (client, mut server) = over_mock(one_each().account_limits("a", own));
    let _all = ["a", "a", "a", "b", "b"].map(|account| start(&client, write(account)));
    assert_eq!(std::iter::from_fn(|| received(&mut server)).count(), 3);
    assert_eq!(client.handle().account_limits(&"a".into()), own);
    assert_eq!(client.handle().account_limits(&"b".into()).max_writes(), 1);
}

#[test]
fn a_raised_limit_lets_the_waiting_go_at_once() {
    let (client, mut server) = over_mock(one_each());
    let handle = client.handle();
    let mut a: Vec<_> = (0..4).map(|_| start(&client, write("a"))).collect();
    let mut b: Vec<_> = (0..4).map(|_| start(&client, write("b"))).collect();
    let mut answers = Vec::new();
    let mut in_flight = |server: &mut Handle, all: &mut Vec<Pending>| {
        for pending in all.iter_mut().filter(|pending| pending.is_woken()) {
            assert_pending!(pending.poll());
        }
        let before = answers.len();
        answers.extend(std::iter::from_fn(|| received(server)));
        answers.len() - before
    };
    assert_eq!(in_flight(&mut server, &mut a), 2);

    handle.set_account_limits("a", Limits::default().with_max_writes(3));
    assert_eq!(in_flight(&mut server, &mut a), 2);
    // The account with its own limits does not follow the others.
    handle.set_limits(Limits::default().with_max_writes(4));
    assert_eq!(in_flight(&mut server, &mut a), 0);
    assert_eq!(in_flight(&mut server, &mut b), 3);
    handle.remove_account_limits(&"a".into());
    assert_eq!(in_flight(&mut server, &mut a), 1);
    assert_eq!(handle.limits().max_writes(), 4);
}

#[test]
fn a_lowered_limit_lets_those_in_flight_finish() {
    let (client, mut server) = over_mock(one_each().max_writes(3));
    let mut all: Vec<_> = (0..4).map(|_| start(&client, write("a"))).collect();
    client
        .handle()
        .set_limits(Limits::default().with_max_writes(1));
    let answers: Vec<_> = std::iter::from_fn(|| received(&mut server)).collect();
    assert_eq!(answers.len(), 3);
    for (index, (_, answer)) in answers.into_iter().enumerate() {
        assert!(!all[3].is_woken());
        answer.send_response(ok());
        assert_ready_ok!(all[index].poll());
    }
    assert!(all[3].is_woken());
}

#[test]
fn a_paused_account_waits_until_it_is_resumed() {
    let (client, mut server) = over_mock(one_each());
    let handle = client.handle();
    handle.set_account_limits("a", Limits::paused());
    let mut paused = start(&client, write("a"));
    assert!(received(&mut server).is_none());
    handle.remove_account_limits(&"a".into());
    assert!(paused.is_woken());
    assert_pending!(paused.poll());
    assert!(received(&mut server).is_some());
}

#[test]
fn limits_that_let_nothing_go_are_not_built() {
    let writes = PerAccountConcurrencyLayer::builder().max_writes(0).build();
    assert_eq!(writes.unwrap_err(), InvalidConcurrency::NoWrites);
    let reads = PerAccountConcurrencyLayer::builder().max_reads(0).build();
    let error = reads.unwrap_err();
    assert_eq!(error, InvalidConcurrency::NoReads);
    assert_eq!(error.to_string(), "the limit of reads in flight is zero");
    let most = PerAccountConcurrencyLayer::builder()
        .max_writes(u32::MAX)
        .max_reads(u32::MAX)
        .max_queued(u32::MAX)
        .max_queued_in_total(u32::MAX);
    let (client, _server) = over_mock(most);
    let _sent = start(&client, write("a"));
}
