//! A clock that is set while requests come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tower::Layer;
use tower_tiktok::request_pacing::{Quota, RequestPacingLayer};

use crate::server::{Client, SECOND, Server, at_utc, go, request, secs, spawn};

const HOUR: u64 = 3_600;

/// Ten a day, and a clock that shows this hour and can be set ahead by seconds.
fn ten_a_day(hour: u64, minute: u64) -> (Client, Arc<AtomicI64>) {
    let (start, set) = (Instant::now(), Arc::new(AtomicI64::new(0)));
    let ahead = set.clone();
    let layer = RequestPacingLayer::builder(Quota::requests_per_day_utc(10))
        .clock(move || {
            let shows = at_utc(hour, minute, 0) + start.elapsed();
            let ahead = ahead.load(Ordering::Relaxed);
            let by = Duration::from_secs(ahead.unsigned_abs());
            if ahead < 0 { shows - by } else { shows + by }
        })
        .build()
        .unwrap();
    (layer.layer(Server), set)
}

async fn send(client: &Client, requests: u32) {
    for _ in 0..requests {
        let call = timeout(SECOND, go(client, request("x", "/a")));
        call.await.expect("there is room").unwrap();
    }
}

/// For how long the next one waits.
async fn wait(client: &Client) -> u64 {
    let start = Instant::now();
    go(client, request("x", "/a")).await.unwrap();
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_through_midnight_begins_the_day() {
    let (client, set) = ten_a_day(12, 0);
    send(&client, 10).await;
    sleep(secs(58)).await;
    let full = timeout(secs(2), go(&client, request("x", "/a")));
    assert!(full.await.is_err());
    set.store(13 * 3_600, Ordering::Relaxed);
    send(&client, 10).await;
    // From a few milliseconds after one minute past one in the morning.
    assert_eq!(wait(&client).await, 23 * HOUR - 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_learns_that_the_day_has_begun() {
    let (client, set) = ten_a_day(12, 0);
    send(&client, 10).await;
    sleep(SECOND).await;
    let start = Instant::now();
    let waits = spawn(&client, request("x", "/a")).await;
    sleep(secs(60)).await;
    set.store(13 * 3_600, Ordering::Relaxed);
    assert!(waits.await.unwrap() - start < secs(HOUR));
}

#[tokio::test(start_paused = true)]
async fn what_went_while_the_clock_was_set_counts_in_both_days() {
    let (client, set) = ten_a_day(23, 0);
    send(&client, 3).await;
    sleep(secs(60)).await;
    send(&client, 4).await;
    set.store(7_200, Ordering::Relaxed);
    sleep(SECOND).await;
    send(&client, 6).await;
    assert!(wait(&client).await > 22 * HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_over_midnight_opens_no_day_twice() {
    let (client, set) = ten_a_day(23, 30);
    send(&client, 6).await;
    // Two minutes past midnight, as it seems.
    sleep(secs(32 * 60)).await;
    send(&client, 4).await;
    set.store(-3_600, Ordering::Relaxed);
    sleep(SECOND).await;
    // It is 23:02, and six or ten have gone today.
    let waited = wait(&client).await;
    assert_eq!(waited, 59 * 60 - 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_a_little_is_followed() {
    let (client, set) = ten_a_day(23, 30);
    send(&client, 10).await;
    set.store(-30, Ordering::Relaxed);
    assert_eq!(wait(&client).await, 31 * 60 + 30);
}
