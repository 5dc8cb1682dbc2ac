use std::{
    future::{Future, poll_fn},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use http::{Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_test::mock;
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    request_pacing::{Quota, Quotas, RequestPacingLayer, Scope},
};

use crate::server::{SECOND, Server, build, by, go, request, secs, slot, slow, spawn};

#[derive(Clone)]
struct Broken;

impl Service<Request<u64>> for Broken {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err("broken".into()))
    }

    fn call(&mut self, _: Request<u64>) -> Self::Future {
        unreachable!()
    }
}

/// `buffer_unordered` with a slow consumer: an ordinary program.
#[tokio::test(start_paused = true)]
async fn one_slow_consumer_of_a_stream_does_not_stop_the_others() {
    let (_layer, client) = build(Quota::requests_per_second(10));
    let own = client.clone();
    let consumer = tokio::spawn(async move {
        let calls = stream::iter(0..64).map(|_| own.clone().oneshot(slow("x", "/a", 100)));
        let mut answers = calls.buffer_unordered(64);
        while let Some(answer) = answers.next().await {
            answer.unwrap();
            sleep(secs(600)).await;
        }
    });
    sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    let other = timeout(secs(3_600), spawn(&client, request("y", "/a")).await).await;
    consumer.abort();
    other.expect("an hour and it has not gone").unwrap();
    assert!(
        start.elapsed() < secs(60),
        "went after {:?}",
        start.elapsed()
    );
}

/// The service inside may have sent it in its own call, as some do.
#[tokio::test(start_paused = true)]
async fn one_that_is_never_polled_keeps_its_slot_as_if_it_was_sent() {
    let (layer, client) = build(Quota::requests_per_minute(1));
    let kept = slot(&client, request("x", "/a"));
    let mut other = task::spawn(slot(&client, request("y", "/a")));
    assert_pending!(other.poll());
    sleep(secs(600)).await;
    assert_pending!(other.poll());
    drop(kept);
    assert_pending!(other.poll());
    sleep(secs(61)).await;
    assert!(other.is_woken());
    assert!(assert_ready!(other.poll()).is_ok());
    assert_eq!(layer.handle().snapshot().scopes()[0].in_flight, 0);
    let next = timeout(secs(59), spawn(&client, request("y", "/a")).await).await;
    assert!(next.is_err(), "the other one counted");
}

/// A service that sends when it is polled, as most do.
#[tokio::test(start_paused = true)]
async fn one_that_is_polled_late_counts_from_then_on() {
    // Its short windows have given it up by a minute.
    for late in [1, 5, 60] {
        let (_layer, client) = build(Quota::requests_per_second(1));
        let kept = slot(&client, slow("x", "/a", 100));
        sleep(secs(late)).await;
        let start = Instant::now();
        let kept = tokio::spawn(kept);
        tokio::task::yield_now().await;
        let next = spawn(&client, request("x", "/a")).await.await.unwrap();
        assert!(next - start >= SECOND, "{late} s: {:?}", next - start);
        kept.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_polled_late_and_dropped_keeps_its_minute() {
    let layer = RequestPacingLayer::builder(Quota::requests_per_minute(1));
    let client = layer.lost_after(secs(30)).build().unwrap().layer(Server);
    let mut kept = task::spawn(slot(&client, slow("x", "/a", 10_000)));
    sleep(secs(50)).await;
    let start = Instant::now();
    assert_pending!(kept.poll());
    sleep(SECOND).await;
    drop(kept);
    let next = spawn(&client, request("x", "/a")).await.await.unwrap();
    assert!(next - start >= secs(90), "{:?}", next - start);
}

#[tokio::test(start_paused = true)]
async fn to_poll_late_does_not_teach_that_answers_are_slow() {
    let (_layer, client) = build(Quota::requests_per_second(1));
    for _ in 0..20 {
        let kept = slot(&client, slow("x", "/a", 100));
        sleep(secs(5)).await;
        kept.await.unwrap();
        sleep(SECOND).await;
    }
    // Nobody sees its answer, but that comes soon.
    let mut lost = task::spawn(slot(&client, slow("x", "/a", 100)));
    assert_pending!(lost.poll());
    drop(lost);
    let start = Instant::now();
    let next = spawn(&client, request("x", "/a")).await.await.unwrap();
    assert!(next - start < secs(2), "{:?}", next - start);
}

/// What is open again by one request at a time stays so.
#[tokio::test(start_paused = true)]
async fn one_that_is_polled_late_is_one_of_those_that_open_a_scope() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let kept = slot(&client, slow("x", "/a", 5_000));
    layer
        .handle()
        .hold_until(Scope::app(), Instant::now() + secs(2));
    sleep(Duration::from_millis(2_500)).await;
    let kept = tokio::spawn(kept);
    tokio::task::yield_now().await;
    let mut next = task::spawn(slot(&client, slow("x", "/a", 100)));
    assert_pending!(next.poll());
    assert_eq!(layer.handle().snapshot().queued(), 1);
    kept.await.unwrap().unwrap();
    next.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn those_that_are_polled_while_it_is_closed_do_not_keep_it_closed() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let kept: Vec<_> = (0..5)
        .map(|_| slot(&client, slow("x", "/a", 100)))
        .collect();
    let opens = Instant::now() + secs(20);
    layer.handle().hold_until(Scope::app(), opens);
    sleep(secs(5)).await;
    for call in kept {
        call.await.unwrap();
    }
    let next = spawn(&client, request("x", "/a")).await.await.unwrap();
    assert_eq!(next - opens, Duration::ZERO);
}

/// A service that sends in its call: what it has refused is one event, whenever
/// the answers are looked at.
#[tokio::test(start_paused = true)]
async fn answers_that_are_looked_at_late_are_of_one_event() {
    let says = Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown);
    let says = says.with_waits([1, 300].map(secs));
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(20));
    let layer = layer.build().unwrap();
    let mut sent = 0;
    let mut client = layer.layer(service_fn(move |_: Request<()>| {
        sent += 1;
        let mut answer = Response::new(());
        if sent > 8 {
            let found = Classification::new(ErrorClass::RateLimited);
            let found = found.with_throttle(says.clone());
            answer.extensions_mut().insert(found);
        }
        let call = tokio::spawn(async {
            sleep(Duration::from_millis(80)).await;
            answer
        });
        async { Ok::<_, BoxError>(call.await?) }
    }));
    let calls: Vec<_> = (0..12).map(|_| client.call(Request::new(()))).collect();
    for call in calls {
        call.await.unwrap();
    }
    let snapshot = layer.handle().snapshot();
    let held = snapshot.scope(&Scope::app()).unwrap().held_for;
    assert!(held.is_none_or(|held| held <= SECOND), "{held:?}");
}

