//! The end of a layer.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready, task};
use tower_tiktok::{
    error::is_unsent,
    request_pacing::{Draining, Quota, Quotas},
};

use crate::server::{SECOND, build, go, request, secs, slot, slow, spawn};

#[tokio::test(start_paused = true)]
async fn it_takes_no_more_and_ends_when_all_are_over() {
    let (layer, client) = build(Quota::requests_per_second(2));
    let handle = layer.handle();
    let start = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(spawn(&client, slow("x", "/a", 1_500)).await);
    }
    let drained = handle.drain();
    assert!(handle.is_draining());
    let error = go(&client, request("x", "/a")).await.unwrap_err();
    assert!(error.is::<Draining>() && is_unsent(&*error));
    drained.await;
    assert!(calls.iter().all(|call| call.is_finished()));
    // The last waits for two answers and two seconds.
    assert!(start.elapsed() < secs(8), "{:?}", start.elapsed());
    assert_eq!(handle.snapshot().queued(), 0);
    // Whoever asks again hears it at once.
    timeout(Duration::ZERO, handle.drain()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_is_over() {
    for sent in [true, false] {
        let (layer, client) = build(Quota::requests_in_any(1, secs(60)));
        if !sent {
            go(&client, request("x", "/a")).await.unwrap();
        }
        let call = spawn(&client, slow("x", "/a", 600_000)).await;
        let mut drained = task::spawn(layer.handle().drain());
        assert_pending!(drained.poll());
        call.abort();
        sleep(SECOND).await;
        assert!(drained.is_woken());
        assert_ready!(drained.poll());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_paced_is_waited_for_too() {
    let (layer, client) = build(Quotas::none());
    let mut call = task::spawn(slot(&client, slow("x", "/a", 1_000)));
    assert_pending!(call.poll());
    let mut drained = task::spawn(layer.handle().drain());
    assert_pending!(drained.poll());
    sleep(secs(2)).await;
    assert_ready!(call.poll()).unwrap();
    assert!(drained.is_woken());
    assert_ready!(drained.poll());
}
