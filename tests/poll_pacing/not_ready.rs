//! What is not ready is waited for, by one layer only.

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    error::DeadlineExceeded,
    extensions::{Attempt, Deadline},
    jittered_backoff::JitteredBackoffLayer,
    poll_pacing::{Job, PollPacingLayer},
};

use crate::support::{Body, Server, builder, poll, secs, spacing};

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_not_ready_is_no_failure_of_the_caller() {
    let server = Server::not_ready(5);
    let client = server.paced(&builder().build().unwrap());
    let start = Instant::now();
    let response = client.oneshot(poll("1")).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    assert_eq!(server.calls(), 6);
    assert!(start.elapsed() >= secs(25));
}

#[tokio::test(start_paused = true)]
async fn backoff_inside_leaves_it_to_poll_pacing() {
    let server = Server::not_ready(4);
    let backoff = JitteredBackoffLayer::builder().no_budget().build().unwrap();
    let layer = builder().build().unwrap();
    let client = layer.layer(backoff.layer(server.clone()));
    let start = Instant::now();
    let response = client.clone().oneshot(poll("1")).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    assert_eq!(server.calls(), 5);
    assert!(start.elapsed() >= secs(20));
    let attempts = server
        .seen()
        .iter()
        .filter(|seen| seen.get::<Attempt>().is_some())
        .count();
    assert_eq!(attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn backoff_still_waits_for_what_is_no_job() {
    let server = Server::not_ready(2);
    let backoff = JitteredBackoffLayer::builder().no_budget().build().unwrap();
    let layer = builder().build().unwrap();
    let client = layer.layer(backoff.layer(server.clone()));
    let request = Request::get("/other").body(Body::default()).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    let attempts = server
        .seen()
        .iter()
        .filter(|seen| seen.get::<Attempt>().is_some())
        .count();
    assert_eq!(attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn after_the_longest_wait_the_answer_is_handed_on() {
    let server = Server::not_ready(usize::MAX);
    let layer = builder().max_wait(secs(60)).build().unwrap();
    let start = Instant::now();
    let response = server.paced(&layer).oneshot(poll("1")).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::NotReady);
    assert!(start.elapsed() <= secs(62));
    assert!((5..=12).contains(&server.calls()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_it_with_what_was_answered_last() {
    let server = Server::not_ready(usize::MAX);
    let client = server.paced(&builder().build().unwrap());
    let mut request = poll("1");
    request.extensions_mut().insert(Deadline::within(secs(30)));
    let start = Instant::now();
    let error = client.oneshot(request).await.unwrap_err();
    let late: &DeadlineExceeded = error.downcast_ref().unwrap();
    assert_eq!(late.classification().unwrap().class(), ErrorClass::NotReady);
    assert!(late.earliest().unwrap() >= start + secs(30));
    assert!(start.elapsed() < secs(30));
}

fn needs(request: &Request<Body>) -> Option<Job> {
    (request.uri().path() == "/needs").then(|| Job::needed(spacing()))
}

fn write() -> Request<Body> {
    let request = Request::post("/needs");
    request.body(Body::from(Bytes::from("a write"))).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_refused_goes_again() {
    let server = Server::not_ready(3);
    let layer = PollPacingLayer::builder(needs).build().unwrap();
    let response = layer.layer(server.clone()).oneshot(write()).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    assert_eq!(server.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_does_not_go_again() {
    let server = Server::not_ready(3).in_doubt();
    let layer = PollPacingLayer::builder(needs).build().unwrap();
    let response = layer.layer(server.clone()).oneshot(write()).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::NotReady);
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn writes_do_not_wait_for_each_other() {
    let server = Server::default();
    let layer = PollPacingLayer::builder(needs).build().unwrap();
    let client = layer.layer(server.clone());
    let start = Instant::now();
    let (a, b) = tokio::join!(client.clone().oneshot(write()), client.oneshot(write()));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!((server.calls(), start.elapsed()), (2, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_copy_is_sent_once() {
    let server = Server::not_ready(3);
    let layer = PollPacingLayer::builder(|_: &Request<NoCopy>| Some(Job::needed(spacing())))
        .build()
        .unwrap();
    let inner = tower::util::MapRequest::new(server.clone(), |request: Request<NoCopy>| {
        request.map(|_| Body::default())
    });
    let request = Request::post("/needs").body(NoCopy).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::NotReady);
    assert_eq!(server.calls(), 1);
}

/// A body that streams.
struct NoCopy;

impl tower_tiktok::body::Replay for NoCopy {
    fn try_clone(&self) -> Option<Self> {
        None
    }
}

impl http_body::Body for NoCopy {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(None)
    }
}
