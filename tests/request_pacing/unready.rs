use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, task};
use tower::{BoxError, Layer, Service, ServiceExt, limit::ConcurrencyLimit};
use tower_tiktok::request_pacing::{Quota, Quotas, RequestPacing, RequestPacingLayer, Scope};

use crate::server::{SECOND, Server, build, request, secs, slow, spawn};

#[derive(Clone)]
struct Never;

impl Service<Request<u64>> for Never {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<u64>) -> Self::Future {
        unreachable!()
    }
}

#[derive(Clone)]
struct Gated(Arc<AtomicBool>, Sent);

impl Service<Request<u64>> for Gated {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.0.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let waker = cx.waker().clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(10)).await;
            waker.wake();
        });
        Poll::Pending
    }

    fn call(&mut self, _: Request<u64>) -> Self::Future {
        self.1.lock().unwrap().push(Instant::now());
        std::future::ready(Ok(Response::new(())))
    }
}

type Sent = Arc<Mutex<Vec<Instant>>>;

/// "A granted slot is used at once or handed back": two clients, one layer.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_never_ready_does_not_starve_another() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let never = layer.layer(Never);
    let _stuck: Vec<_> = (0..10)
        .map(|_| tokio::spawn(never.clone().call(request("x", "/a"))))
        .collect();
    sleep(SECOND).await;
    let other = timeout(secs(3_600), spawn(&client, request("y", "/a")).await).await;
    other.expect("an hour and it has not gone").unwrap();
}

/// Ten with a slot each, and a service below that opens with the flag.
async fn ten_that_are_not_ready() -> (RequestPacingLayer, Arc<AtomicBool>, Sent) {
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(10))
        .build()
        .unwrap();
    let (open, sent) = (Arc::new(AtomicBool::new(false)), Sent::default());
    let client = layer.layer(Gated(open.clone(), sent.clone()));
    for _ in 0..10 {
        tokio::spawn(client.clone().call(request("x", "/a")));
    }
    sleep(SECOND).await;
    (layer, open, sent)
}

/// `pause`: "sends nothing more that is paced".
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_pause_has_returned() {
    let (layer, open, sent) = ten_that_are_not_ready().await;
    layer.handle().pause();
    open.store(true, Ordering::Relaxed);
    sleep(secs(10)).await;
    assert_eq!(sent.lock().unwrap().len(), 0);
}

/// The same for a hold: it closes "until its instant".
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_into_a_closed_scope() {
    let (layer, open, sent) = ten_that_are_not_ready().await;
    layer
        .handle()
        .hold_until(Scope::app(), Instant::now() + secs(300));
    open.store(true, Ordering::Relaxed);
    sleep(secs(10)).await;
    assert_eq!(sent.lock().unwrap().len(), 0);
}

/// A slot handed back that was taken before the hold is no room in its ramp.
#[tokio::test(start_paused = true)]
async fn a_ramp_lets_one_go_first_whatever_was_granted_before() {
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(10))
        .build()
        .unwrap();
    let (never, client) = (layer.layer(Never), layer.layer(Server));
    let stuck: Vec<_> = (0..5)
        .map(|_| tokio::spawn(never.clone().call(request("x", "/a"))))
        .collect();
    tokio::task::yield_now().await;
    layer
        .handle()
        .hold_until(Scope::app(), Instant::now() + secs(5));
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(spawn(&client, slow("x", "/a", 60_000)).await);
    }
    sleep(secs(5) + Duration::from_millis(10)).await;
    stuck.iter().for_each(|call| call.abort());
    sleep(Duration::from_millis(10)).await;
    let now = layer.handle().snapshot();
    assert_eq!(now.scope(&Scope::app()).unwrap().in_flight, 1);
}

/// Two connections, both busy for a second, and so many a time for each
/// account.
async fn two_connections(
    quota: Quota,
) -> (RequestPacingLayer, RequestPacing<ConcurrencyLimit<Server>>) {
    let quotas = Quotas::none().with_each_account_endpoint(quota);
    let layer = RequestPacingLayer::builder(quotas).build().unwrap();
    let client = layer.layer(ConcurrencyLimit::new(Server, 2));
    for account in ["busy", "as busy"] {
        tokio::spawn(client.clone().oneshot(slow(account, "/a", 1_000)));
    }
    tokio::task::yield_now().await;
    (layer, client)
}

