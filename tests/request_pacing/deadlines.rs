use std::time::Duration;

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_tiktok::{
    error::DeadlineExceeded,
    request_pacing::{Quota, RequestPacingLayer, Scope},
    retry_after_header::RetryAfterHeaderLayer,
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

/// Who waits already, too: the headers of another's answer close the scope.
#[tokio::test(start_paused = true)]
async fn who_cannot_make_it_by_what_a_header_tells_fails_at_once() {
    let layer = RequestPacingLayer::builder(Quota::requests_in_any(1, secs(10)));
    let client = ServiceBuilder::new()
        .layer(layer.build().unwrap())
        .layer(RetryAfterHeaderLayer::new(secs(60)))
        .service(service_fn(async |request: Request<u64>| {
            sleep(Duration::from_millis(*request.body())).await;
            let response = Response::builder()
                .header("x-ratelimit-limit", "1")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", "40");
            Ok::<_, BoxError>(response.body(()).unwrap())
        }));
    let start = Instant::now();
    let first = client.clone().oneshot(slow("x", "/a", 5_000));
    let late = async {
        let request = by(request("x", "/a"), start + secs(20));
        (client.clone().oneshot(request).await, start.elapsed())
    };
    let (first, (late, after)) = tokio::join!(first, late);
    first.unwrap();
    assert_eq!(after, secs(5));
    assert_eq!(earliest(late), Some(start + secs(45)));
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
