//! Requests that share a layer and live in several runtimes, or in none.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_test::{assert_pending, task};
use tower_tiktok::request_pacing::Quota;

use crate::server::{Client, build, go, request, secs, slot};

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// The one that keeps the time lives in a runtime that is shut down.
#[test]
fn who_waits_in_another_runtime_goes_on() {
    let (_layer, client) = build(Quota::requests_in_any(1, Duration::from_millis(50)));
    let (first, second) = (runtime(), runtime());
    first.block_on(go(&client, request("x", "/a"))).unwrap();
    let inside = first.enter();
    let mut kept = task::spawn(slot(&client, request("x", "/a")));
    assert_pending!(kept.poll());
    drop(inside);
    drop(first);
    assert!(kept.is_woken());
    second.block_on(async {
        assert!(timeout(secs(60), &mut kept).await.is_ok());
    });
}

/// It lives in one that nobody drives any more: a thread that has done its
/// part and goes on with other work.
#[test]
fn a_runtime_that_is_not_driven_delays_no_other() {
    let (_layer, client) = build(Quota::requests_in_any(1, Duration::from_millis(50)));
    let (first, second) = (runtime(), runtime());
    first.block_on(go(&client, request("x", "/a"))).unwrap();
    let inside = first.enter();
    let mut kept = task::spawn(slot(&client, request("x", "/a")));
    assert_pending!(kept.poll());
    drop(inside);
    second.block_on(async {
        let other = timeout(secs(60), go(&client, request("y", "/a"))).await;
        assert!(other.is_ok(), "it waits for a runtime that nobody drives");
    });
}

/// Whether one that has to wait panics when it is polled first.
fn panics(client: &Client) -> bool {
    let mut waits = task::spawn(slot(client, request("x", "/a")));
    catch_unwind(AssertUnwindSafe(|| assert_pending!(waits.poll()))).is_err()
}

#[test]
fn without_time_one_that_waits_panics_itself() {
    let (layer, client) = build(Quota::requests_per_second(1));
    let timeless = Builder::new_current_thread().build().unwrap();
    timeless.block_on(async {
        go(&client, request("x", "/a")).await.unwrap();
        assert!(panics(&client));
    });
    assert_eq!(layer.handle().snapshot().queued(), 0);
}

#[test]
fn in_a_runtime_that_is_shut_down_one_that_waits_panics_itself() {
    let (layer, client) = build(Quota::requests_per_second(1));
    let gone = runtime();
    let handle = gone.handle().clone();
    gone.block_on(go(&client, request("x", "/a"))).unwrap();
    drop(gone);
    let _inside = handle.enter();
    assert!(panics(&client));
    assert_eq!(layer.handle().snapshot().queued(), 0);
}
