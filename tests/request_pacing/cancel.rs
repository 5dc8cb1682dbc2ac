use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    request_pacing::{Quota, Quotas, RequestPacingLayer, Scope},
};

fn request(account: u64, endpoint: &'static str) -> Request<()> {
    let context = RequestContext::new(Operation::Write)
        .with_account(account.to_string())
        .with_static_endpoint(endpoint);
    Request::post("/").extension(context).body(()).unwrap()
}

fn three_scopes() -> RequestPacingLayer {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(200).and_requests_per_minute(6_000))
        .with_each_endpoint(Quota::requests_per_second(100))
        .with_each_account_endpoint(Quota::requests_per_second(10));
    RequestPacingLayer::builder(quotas).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_drops_leave_nothing() {
    let layer = three_scopes();
    let handle = layer.handle();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Response::new(()))
    }));
    let mut chance = StdRng::seed_from_u64(7);
    let mut calls = Vec::new();
    for n in 0..10_000_u64 {
        let patience = Duration::from_millis(chance.random_range(0..400));
        let start = Duration::from_millis(chance.random_range(0..30_000));
        let endpoint = if n % 3 == 0 { "/a" } else { "/b" };
        let call = client.clone().oneshot(request(n % 40, endpoint));
        calls.push(tokio::spawn(async move {
            sleep(start).await;
            timeout(patience, call).await.is_ok()
        }));
    }
    let mut done = 0;
    for call in calls {
        done += u32::from(call.await.unwrap());
    }
    assert!((1_000..9_900).contains(&done), "{done}");

    let now = handle.snapshot();
    assert_eq!(now.queued(), 0);
    assert!(
        now.scopes()
            .iter()
            .all(|scope| scope.in_flight == 0 && scope.queued == 0)
    );

    // All the room is there again, and what is idle is forgotten.
    sleep(Duration::from_secs(61)).await;
    let start = Instant::now();
    for n in 0..50 {
        client.clone().oneshot(request(n, "/c")).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::from_millis(100) * 50);
    let left = handle.snapshot().scopes().len();
    assert!(left <= 1 + 1 + 50, "{left} scopes are left");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_not_used_goes_to_the_next() {
    let quota = Quota::requests_per_second(1);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let (inner, mut server) = mock::pair::<Request<()>, Response<()>>();
    let mut client = layer.layer(inner);

    // Granted, but the service inside is not ready.
    server.allow(0);
    let mut first = task::spawn(client.call(request(1, "/a")));
    assert_pending!(first.poll());
    let mut second = task::spawn(client.call(request(2, "/a")));
    assert_pending!(second.poll());
    server.allow(1);
    drop(first);
    assert!(second.is_woken());
    assert_pending!(second.poll());
    let (_, answer) = server.next_request().await.unwrap();
    answer.send_response(Response::new(()));
    assert!(assert_ready!(second.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_keeps_the_time_hands_it_on_when_it_leaves() {
    let quota = Quota::requests_per_second(1);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    client.clone().oneshot(request(1, "/a")).await.unwrap();
    let start = Instant::now();
    let mut waiting: Vec<_> = (0..20)
        .map(|n| tokio::spawn(client.clone().oneshot(request(n, "/a"))))
        .collect();
    sleep(Duration::from_millis(500)).await;
    // All but one give up, in both orders.
    let stays = waiting.swap_remove(10);
    waiting.iter().for_each(|call| call.abort());
    stays.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_after_it_was_sent_still_counts() {
    let quota = Quota::requests_per_second(1);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        sleep(Duration::from_millis(300)).await;
        Ok::<_, Infallible>(Response::new(()))
    }));
    let sent = timeout(
        Duration::from_millis(10),
        client.clone().oneshot(request(1, "/a")),
    );
    assert!(sent.await.is_err());
    let start = Instant::now();
    client.clone().oneshot(request(1, "/a")).await.unwrap();
    assert!(
        start.elapsed() > Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_is_waited_for_elsewhere_is_not_forgotten() {
    let layer = three_scopes();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    // It waits for its account, and has the endpoint before it.
    let start = Instant::now();
    let held = Scope::account_endpoint("7", "/a");
    layer
        .handle()
        .hold_until(held, start + Duration::from_secs(60));
    let waits = tokio::spawn(client.clone().oneshot(request(7, "/a")));
    for n in 0..200 {
        client.clone().oneshot(request(n, "/b")).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    waits.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(60));
}