#[tokio::test(start_paused = true)]
async fn a_closed_account_holds_no_connection() {
    let (layer, client) = two_connections(Quota::requests_per_second(100)).await;
    for _ in 0..2 {
        tokio::spawn(client.clone().oneshot(request("x", "/a")));
    }
    tokio::task::yield_now().await;
    let start = Instant::now();
    let x = Scope::account_endpoint("x", "/a");
    layer.handle().hold_until(x, start + secs(300));
    client.oneshot(request("y", "/a")).await.unwrap();
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_account_with_many_requests_holds_no_connections() {
    let (_layer, client) = two_connections(Quota::requests_in_any(1, secs(10))).await;
    let start = Instant::now();
    let of_x: Vec<_> = (0..50)
        .map(|_| tokio::spawn(client.clone().oneshot(request("x", "/a"))))
        .collect();
    tokio::task::yield_now().await;
    client.oneshot(request("y", "/a")).await.unwrap();
    assert_eq!(start.elapsed(), SECOND);
    for call in of_x {
        call.await.unwrap().unwrap();
    }
    assert_eq!(start.elapsed(), SECOND + secs(490));
}

/// Not ready for a few times, though it is ready at once to be asked again.
#[derive(Clone)]
struct Moody(Arc<AtomicU32>);

impl Service<Request<u64>> for Moody {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let left = self.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Ok(()));
        }
        self.0.store(left - 1, Ordering::Relaxed);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Request<u64>) -> Self::Future {
        std::future::ready(Ok(Response::new(())))
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_service_is_not_ready_at_once_keeps_its_turn() {
    let (layer, client) = build(Quota::requests_per_second(1));
    spawn(&client, request("x", "/a")).await;
    let start = Instant::now();
    let moody = layer.layer(Moody(Arc::new(AtomicU32::new(3))));
    let first = tokio::spawn(async move {
        moody.oneshot(request("x", "/a")).await.unwrap();
        start.elapsed()
    });
    tokio::task::yield_now().await;
    for _ in 0..20 {
        spawn(&client, request("x", "/a")).await;
    }
    assert_eq!(first.await.unwrap(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_whose_service_was_not_ready_in_time_keeps_its_place() {
    let (layer, client) = build(Quota::requests_per_second(1));
    spawn(&client, request("x", "/a")).await;
    let start = Instant::now();
    let open = Arc::new(AtomicBool::new(false));
    let gated = layer.layer(Gated(open.clone(), Sent::default()));
    let first = tokio::spawn(async move {
        gated.oneshot(request("x", "/a")).await.unwrap();
        start.elapsed()
    });
    tokio::task::yield_now().await;
    for _ in 0..20 {
        spawn(&client, request("x", "/a")).await;
    }
    sleep(secs(5)).await;
    open.store(true, Ordering::Relaxed);
    let at = first.await.unwrap();
    assert!(at < secs(7), "{at:?}");
}

/// Nobody asks again after the service was not ready.
#[tokio::test(start_paused = true)]
async fn no_more_wait_for_the_service_than_may() {
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(10))
        .max_queued(5)
        .build()
        .unwrap();
    let never = layer.layer(Never);
    let (mut calls, mut refused) = (Vec::new(), 0);
    for _ in 0..100 {
        let mut call = task::spawn(never.clone().call(request("x", "/a")));
        match call.poll() {
            Poll::Pending => calls.push(call),
            Poll::Ready(Err(_)) => refused += 1,
            Poll::Ready(Ok(_)) => unreachable!(),
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(calls.len() <= 5 + 10, "{} wait", calls.len());
    assert_eq!(refused + calls.len(), 100);
    calls
        .iter_mut()
        .for_each(|call| assert_pending!(call.poll()));
}
