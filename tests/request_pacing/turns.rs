use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    extensions::Priority,
    request_pacing::{Quota, Quotas, RequestPacingLayer, Scope},
};

use crate::server::{Server, at_utc, build, context, go, request, secs, spawn, with};

/// The release interval is longer than the ageing (10 s by default).
#[tokio::test(start_paused = true)]
async fn a_high_priority_does_not_starve_behind_low_ones() {
    let (_layer, client) = build(Quota::requests_in_any(1, secs(20)));
    go(&client, request("x", "/a")).await.unwrap();
    let start = Instant::now();
    let mut low = Vec::new();
    for _ in 0..20 {
        let context = context("l", "/a").with_priority(Priority::Low);
        low.push(spawn(&client, with(context, 0)).await);
    }
    let context = context("h", "/a").with_priority(Priority::High);
    go(&client, with(context, 0)).await.unwrap();
    assert!(start.elapsed() <= secs(41), "after {:?}", start.elapsed());
}

/// Where the app is the bottleneck, low ones reserve the whole of a wide
/// window of their endpoint, minutes before they go.
#[tokio::test(start_paused = true)]
async fn a_high_priority_does_not_wait_for_a_minute_of_low_ones() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(10))
        .with_each_endpoint(Quota::requests_per_minute(600));
    let (_layer, client) = build(quotas);
    let mut low = Vec::new();
    for _ in 0..700 {
        let context = context("l", "/a").with_priority(Priority::Low);
        low.push(spawn(&client, with(context, 0)).await);
    }
    let start = Instant::now();
    let context = context("h", "/a").with_priority(Priority::High);
    go(&client, with(context, 0)).await.unwrap();
    assert!(start.elapsed() <= secs(5), "after {:?}", start.elapsed());
}

/// The same between accounts.
#[tokio::test(start_paused = true)]
async fn a_small_account_does_not_wait_for_a_minute_of_a_large_one() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(10))
        .with_each_endpoint(Quota::requests_per_minute(600));
    let (_layer, client) = build(quotas);
    let mut large = Vec::new();
    for _ in 0..700 {
        large.push(spawn(&client, request("large", "/a")).await);
    }
    let start = Instant::now();
    go(&client, request("small", "/a")).await.unwrap();
    assert!(start.elapsed() <= secs(5), "after {:?}", start.elapsed());
}

/// The same with a day: the whole of tomorrow.
#[tokio::test(start_paused = true)]
async fn a_high_priority_goes_today() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(1))
        .with_each_account_endpoint(Quota::requests_per_day_utc(1_000));
    let layer = RequestPacingLayer::builder(quotas)
        .date(at_utc(1, 0, 0))
        .build()
        .unwrap();
    let client = layer.layer(Server);
    let mut low = Vec::new();
    for _ in 0..1_100 {
        let context = context("x", "/a").with_priority(Priority::Low);
        low.push(spawn(&client, with(context, 0)).await);
    }
    let start = Instant::now();
    let context = context("x", "/a").with_priority(Priority::High);
    go(&client, with(context, 0)).await.unwrap();
    assert!(start.elapsed() <= secs(60), "after {:?}", start.elapsed());
}

/// A closed account behind a queue of thousands: the walk must not recurse.
#[test]
fn a_closed_account_with_thousands_that_wait_does_not_overflow_the_stack() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // The stack of a worker of tokio.
    let run = move || {
        runtime.block_on(async {
            let quotas = Quotas::none()
                .with_app(Quota::requests_per_second(1))
                .with_each_endpoint(Quota::requests_per_minute(5_000))
                .with_each_account_endpoint(Quota::requests_per_minute(100_000));
            let (layer, client) = build(quotas);
            let mut calls = Vec::new();
            for _ in 0..20_000 {
                calls.push(tokio::spawn(client.clone().oneshot(request("x", "/a"))));
            }
            sleep(Duration::from_millis(500)).await;
            let scope = Scope::account_endpoint("x", "/a");
            layer.handle().hold_until(scope, Instant::now() + secs(300));
            sleep(secs(5)).await;
        });
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
    thread.unwrap().join().unwrap();
}
