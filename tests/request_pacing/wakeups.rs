use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;
use tower_tiktok::request_pacing::{Quota, Quotas, Scope};

use crate::server::{build, by, go, request, secs, slot, slow, spawn};

/// A task of a simple executor: alive as long as its waker is.
struct TaskOf(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for TaskOf {
    fn wake(self: Arc<Self>) {}
}

/// A waker that polls at once, inside `wake`.
struct Inline(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let Ok(mut future) = self.0.try_lock() else {
            return;
        };
        if let Some(it) = &mut *future {
            let waker = Waker::from(self.clone());
            if it
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                *future = None;
            }
        }
    }
}

/// One that had passed its account and waits for the app is told that it is
/// too late. Its place at the account is free; the next there must learn so.
#[tokio::test(start_paused = true)]
async fn who_waits_behind_one_that_is_too_late_is_woken() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_in_any(1, secs(10)))
        .with_each_account_endpoint(Quota::requests_in_any(1, secs(10)));
    let (layer, client) = build(quotas);
    go(&client, request("other", "/a")).await.unwrap();
    let now = Instant::now();
    let late = client
        .clone()
        .oneshot(by(request("x", "/a"), now + secs(15)));
    let late = tokio::spawn(late);
    tokio::task::yield_now().await;
    let next = spawn(&client, request("x", "/a")).await;
    layer.handle().hold_until(Scope::app(), now + secs(20));
    assert!(late.await.unwrap().is_err());
    let at = timeout(secs(3_600), next).await.expect("waits for ever");
    assert!(at.unwrap() - now <= secs(31));
}

/// Two of x and y go, then one of x that is not answered for long: when the
/// one behind it goes, where two go in five seconds for all and x has `quota`.
async fn behind_a_stalled_one(quota: Quota) -> Duration {
    let quotas = Quotas::none()
        .with_app(Quota::requests_in_any(2, secs(5)))
        .with_each_account_endpoint(quota);
    let (_layer, client) = build(quotas);
    let start = Instant::now();
    go(&client, request("x", "/a")).await.unwrap();
    go(&client, request("y", "/a")).await.unwrap();
    // Reserves x's second slot, goes at 5 s and is not answered for long.
    let stalls = spawn(&client, slow("x", "/a", 600_000)).await;
    let next = spawn(&client, request("x", "/a")).await;
    let at = next.await.unwrap() - start;
    stalls.abort();
    at
}

/// When one goes that had a place reserved, the account's last slot is taken,
/// and when the next comes free must be scheduled; not only when it answers.
#[tokio::test(start_paused = true)]
async fn who_waits_behind_another_does_not_wait_for_its_answer() {
    // x's first slot is free after 10 s; the app has room.
    let at = behind_a_stalled_one(Quota::requests_in_any(2, secs(10))).await;
    assert!(at <= secs(16), "went after {at:?}");
}

/// The same with a minute window, which waits for the answer itself.
#[tokio::test(start_paused = true)]
async fn nor_does_he_in_a_minute_window() {
    let at = behind_a_stalled_one(Quota::requests_per_minute(2)).await;
    assert!(at <= secs(62), "went after {at:?}");
}

/// A granted request is about to be sent when the next alarm is sought, so
/// none is set; when it is sent and stalls, nobody sets one.
#[tokio::test(start_paused = true)]
async fn a_stalled_call_that_had_queued_does_not_keep_its_slot() {
    let (_layer, client) = build(Quota::requests_per_second(1));
    let start = Instant::now();
    go(&client, request("x", "/a")).await.unwrap();
    let stalls = spawn(&client, slow("x", "/a", 600_000)).await;
    let next = spawn(&client, request("x", "/a")).await;
    let at = next.await.unwrap() - start;
    assert!(at <= secs(15), "went after {at:?}");
    stalls.abort();
}

/// "No waker is dropped under the lock."
#[test]
fn a_waker_that_holds_another_request_is_not_dropped_under_the_lock() {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (_layer, client) = build(Quota::requests_per_second(1));
            go(&client, request("x", "/a")).await.unwrap();
            // Keeps the time, and is not the first in line: alone.
            let mut moved = Box::pin(slot(&client, request("x", "/a")));
            let task = Arc::new(TaskOf(Mutex::new(None)));
            let waker = Waker::from(task.clone());
            assert!(
                moved
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            let other = client.clone();
            let mut inside: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                drop(go(&other, request("y", "/a")).await);
            });
            assert!(
                inside
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            *task.0.lock().unwrap() = Some(inside);
            drop((task, waker));
            tokio::time::advance(secs(2)).await;
            // Moved to another task, which polls it when the slot is free.
            let sent = moved.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(sent.is_ready());
        });
        let _ = tell.send(());
    });
    let done = told.recv_timeout(secs(10));
    assert!(done.is_ok(), "deadlock");
}

/// One waker that panics must not cost the others their wake-up.
#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_costs_the_others_nothing() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("bad waker");
        }
    }
    let (layer, client) = build(Quota::requests_per_second(1));
    layer.handle().pause();
    let mut bad = Box::pin(slot(&client, request("a", "/a")));
    let waker = Waker::from(Arc::new(Bad));
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let good = spawn(&client, request("b", "/a")).await;
    layer
        .handle()
        .set_quota(Scope::app(), Quota::requests_per_second(2))
        .unwrap();
    layer.handle().resume();
    timeout(secs(60), good).await.expect("never woken").unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_may_move_to_another_task() {
    let (_layer, client) = build(Quota::requests_per_second(1));
    go(&client, request("x", "/a")).await.unwrap();
    let mut keeper = Box::pin(slot(&client, request("x", "/a")));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(keeper.as_mut().poll(&mut cx).is_pending());
    let start = Instant::now();
    let keeper = tokio::spawn(keeper);
    let next = spawn(&client, request("y", "/a")).await;
    keeper.await.unwrap().unwrap();
    next.await.unwrap();
    assert!(start.elapsed() <= secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_poll_at_once() {
    let (layer, client) = build(Quota::requests_per_second(1_000));
    layer.handle().pause();
    let done = Arc::new(AtomicU32::new(0));
    for n in 0..100 {
        let (client, count) = (client.clone(), done.clone());
        let all: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            for _ in 0..3 {
                go(&client, request(&n.to_string(), "/a")).await.unwrap();
            }
            count.fetch_add(1, Ordering::Relaxed);
        });
        Arc::new(Inline(Mutex::new(Some(all)))).wake();
    }
    layer.handle().resume();
    sleep(secs(1)).await;
    assert_eq!(done.load(Ordering::Relaxed), 100);
}

/// Of two short windows the shorter one is full, and a call stalls.
#[test]
fn nobody_is_woken_in_vain_while_a_call_stalls() {
    let parks = Arc::new(AtomicUsize::new(0));
    let count = parks.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let quota = Quota::requests_per_second(1).and_requests_in_any(100, secs(30));
        let (_layer, client) = build(quota);
        let _stalls = spawn(&client, slow("x", "/a", 600_000)).await;
        go(&client, request("x", "/a")).await.unwrap();
    });
    let parks = parks.load(Ordering::Relaxed);
    assert!(parks < 20, "{parks}");
}
