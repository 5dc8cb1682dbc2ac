//! Clones are one client.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{task::JoinSet, time::sleep};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    body::Peeked,
    classify::ErrorClass,
    jittered_backoff::{Budget, JitteredBackoffLayer},
    per_account_concurrency::PerAccountConcurrencyLayer,
    tiktok::TikTokLayer,
};

use crate::support::{FAILED, OK, create, get};

#[tokio::test(start_paused = true)]
async fn clones_and_services_of_one_layer_share_the_permits() {
    let concurrency = PerAccountConcurrencyLayer::builder().max_writes(3);
    let concurrency = concurrency.build().unwrap();
    let handle = concurrency.handle();
    let layer = TikTokLayer::builder().concurrency(concurrency).build();
    let running: Arc<[AtomicUsize; 2]> = Arc::default();
    let inner = service_fn({
        let running = Arc::clone(&running);
        move |_: Request<Peeked<Full<Bytes>>>| {
            let running = Arc::clone(&running);
            async move {
                let now = running[0].fetch_add(1, Ordering::SeqCst) + 1;
                running[1].fetch_max(now, Ordering::SeqCst);
                sleep(Duration::from_secs(1)).await;
                running[0].fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(OK)))
            }
        }
    });
    let (one, other) = (layer.layer(inner.clone()), layer.clone().layer(inner));
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let client = if number % 2 == 0 { &one } else { &other };
        calls.spawn(client.clone().oneshot(create("7001")));
    }
    let results = calls.join_all().await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(running[1].load(Ordering::SeqCst), 3);
    assert_eq!(handle.snapshot().accounts(), []);
}

#[tokio::test(start_paused = true)]
async fn clones_and_services_of_one_layer_share_the_budget() {
    // Ten resends, and no more before ten seconds are over.
    let budget = Budget::builder().percent(0).min_per_second(1);
    let backoff = JitteredBackoffLayer::builder()
        .budget(budget.build().unwrap())
        .base(Duration::from_millis(10));
    let layer = TikTokLayer::builder()
        .backoff(backoff.build().unwrap())
        .build();
    let sent = Arc::new(AtomicUsize::new(0));
    let inner = service_fn({
        let sent = Arc::clone(&sent);
        move |_: Request<Peeked<Full<Bytes>>>| {
            sent.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(FAILED))) }
        }
    });
    let (one, other) = (layer.layer(inner.clone()), layer.clone().layer(inner));
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let client = if number % 2 == 0 { &one } else { &other };
        calls.spawn(client.clone().oneshot(get(&number.to_string())));
    }
    for result in calls.join_all().await {
        assert_eq!(ErrorClass::of(&result.unwrap()), ErrorClass::Transient);
    }
    assert_eq!(sent.load(Ordering::SeqCst), 50 + 10);
}
