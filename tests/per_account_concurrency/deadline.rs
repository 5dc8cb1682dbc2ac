use std::time::Duration;

use http::Request;
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower::ServiceExt;
use tower_tiktok::{error::DeadlineExceeded, extensions::Attempt};

use crate::support::*;

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_request_past_its_deadline_is_not_sent() {
    let (client, mut server) = over_mock(one_each());
    let unlimited = Request::post("/").body(String::new()).unwrap();
    for request in [write("a"), unlimited] {
        let late = by(Instant::now(), request);
        let error = assert_ready_err!(call(&client, late).poll());
        assert!(error.is::<DeadlineExceeded>());
    }
    assert!(received(&mut server).is_none());
    assert_eq!(keys(&client), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_leaves_the_queue_at_its_deadline() {
    let (client, _server) = over_mock(one_each());
    let _held = start(&client, write("a"));
    let start = Instant::now();
    let waiting = client.clone().oneshot(by(in_seconds(5), write("a")));
    let error = waiting.await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(client.handle().snapshot().queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_resend_that_would_no_longer_be_known_leaves_the_queue() {
    let (client, _server) = over_mock(one_each());
    let _held = start(&client, write("a"));
    let mut request = by(in_seconds(60), write("a"));
    let attempt = Attempt::new(2, Instant::now()).with_send_before(Some(in_seconds(10)));
    request.extensions_mut().insert(attempt);
    let start = Instant::now();
    let error = client.oneshot(request).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_too_late_goes_to_the_next() {
    let (client, mut server) = over_mock(one_each());
    let first = start(&client, write("a"));
    let mut late = start(&client, by(in_seconds(5), write("a")));
    let next = start(&client, write("a"));
    received(&mut server).unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    drop(first);
    assert!(!next.is_woken());
    assert!(assert_ready_err!(late.poll()).is::<DeadlineExceeded>());
    // Though the failed future is still there.
    assert!(next.is_woken());
    assert!(received(&mut server).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_passes_while_the_service_inside_is_not_ready() {
    let (client, mut server) = over_mock(one_each());
    server.allow(0);
    let start = Instant::now();
    let waiting = client.clone().oneshot(by(in_seconds(5), write("a")));
    let error = waiting.await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(keys(&client), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_does_not_cut_off_a_request_on_its_way() {
    let (client, mut server) = over_mock(one_each());
    let mut sent = start(&client, by(in_seconds(5), write("a")));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_pending!(sent.poll());
    received(&mut server).unwrap().1.send_response(ok());
    assert_ready_ok!(sent.poll());
}
