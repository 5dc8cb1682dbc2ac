use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower_tiktok::{
    extensions::Operation,
    per_account_concurrency::{Limits, QueueFull},
};

use crate::support::*;

#[test]
fn an_account_is_served_in_the_order_of_arrival() {
    let (client, mut server) = over_mock(one_each());
    let mut all: Vec<Pending> = ["/0", "/1", "/2", "/3"]
        .iter()
        .map(|name| start(&client, named(name, write("a"))))
        .collect();
    for name in ["/0", "/1", "/2", "/3"] {
        let (path, answer) = received(&mut server).unwrap();
        assert_eq!(path, name);
        assert!(received(&mut server).is_none());
        answer.send_response(ok());
        assert!(all[0].is_woken());
        assert_ready_ok!(all.remove(0).poll());
        for waiting in &mut all {
            let _ = waiting.poll();
        }
    }
    assert_eq!(keys(&client), 0);
}

#[test]
fn a_request_has_its_permit_or_its_place_from_the_call_on() {
    let (client, mut server) = over_mock(one_each());
    let [first, second, mut third] = [(); 3].map(|()| call(&client, write("a")));
    let snapshot = client.handle().snapshot();
    assert_eq!((snapshot.in_flight(), snapshot.queued()), (1, 2));
    // Nobody ever polled them, and still the turn goes from one to the next.
    drop((first, second));
    assert_pending!(third.poll());
    assert!(received(&mut server).is_some());
}

#[test]
fn a_permit_given_back_wakes_the_head_alone() {
    let (client, _server) = over_mock(one_each());
    let first = start(&client, write("a"));
    let head = start(&client, write("a"));
    let tail = start(&client, write("a"));
    drop(first);
    assert!(head.is_woken());
    assert!(!tail.is_woken());
}

#[test]
fn a_request_that_is_dropped_leaves_the_queue_at_once() {
    let (client, _server) = over_mock(one_each());
    let first = start(&client, write("a"));
    let head = start(&client, write("a"));
    let middle = start(&client, write("a"));
    let tail = start(&client, write("a"));
    drop(middle);
    assert_eq!(client.handle().snapshot().queued(), 2);
    drop(head);
    assert_eq!(client.handle().snapshot().queued(), 1);
    drop(first);
    assert!(tail.is_woken());
}

#[test]
fn a_permit_granted_to_a_dropped_request_goes_to_the_next() {
    let (client, mut server) = over_mock(one_each());
    let first = start(&client, write("a"));
    let granted = start(&client, write("a"));
    let mut next = start(&client, named("/next", write("a")));
    received(&mut server).unwrap();
    drop(first);
    assert!(granted.is_woken());
    drop(granted);
    assert!(next.is_woken());
    assert_pending!(next.poll());
    assert_eq!(received(&mut server).unwrap().0, "/next");
}

#[test]
fn a_request_that_is_not_polled_holds_nothing() {
    let (client, mut server) = over_mock(one_each());
    let unpolled = call(&client, write("a"));
    let _polled = start(&client, write("a"));
    assert!(received(&mut server).is_some());
    assert_eq!(client.handle().snapshot().in_flight(), 1);
    drop(unpolled);
    assert_eq!(client.handle().snapshot().in_flight(), 1);
}

#[test]
fn a_full_account_does_not_starve_another() {
    let (client, mut server) = over_mock(one_each());
    let _busy: Vec<_> = (0..100).map(|_| start(&client, write("a"))).collect();
    received(&mut server).unwrap();
    let _other = start(&client, named("/other", write("b")));
    assert_eq!(received(&mut server).unwrap().0, "/other");
}

#[test]
fn reads_and_writes_have_permits_of_their_own() {
    let (client, mut server) = over_mock(one_each().max_reads(2));
    let _writes = [start(&client, write("a")), start(&client, write("a"))];
    let _reads = [
        start(&client, named("/r1", read("a"))),
        start(&client, named("/r2", read("a"))),
        start(&client, named("/r3", read("a"))),
    ];
    let idempotent = request(Operation::repeatable(), "a");
    let _idempotent = start(&client, named("/i", idempotent));
    let paths: Vec<_> = std::iter::from_fn(|| received(&mut server))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(paths, ["/", "/r1", "/r2"]);
    let snapshot = client.handle().snapshot();
    let account = snapshot.account(&"a".into()).unwrap();
    assert_eq!((account.writes_in_flight, account.writes_queued), (1, 2));
    assert_eq!((account.reads_in_flight, account.reads_queued), (2, 1));
    assert_eq!((snapshot.in_flight(), snapshot.queued()), (3, 3));
}

#[test]
fn the_queue_of_an_account_is_bounded() {
    let (client, _server) = over_mock(one_each().max_queued(2));
    let mut waiting: Vec<_> = (0..3).map(|_| start(&client, write("a"))).collect();
    let error = assert_ready_err!(call(&client, write("a")).poll());
    let full = error.downcast_ref::<QueueFull>().unwrap();
    assert_eq!(full.account(), Some(&"a".into()));
    assert_eq!((full.queued(), full.is_total()), (2, false));
    assert_eq!(error.to_string(), "the queue of account a is full: 2 wait");

    // Neither its reads nor another account are turned away.
    let _read = start(&client, read("a"));
    let _other = start(&client, write("b"));
    // Who leaves makes room.
    waiting.pop();
    let _again = start(&client, write("a"));
}

#[test]
fn the_queues_of_all_accounts_are_bounded_together() {
    let (client, _server) = over_mock(one_each().max_queued_in_total(2));
    let _waiting = ["a", "a", "b", "b"].map(|account| start(&client, write(account)));
    let error = assert_ready_err!(call(&client, write("a")).poll());
    let full = error.downcast_ref::<QueueFull>().unwrap();
    assert_eq!((full.queued(), full.is_total()), (2, true));
    assert_eq!(
        error.to_string(),
        "the queues of all accounts are full: 2 wait"
    );
    let _permit_is_free = start(&client, write("c"));
}

#[test]
fn without_a_queue_nothing_waits() {
    let (client, _server) = over_mock(one_each().max_queued(0));
    let first = start(&client, write("a"));
    let error = assert_ready_err!(call(&client, write("a")).poll());
    assert!(error.is::<QueueFull>());
    drop(first);
    let _third = start(&client, write("a"));
}

#[test]
fn a_request_that_was_turned_away_leaves_no_key() {
    let paused = one_each().account_limits("a", Limits::paused());
    for builder in [paused.clone().max_queued(0), paused.max_queued_in_total(0)] {
        let (client, _server) = over_mock(builder);
        assert_ready_err!(call(&client, write("a")).poll());
        assert_eq!(keys(&client), 0);
    }
}

#[test]
fn an_idle_account_is_not_in_the_map() {
    let (client, mut server) = over_mock(one_each());
    for account in 0..1_000 {
        let mut pending = start(&client, write(&account.to_string()));
        assert_eq!(keys(&client), 1);
        received(&mut server).unwrap().1.send_response(ok());
        assert_ready_ok!(pending.poll());
        assert_eq!(keys(&client), 0);
    }
}
