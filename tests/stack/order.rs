//! What is held when, and what each layer finds.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    error::DeadlineExceeded,
    extensions::{Attempt, Deadline, RequestContext},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::{PerAccountConcurrencyHandle, PerAccountConcurrencyLayer},
    tiktok::{TikTokLayer, stack::TikTokLayerBuilder},
};

use tracing::Level;

use crate::{
    log::Log,
    support::{OK, REFUSED, SUSPENDED, Script, create, get, secs},
};

fn one_write() -> (TikTokLayerBuilder, PerAccountConcurrencyHandle) {
    let concurrency = PerAccountConcurrencyLayer::builder().max_writes(1);
    let concurrency = concurrency.build().unwrap();
    let handle = concurrency.handle();
    let backoff = JitteredBackoffLayer::builder().seed(1).build().unwrap();
    let layer = TikTokLayer::builder()
        .concurrency(concurrency)
        .backoff(backoff);
    (layer, handle)
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_retry_holds_no_permit() {
    let (layer, handle) = one_write();
    let server = Script::new([SUSPENDED, OK]);
    let client = layer.no_pacing().build().layer(server.clone());
    let start = Instant::now();
    let first = tokio::spawn(client.clone().oneshot(create("7001")));
    sleep(secs(2)).await;
    // It was refused after a second, and is to wait for five minutes.
    assert_eq!(server.seen().len(), 1);
    assert_eq!(handle.snapshot().accounts(), []);

    // Its account's only permit is free for another.
    client.oneshot(create("7001")).await.unwrap();
    assert_eq!(start.elapsed(), secs(3));
    assert!(first.await.unwrap().is_ok());
    assert!((302..=333).contains(&start.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_pacing_holds_queues_there() {
    let (layer, permits) = one_write();
    let server = Script::new([SUSPENDED, OK]);
    let layer = layer.build();
    let pacing = layer.pacing_handle();
    let client = layer.layer(server.clone());
    let start = Instant::now();
    let first = tokio::spawn(client.clone().oneshot(create("7001")));
    sleep(secs(2)).await;
    assert_eq!(pacing.snapshot().queued(), 1);
    assert_eq!(permits.snapshot().in_flight(), 1);

    // Another endpoint is open; its requests have other permits if they read.
    client.oneshot(get("7001")).await.unwrap();
    assert_eq!(start.elapsed(), secs(3));
    assert!(first.await.unwrap().is_ok());
    // Not a moment later than the suspension ends: it was refused after one
    // second, and its answer takes one.
    let after = start.elapsed() - secs(302);
    assert!(after < Duration::from_millis(10), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_hold_makes_late_fails_at_once() {
    let (layer, _) = one_write();
    let server = Script::new([SUSPENDED, OK]);
    let client = layer.build().layer(server.clone());
    let start = Instant::now();
    let mut request = create("7001");
    request.extensions_mut().insert(Deadline::within(secs(60)));
    let error = client.oneshot(request).await.unwrap_err();
    let late = error.downcast_ref::<DeadlineExceeded>().unwrap();
    assert_eq!(late.earliest(), Some(start + secs(301)));
    assert_eq!(start.elapsed(), secs(1));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_takes_a_permit_and_tells_which_it_is() {
    let (layer, handle) = one_write();
    let watched = handle.clone();
    let server = Script::new([REFUSED, REFUSED, OK]);
    let server = server.watch(move || watched.snapshot().in_flight());
    let start = Instant::now();
    let client = layer.build().layer(server.clone());
    let response = client.oneshot(create("7001")).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    assert_eq!(handle.snapshot().accounts(), []);

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for (number, seen) in (1..).zip(&seen) {
        assert_eq!(seen.watched, 1);
        let attempt = seen.extensions.get::<Attempt>().copied();
        assert_eq!(attempt.map_or(1, |attempt| attempt.number()), number);
        assert!(attempt.is_none_or(|attempt| attempt.first_sent() == start));
        let context = seen.extensions.get::<RequestContext>().unwrap();
        assert_eq!(context.account().unwrap().as_str(), "7001");
        assert_eq!(context.endpoint(), Some("/campaign/create/"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_attempt_and_no_secret() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let (layer, _) = one_write();
    let client = layer.build().layer(Script::new([REFUSED, REFUSED, OK]));
    client.oneshot(create("7001")).await.unwrap();

    let text = log.take();
    let lines: Vec<_> = text.lines().collect();
    let refusals = lines.iter().filter(|line| line.contains("slow down"));
    let refusals: Vec<_> = refusals.collect();
    assert_eq!(refusals.len(), 2, "{text}");
    for (resends, line) in refusals.into_iter().enumerate() {
        assert!(line.contains("INFO"), "{line}");
        let resends = format!("resend_count={resends} wait_ms");
        assert!(line.contains(&resends), "{line}");
        for field in ["POST", "/campaign/create/", "rate_limited", "40100"] {
            assert!(line.contains(field), "{field}: {line}");
        }
    }
    assert!(!text.contains("secret"), "{text}");
}
