use std::time::Duration;

use http::Response;
use tokio::time::Instant;
use tower::BoxError;
use tower_tiktok::{
    error::DeadlineExceeded,
    request_pacing::{Quota, Scope},
};

use crate::server::{build, by, go, request, secs, slow, spawn};

/// "One that is known to miss its deadline fails at once."
#[tokio::test(start_paused = true)]
async fn who_cannot_make_it_fails_at_once() {
    let (_layer, client) = build(Quota::requests_per_minute(1));
    let _sent = spawn(&client, slow("x", "/a", 600_000)).await;
    let start = Instant::now();
    // The one slot was taken now, so it is free in a minute at the soonest.
    let late = go(&client, by(request("x", "/a"), start + secs(30))).await;
    assert_eq!(earliest(late), Some(start + secs(60)));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// When it could have been sent.
fn earliest(late: Result<Response<()>, BoxError>) -> Option<Instant> {
    let error = late.unwrap_err();
    error.downcast_ref::<DeadlineExceeded>().unwrap().earliest()
}

/// Behind a thousand others, at one a second.
#[tokio::test(start_paused = true)]
async fn who_cannot_make_it_behind_the_others_fails_at_once() {
    let (_layer, client) = build(Quota::requests_in_any(1, secs(10)));
    for _ in 0..100 {
        spawn(&client, request("x", "/a")).await;
    }
    let start = Instant::now();
    let late = go(&client, by(request("x", "/a"), start + secs(30))).await;
    assert_eq!(earliest(late), Some(start + secs(1_000)));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_deadlines() {
    let (layer, client) = build(Quota::requests_per_second(10));
    layer.handle().pause();
    let start = Instant::now();
    let late = go(&client, by(request("x", "/a"), start + secs(5))).await;
    assert!(late.is_err());
    assert_eq!(start.elapsed(), secs(5));
    layer
        .handle()
        .hold_until(Scope::app(), Instant::now() + secs(5));
    layer.handle().resume();
    let start = Instant::now();
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(start.elapsed(), secs(5));
}

/// Where nothing is known, more go with every answer.
#[tokio::test(start_paused = true)]
async fn nobody_fails_for_a_limit_that_is_only_learned() {
    let send = async |deadline: Duration| {
        let (_layer, client) = build(Quota::unknown());
        let start = Instant::now();
        let calls = (0..200).map(|_| go(&client, by(slow("x", "/a", 50), start + deadline)));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok));
        start.elapsed()
    };
    let takes = send(secs(3_600)).await;
    assert_eq!(send(takes).await, takes);
}