/// What a service that is not ready gets is nothing yet, until it is polled.
#[tokio::test(start_paused = true)]
async fn a_call_whose_service_is_not_ready_takes_no_slot() {
    let (layer, client) = build(Quota::requests_per_minute(1));
    let (inner, mut server) = mock::pair::<Request<u64>, Response<()>>();
    server.allow(0);
    let kept = layer.layer(inner).call(request("x", "/a"));
    go(&client, request("y", "/a")).await.unwrap();
    let mut kept = task::spawn(kept);
    assert_pending!(kept.poll());
    assert_eq!(layer.handle().snapshot().queued(), 1);
}

/// Nor has it a place in a queue inside: others would wait for it for ever.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_keeps_nobody_from_the_service_inside() {
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(10)).build();
    let one_at_a_time = ConcurrencyLimit::new(Server, 1);
    let mut client = layer.unwrap().layer(one_at_a_time);
    let first = client.call(slow("x", "/a", 100));
    let unpolled = client.call(request("x", "/a"));
    let last = client.call(request("x", "/a"));
    first.await.unwrap();
    let last = timeout(secs(3_600), last).await;
    last.expect("an hour and it has not gone").unwrap();
    unpolled.await.unwrap();
}

/// The one that keeps the time is polled once and forgotten; another waits.
#[tokio::test(start_paused = true)]
async fn a_future_that_is_not_polled_does_not_stop_the_others() {
    let (_layer, client) = build(Quota::requests_per_second(10));
    for _ in 0..10 {
        go(&client, request("x", "/a")).await.unwrap();
    }
    let mut kept = task::spawn(client.clone().oneshot(request("x", "/a")));
    assert_pending!(kept.poll());
    let other = timeout(secs(3_600), spawn(&client, request("y", "/a")).await).await;
    other.expect("an hour and it has not gone").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_future_does_not_stop_the_others() {
    let (_layer, client) = build(Quota::requests_per_second(10));
    for _ in 0..10 {
        go(&client, request("x", "/a")).await.unwrap();
    }
    let mut kept = Box::pin(client.clone().oneshot(request("x", "/a")));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(kept.as_mut().poll(&mut cx).is_pending());
    std::mem::forget(kept);
    let other = timeout(secs(3_600), spawn(&client, request("y", "/a")).await).await;
    other.expect("an hour and it has not gone").unwrap();
}

/// A request that has failed is over, even while its future is still held.
#[tokio::test(start_paused = true)]
async fn a_future_that_has_failed_leaves_the_queue() {
    let (layer, client) = build(Quota::requests_in_any(1, secs(10)));
    let late = by(request("x", "/a"), Instant::now() + SECOND);
    // When it goes is not known.
    layer.handle().pause();
    // Still held: `select!` by reference, `join!`, a field, a debugger.
    let mut held = task::spawn(slot(&client, late));
    assert_pending!(held.poll());
    sleep(secs(2)).await;
    assert!(assert_ready!(held.poll()).is_err());
    assert_eq!(
        layer.handle().snapshot().queued(),
        0,
        "it still stands in the queue"
    );
}

#[tokio::test(start_paused = true)]
async fn a_future_that_has_failed_keeps_no_slot_and_no_time() {
    let (layer, client) = build(Quota::requests_in_any(1, secs(10)));
    let start = Instant::now();
    let late = by(request("x", "/a"), Instant::now() + SECOND);
    layer.handle().pause();
    let mut held = task::spawn(slot(&client, late));
    assert_pending!(held.poll());
    sleep(secs(2)).await;
    assert!(assert_ready!(held.poll()).is_err());
    layer.handle().resume();
    go(&client, request("y", "/a")).await.unwrap();
    assert_eq!(start.elapsed(), secs(2));
}

/// An error of `poll_ready` hands the slot on at once, not when it is dropped.
#[tokio::test(start_paused = true)]
async fn a_future_whose_service_broke_keeps_no_slot() {
    let (layer, client) = build(Quota::requests_per_minute(1));
    let mut held = task::spawn(layer.layer(Broken).call(request("x", "/a")));
    assert!(assert_ready!(held.poll()).is_err());
    let other = timeout(secs(3_600), spawn(&client, request("y", "/a")).await).await;
    other.expect("an hour and it has not gone").unwrap();
}

/// Each future is polled long after it was woken.
#[tokio::test(start_paused = true)]
async fn where_all_are_polled_late_all_go() {
    let (_layer, client) = build(Quota::requests_in_any(1, secs(2)));
    let calls = (0..20_u64).map(|n| {
        let mut call = Box::pin(slot(&client, request(&n.to_string(), "/a")));
        tokio::spawn(async move {
            loop {
                let mut woken = task::spawn(call.as_mut());
                if woken.poll().is_ready() {
                    return;
                }
                while !woken.is_woken() {
                    sleep(Duration::from_millis(1)).await;
                }
                sleep(Duration::from_millis(120 + 7 * n)).await;
            }
        })
    });
    let calls: Vec<_> = calls.collect();
    let start = Instant::now();
    for call in calls {
        timeout(secs(3_600), call).await.expect("an hour").unwrap();
    }
    assert!(start.elapsed() < secs(50), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_too_late_for_its_slot_keeps_its_place() {
    let (_layer, client) = build(Quota::requests_per_second(1));
    go(&client, request("x", "/a")).await.unwrap();
    let start = Instant::now();
    let mut kept = task::spawn(slot(&client, request("x", "/a")));
    assert_pending!(kept.poll());
    let next: Vec<_> = vec![
        spawn(&client, request("x", "/a")).await,
        spawn(&client, request("x", "/a")).await,
    ];
    sleep(Duration::from_millis(1_500)).await;
    // The next went in its place; it goes before the one after that.
    assert_pending!(kept.poll());
    kept.await.unwrap();
    assert_eq!((Instant::now() - start).as_millis() / 100, 21);
    let mut ends = Vec::new();
    for next in next {
        ends.push((next.await.unwrap() - start).as_millis() / 100);
    }
    assert_eq!(ends, [11, 31]);
}

fn tasks() -> usize {
    let runtime = tokio::runtime::Handle::current();
    runtime.metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn no_task_is_left_when_nobody_waits() {
    let (_layer, client) = build(Quota::requests_per_second(1));
    let before = tasks();
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(tasks(), before, "nobody has waited yet");
    let mut waits = task::spawn(slot(&client, request("x", "/a")));
    assert_pending!(waits.poll());
    assert_eq!(tasks(), before + 1);
    drop(waits);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before);
}

/// One task keeps the time for all of them, and wakes each when it may go.
#[tokio::test(start_paused = true)]
async fn a_thousand_that_wait_have_one_timer() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(100))
        .with_each_endpoint(Quota::requests_per_second(40))
        .with_each_account_endpoint(Quota::requests_per_second(10));
    let (_layer, client) = build(quotas);
    let (before, mut most) = (tasks(), 0);
    let waiters = (0..1_000).map(|n| {
        let endpoint = ["/a", "/b", "/c"][n % 3];
        let mut call = Box::pin(slot(&client, request(&(n % 10).to_string(), endpoint)));
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            call.as_mut().poll(cx).map(|answer| answer.map(|_| polls))
        })
    });
    let mut waiters: FuturesUnordered<_> = waiters.collect();
    let start = Instant::now();
    while let Some(polls) = waiters.next().await {
        most = most.max(tasks());
        let polls = polls.unwrap();
        assert!(polls <= 2, "polled {polls} times");
    }
    assert_eq!(most, before + 1);
    assert!(start.elapsed() >= secs(9), "{:?}", start.elapsed());
}
