use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use http::{Request, Response};
use http_body_util::BodyExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};
use tower::{Layer, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_tiktok::per_account_concurrency::{PerAccountConcurrencyLayer, Release};

use crate::support::*;

#[test]
fn a_waker_that_drops_another_request_finds_the_lock_free() {
    /// The executor's last hold on a task is its waker.
    struct Owner(Mutex<Option<Pending>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            drop(self.0.lock().unwrap().take());
        }
    }
    fn owning(pending: Pending) -> Waker {
        Waker::from(Arc::new(Owner(Mutex::new(Some(pending)))))
    }
    let (client, _server) = over_mock(one_each());
    let held = start(&client, write("a"));
    let held_read = start(&client, read("a"));
    let poll_with = |waker: &Waker| {
        let mut future = Box::pin(call(&client, write("a")).into_inner());
        let cx = &mut Context::from_waker(waker);
        assert!(future.as_mut().poll(cx).is_pending());
        future
    };
    // A waker is dropped when it is replaced, when its request leaves the
    // queue, and when it has been woken.
    let mut replaced = poll_with(&owning(start(&client, read("a"))));
    let left = poll_with(&owning(start(&client, read("a"))));
    let woken = poll_with(&owning(start(&client, read("a"))));
    let queued = || client.handle().snapshot().queued();
    assert_eq!(queued(), 6);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(replaced.as_mut().poll(cx).is_pending());
    assert_eq!(queued(), 5);
    drop(left);
    assert_eq!(queued(), 3);
    drop(replaced);
    assert_eq!(queued(), 2);
    drop(held);
    assert_eq!(queued(), 0);
    drop((woken, held_read));
    assert_eq!(keys(&client), 0);
}

type Call = Pin<Box<dyn Future<Output = ()>>>;

#[tokio::test]
async fn ten_thousand_dropped_anywhere_leave_nothing_behind() {
    let layer = one_each()
        .max_queued(50)
        .release(Release::OnBodyEnd)
        .build()
        .unwrap();
    let handle = layer.handle();
    let inner = service_fn(|_: Request<String>| async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        Ok::<_, Infallible>(Response::new(frames(vec![data("a"), data("b")])))
    });
    let client = layer.layer(ConcurrencyLimit::new(inner, 5));
    let mut rng = StdRng::seed_from_u64(7);
    let mut live: Vec<(usize, Call)> = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut seen = 0;
    for _ in 0..10_000 {
        let account = rng.random_range(0..3).to_string();
        let make = if rng.random() { read } else { write };
        let request = by(Instant::now() + Duration::from_secs(60), make(&account));
        let client = client.clone();
        let polls = rng.random_range(0..40);
        live.push((
            polls,
            Box::pin(async move {
                let Ok(response) = client.oneshot(request).await else {
                    return;
                };
                let mut body = response.into_body();
                while body.frame().await.is_some() {
                    tokio::task::yield_now().await;
                }
            }),
        ));
        for (polls, future) in &mut live {
            *polls = match future.as_mut().poll(&mut cx) {
                Poll::Ready(()) => 0,
                Poll::Pending => polls.saturating_sub(1),
            };
        }
        seen = seen.max(handle.snapshot().queued());
        live.retain(|(polls, _)| *polls > 0);
    }
    assert!(seen > 10, "too little waited: {seen}");
    drop(live);
    assert_eq!(handle.snapshot().accounts(), []);
    // And every permit can be had.
    for account in ["0", "1", "2"] {
        assert!(client.clone().oneshot(write(account)).await.is_ok());
        assert!(client.clone().oneshot(read(account)).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_threads_never_pass_a_limit_and_end_with_no_key() {
    let layer = PerAccountConcurrencyLayer::builder().build().unwrap();
    let handle = layer.handle();
    let running: Arc<[AtomicUsize; 3]> = Arc::default();
    let inner = service_fn(move |request: Request<String>| {
        let running = running.clone();
        async move {
            let account: usize = request.uri().path()[1..].parse().unwrap();
            let now = running[account].fetch_add(1, Ordering::SeqCst);
            assert!(now < 2, "{now} were in flight already");
            let _out = OnDrop(|| {
                running[account].fetch_sub(1, Ordering::SeqCst);
            });
            for _ in 0..=now {
                tokio::task::yield_now().await;
            }
            Ok::<_, Infallible>(ok())
        }
    });
    let client = layer.layer(inner);
    let mut tasks = JoinSet::new();
    for task in 0..200_usize {
        let client = client.clone();
        tasks.spawn(async move {
            for turn in 0..50 {
                let account = (task + turn) % 3;
                let request = named(&format!("/{account}"), write(&account.to_string()));
                let mut call = pin!(client.clone().oneshot(request));
                // One in five is given up while it waits.
                let given_up = (task * 7 + turn) % 5 == 0;
                tokio::select! {
                    biased;
                    response = &mut call => assert!(response.is_ok()),
                    () = tokio::task::yield_now(), if given_up => {}
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(handle.snapshot().accounts(), []);
}
