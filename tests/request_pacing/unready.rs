use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, Layer, Service};
use tower_tiktok::request_pacing::{Quota, RequestPacingLayer, Scope};

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
