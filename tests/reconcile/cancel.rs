//! Dropped at any point, nothing is left behind.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt};
use tower_tiktok::jittered_backoff::JitteredBackoffLayer;

use crate::support::{Server, Step, Witness, Word, write};

#[tokio::test(start_paused = true)]
async fn a_future_dropped_at_any_time_holds_nothing() {
    // In steps of half a second through attempt, wait, question, wait, question
    // and resend.
    for halves in 0..140 {
        let server = Server::new([Step::Break, Step::Break, Step::Answer(200)]);
        let witness = Witness::new([Word::Fail, Word::Hang, Word::No]);
        let backoff = JitteredBackoffLayer::default();
        let client = witness.layer().layer(backoff.layer(server.clone()));
        let call = client.oneshot(write("a"));
        let _ = timeout(Duration::from_millis(500 * halves), call).await;
        let (sent, asked) = (server.count(), witness.asked.lock().unwrap().len());
        sleep(Duration::from_secs(10_000)).await;
        // Nobody goes on alone, and all that was shared is ours again.
        assert_eq!(server.count(), sent);
        assert_eq!(witness.asked.lock().unwrap().len(), asked);
        assert_eq!(Arc::strong_count(&server.seen), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_readied_makes_the_call() {
    let inner = tower::limit::ConcurrencyLimit::new(Server::new([Step::Answer(200)]), 1);
    let witness = Witness::new([Word::No]);
    let mut client = witness.layer().layer(inner);
    for _ in 0..3 {
        let ready = client.ready().await.unwrap();
        assert!(ready.call(write("a")).await.is_ok());
    }
    let mut call = task::spawn(client.ready().await.unwrap().call(write("a")));
    assert_pending!(call.poll());
}
