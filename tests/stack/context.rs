//! What the caller has said stands.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    error::{DeadlineExceeded, OutcomeUnknown, WaitTooLong},
    extensions::{Deadline, Operation, RequestContext},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::{PerAccountConcurrencyLayer, QueueFull},
    tiktok::TikTokLayer,
};

use crate::support::{FAILED, OK, SUSPENDED, Script, create, secs};

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_is_not_sent_again_unless_the_caller_says_that_it_may_be() {
    let server = Script::new([FAILED, OK]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let error = client.clone().oneshot(create("7001")).await.unwrap_err();
    let unknown = error.downcast_ref::<OutcomeUnknown>().unwrap();
    let class = unknown.classification().unwrap().class();
    assert_eq!(class, ErrorClass::Transient);
    assert_eq!(server.seen().len(), 1);

    let server = Script::new([FAILED, OK]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let mut request = create("7001");
    let context = RequestContext::new(Operation::repeatable()).with_account("mine");
    request.extensions_mut().insert(context.clone());
    client.oneshot(request).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert_eq!(seen.extensions.get(), Some(&context));
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_sent_in_time_is_told_when_it_could_have_been() {
    let server = Script::new([SUSPENDED]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let start = Instant::now();
    let mut request = create("7001");
    request.extensions_mut().insert(Deadline::within(secs(60)));
    let error = client.oneshot(request).await.unwrap_err();
    // As soon as it is known, not when the deadline comes.
    assert_eq!(start.elapsed(), secs(1));
    let late = error.downcast_ref::<DeadlineExceeded>().unwrap();
    let class = late.classification().unwrap().class();
    assert_eq!(class, ErrorClass::RateLimited);
    let earliest = (late.earliest().unwrap() - start).as_secs();
    assert!((301..=331).contains(&earliest), "{earliest}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_past_its_deadline_is_not_sent() {
    let server = Script::new([OK]);
    let concurrency = PerAccountConcurrencyLayer::builder().max_writes(1);
    let client = TikTokLayer::builder()
        .concurrency(concurrency.build().unwrap())
        .build()
        .layer(server.clone());
    let start = Instant::now();
    let first: Vec<_> = (0..10)
        .map(|_| tokio::spawn(client.clone().oneshot(create("7001"))))
        .collect();
    sleep(Duration::from_millis(1)).await;
    let mut request = create("7001");
    request.extensions_mut().insert(Deadline::within(secs(4)));
    let error = client.oneshot(request).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>(), "{error}");
    assert_eq!(start.elapsed().as_secs(), 4);
    for call in first {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(server.seen().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_what_is_sat_out_is_named() {
    let backoff = JitteredBackoffLayer::builder().max_wait(secs(299));
    let client = TikTokLayer::builder()
        .backoff(backoff.build().unwrap())
        .build()
        .layer(Script::new([SUSPENDED]));
    let error = client.oneshot(create("7001")).await.unwrap_err();
    let too_long = error.downcast_ref::<WaitTooLong>().unwrap();
    assert_eq!(too_long.wait(), secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_finds_the_queue_full_is_known_not_to_have_been_sent() {
    let server = Script::new([OK]);
    let concurrency = PerAccountConcurrencyLayer::builder()
        .max_writes(1)
        .max_queued(0);
    let client = TikTokLayer::builder()
        .concurrency(concurrency.build().unwrap())
        .build()
        .layer(server.clone());
    let first = tokio::spawn(client.clone().oneshot(create("7001")));
    sleep(Duration::from_millis(1)).await;
    let error = client.oneshot(create("7001")).await.unwrap_err();
    assert!(error.is::<QueueFull>(), "{error}");
    assert!(first.await.unwrap().is_ok());
    assert_eq!(server.seen().len(), 1);
}
