use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tiktok::request_pacing::{InvalidQuota, Quota, RequestPacingLayer, Scope, WindowUse};

use crate::server::{build, slow, spawn};

type Calls = Vec<tokio::task::JoinHandle<Duration>>;

fn layer(quota: Quota) -> RequestPacingLayer {
    RequestPacingLayer::builder(quota).build().unwrap()
}

fn client(
    layer: &RequestPacingLayer,
) -> impl Service<Request<()>, Response = Response<()>, Error: std::fmt::Debug, Future: Send>
+ Clone
+ Send
+ 'static {
    layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }))
}

fn send(layer: &RequestPacingLayer, calls: usize) -> Calls {
    let start = Instant::now();
    let client = client(layer);
    let call = |_| {
        let call = client.clone().oneshot(Request::new(()));
        tokio::spawn(async move {
            call.await.unwrap();
            start.elapsed()
        })
    };
    (0..calls).map(call).collect()
}

async fn seconds(calls: Calls) -> Vec<u64> {
    let mut ends = Vec::new();
    for call in calls {
        ends.push(call.await.unwrap().as_secs());
    }
    ends.sort_unstable();
    ends
}

#[tokio::test(start_paused = true)]
async fn a_raised_quota_lets_those_who_wait_go_at_once() {
    let layer = layer(Quota::requests_per_second(1));
    let calls = send(&layer, 5);
    sleep(Duration::from_millis(500)).await;
    let more = Quota::requests_per_second(5);
    layer.handle().set_quota(Scope::app(), more).unwrap();
    assert_eq!(seconds(calls).await, [0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lowered_quota_counts_what_was_sent_before() {
    let layer = layer(Quota::requests_per_second(3));
    assert_eq!(seconds(send(&layer, 3)).await, [0, 0, 0]);
    let less = Quota::requests_per_second(1);
    layer.handle().set_quota(Scope::app(), less).unwrap();
    assert_eq!(seconds(send(&layer, 2)).await, [1, 2]);
    layer.handle().reset_quota(Scope::app());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(seconds(send(&layer, 3)).await, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_admits_nothing_is_turned_down() {
    let nothing = Quota::requests_per_second(0);
    let build = RequestPacingLayer::builder(nothing.clone()).build();
    assert_eq!(build.unwrap_err(), InvalidQuota::NoRequests);
    let set = layer(Quota::requests_per_second(1))
        .handle()
        .set_quota(Scope::app(), nothing);
    assert_eq!(set.unwrap_err(), InvalidQuota::NoRequests);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_while_it_is_paused() {
    let layer = layer(Quota::requests_per_second(10));
    let handle = layer.handle();
    handle.pause();
    let calls = send(&layer, 3);
    sleep(Duration::from_secs(7)).await;
    assert_eq!((handle.snapshot().queued(), handle.is_paused()), (3, true));
    handle.resume();
    assert_eq!(seconds(calls).await, [7, 7, 7]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_opens_with_a_ramp() {
    let layer = layer(Quota::requests_per_second(10));
    let handle = layer.handle();
    let calls = send(&layer, 13);
    sleep(Duration::from_millis(10)).await;
    handle.hold_until(Scope::app(), Instant::now() + Duration::from_secs(5));
    let held = handle.snapshot().scope(&Scope::app()).unwrap().held_for;
    assert_eq!(held, Some(Duration::from_secs(5)));
    let mut expected = vec![0; 10];
    expected.extend([5; 3]);
    assert_eq!(seconds(calls).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_hold_by_mistake_can_be_undone() {
    let layer = layer(Quota::requests_per_second(10));
    let handle = layer.handle();
    let year = Duration::from_secs(365 * 86_400);
    handle.hold_until(Scope::app(), Instant::now() + year);
    let calls = send(&layer, 3);
    sleep(Duration::from_secs(5)).await;
    handle.open(&Scope::app());
    assert_eq!(seconds(calls).await, [5; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_over_keeps_nobody() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let now = Instant::now();
    sleep(Duration::from_secs(1)).await;
    layer.handle().hold_until(Scope::app(), now);
    layer.handle().hold_until(Scope::app(), Instant::now());
    for _ in 0..10 {
        spawn(&client, slow("x", "/a", 60_000)).await;
    }
    let now = layer.handle().snapshot();
    assert_eq!(now.scope(&Scope::app()).unwrap().in_flight, 10);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_what_waits_and_what_is_full() {
    let layer = layer(Quota::requests_per_second(2).and_requests_per_minute(100));
    let _calls = send(&layer, 5);
    sleep(Duration::from_millis(400)).await;
    let snapshot = layer.handle().snapshot();
    let app = snapshot.scope(&Scope::app()).unwrap();
    assert_eq!((app.queued, app.in_flight), (3, 0));
    assert_eq!(app.oldest.unwrap().as_millis(), 400);
    let used: Vec<_> = app
        .windows
        .iter()
        .map(|window: &WindowUse| window.used)
        .collect();
    assert_eq!(used, [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_full_day_opens_after_midnight_utc() {
    let date = std::time::UNIX_EPOCH + Duration::from_secs(86_400 * 20_000 - 3_600);
    let quota = Quota::requests_per_day_utc(2);
    let layer = RequestPacingLayer::builder(quota)
        .date(date)
        .build()
        .unwrap();
    // A minute after midnight, for clocks may differ.
    assert_eq!(seconds(send(&layer, 3)).await, [0, 0, 3_660]);
}
