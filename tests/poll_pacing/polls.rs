//! Polls of one job are spaced, and those that ask the same share an answer.

use futures_util::future::join_all;
use http::{Request, StatusCode};
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt, service_fn};
use tower_tiktok::{
    error::{DeadlineExceeded, is_unsent},
    extensions::{Deadline, LeaveNotReady, Operation, Patience, Priority, RequestContext},
    poll_pacing::{InvalidPollPacing, JobBegan, PollTooEarly, SharedError},
};

use crate::support::{Body, Server, builder, poll, secs, text};

#[tokio::test(start_paused = true)]
async fn the_waits_between_polls_grow() {
    let server = Server::default();
    let mut client = server.paced(&builder().build().unwrap());
    let start = Instant::now();
    let mut at = Vec::new();
    for _ in 0..30 {
        client.ready().await.unwrap().call(poll("1")).await.unwrap();
        at.push(start.elapsed());
    }
    assert!(at[0] <= secs(1));
    let waits: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| *wait >= secs(5)));
    // Up to the greatest, and the chance and the call on top.
    assert!(waits.iter().all(|wait| *wait <= secs(77)));
    assert!(waits[..3].iter().sum::<std::time::Duration>() * 4 < waits[26..].iter().sum());
}

#[tokio::test(start_paused = true)]
async fn five_hundred_polls_at_once_are_one() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    let polls = (0..500).map(|_| client.clone().oneshot(poll("1")));
    for response in join_all(polls).await {
        assert_eq!(text(response.unwrap()).await, "an answer");
    }
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_tokens_share_no_answer_but_the_spacing() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    let mut other = poll("1");
    let token = "another".parse().unwrap();
    other.headers_mut().insert("access-token", token);
    let start = Instant::now();
    let both = [poll("1"), other].map(|poll| client.clone().oneshot(poll));
    for response in join_all(both).await {
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(server.calls(), 2);
    assert!(start.elapsed() >= secs(6));
}

#[tokio::test(start_paused = true)]
async fn jobs_do_not_wait_for_each_other() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    let start = Instant::now();
    let polls = (0..50).map(|n| client.clone().oneshot(poll(&n.to_string())));
    join_all(polls)
        .await
        .into_iter()
        .for_each(|poll| assert!(poll.is_ok()));
    assert_eq!((server.calls(), start.elapsed()), (50, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_too() {
    let server = Server::failing();
    let client = server.paced(&builder().build().unwrap());
    let alone = client.clone().oneshot(poll("2")).await.unwrap_err();
    assert_eq!(alone.to_string(), "the line is dead");
    let polls = (0..10).map(|_| client.clone().oneshot(poll("1")));
    for error in join_all(polls).await {
        let error = error.unwrap_err();
        assert!(error.is::<SharedError>());
        assert!(error.to_string().contains("the line is dead"));
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn polls_stand_back_unless_they_are_urgent() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    client.clone().oneshot(poll("1")).await.unwrap();
    let mut urgent = poll("2");
    let context = RequestContext::new(Operation::Read).with_priority(Priority::High);
    urgent.extensions_mut().insert(context);
    urgent.extensions_mut().insert(Patience::of(secs(3)));
    client.clone().oneshot(urgent).await.unwrap();
    let no_poll = Request::get("/other").body(Body::default()).unwrap();
    client.oneshot(no_poll).await.unwrap();

    let seen = server.seen();
    let priority = |n: usize| seen[n].get().map(RequestContext::priority);
    assert_eq!(priority(0), Some(Priority::Low));
    assert_eq!(priority(1), Some(Priority::High));
    assert_eq!(priority(2), None);
    // It stands back for an eighth of its next wait, unless its caller knows better.
    let patience = |n: usize| seen[n].get().map(Patience::time);
    assert!((secs(5) / 8..=secs(6) / 8).contains(&patience(0).unwrap()));
    assert_eq!((patience(1), patience(2)), (Some(secs(3)), None));
    assert!(seen[0].get::<LeaveNotReady>().is_some());
    assert!(seen[2].get::<LeaveNotReady>().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_would_be_late_fails_at_once() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    client.clone().oneshot(poll("1")).await.unwrap();
    let start = Instant::now();
    let mut hasty = poll("1");
    hasty.extensions_mut().insert(Deadline::within(secs(2)));
    let error = client.oneshot(hasty).await.unwrap_err();
    let late: &DeadlineExceeded = error.downcast_ref().unwrap();
    assert!(late.earliest().unwrap() >= start + secs(4));
    assert_eq!((start.elapsed(), server.calls()), (secs(0), 1));
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_no_longer_than_its_deadline() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    client.clone().oneshot(poll("1")).await.unwrap();
    let patient = tokio::spawn(client.clone().oneshot(poll("1")));
    sleep(secs(1)).await;
    let start = Instant::now();
    let mut hasty = poll("1");
    hasty.extensions_mut().insert(Deadline::within(secs(1)));
    let error = client.oneshot(hasty).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), secs(1));
    assert!(patient.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_one_is_not_that_of_all() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    client.clone().oneshot(poll("1")).await.unwrap();
    let mut hasty = poll("1");
    hasty.extensions_mut().insert(Deadline::within(secs(1)));
    let (hasty, patient) = tokio::join!(
        client.clone().oneshot(hasty),
        client.clone().oneshot(poll("1")),
    );
    assert!(hasty.unwrap_err().is::<DeadlineExceeded>());
    assert!(patient.is_ok());
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_early_poll_is_turned_away_where_that_is_asked_for() {
    let server = Server::default();
    let layer = builder().turn_early_polls_away().build().unwrap();
    let client = server.paced(&layer);
    client.clone().oneshot(poll("1")).await.unwrap();
    let error = client.clone().oneshot(poll("1")).await.unwrap_err();
    assert!(is_unsent(&*error));
    let early: &PollTooEarly = error.downcast_ref().unwrap();
    assert_eq!(early.job().unwrap().as_str(), "1");
    tokio::time::sleep_until(early.due()).await;
    assert!(client.oneshot(poll("1")).await.is_ok());
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_beginning_is_known_is_given_its_time() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    let start = Instant::now();
    let mut first = poll("1");
    first.extensions_mut().insert(JobBegan::ago(secs(0)));
    client.oneshot(first).await.unwrap();
    assert!(start.elapsed() >= secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_jobs_stays_within_the_bound() {
    let server = Server::default();
    let layer = builder().max_jobs(100).build().unwrap();
    let client = server.paced(&layer);
    let polls = (0..5_000).map(|n| {
        let id = format!("{n:0>width$}", width = n % 400);
        client.clone().oneshot(poll(&id))
    });
    assert!(join_all(polls).await.iter().all(Result::is_ok));
    assert!(layer.jobs() <= 100);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_holds_no_readiness_of_others() {
    let server = Server::default();
    let only_one = tower::limit::ConcurrencyLimit::new(server.clone(), 1);
    let layer = builder().build().unwrap();
    let mut client = tower::Layer::layer(&layer, only_one);
    client.ready().await.unwrap().call(poll("1")).await.unwrap();
    let _waits = tokio::spawn(
        ServiceExt::<Request<Body>>::ready(&mut client)
            .await
            .unwrap()
            .call(poll("1")),
    );
    tokio::task::yield_now().await;
    let start = Instant::now();
    let other = Request::get("/other").body(Body::default()).unwrap();
    client.ready().await.unwrap().call(other).await.unwrap();
    assert_eq!(start.elapsed(), secs(1));
}

#[test]
fn senseless_settings_are_refused() {
    let none = builder().max_jobs(1).build().unwrap_err();
    assert_eq!(none, InvalidPollPacing::NoJobs);
    let now = builder().forget_after(secs(0)).build().unwrap_err();
    assert_eq!(now, InvalidPollPacing::ForgetsAtOnce);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_poll_passes() {
    let layer = builder().build().unwrap();
    let echo = service_fn(|request: Request<Body>| async {
        Ok::<_, tower::BoxError>(http::Response::new(request.into_body()))
    });
    let request = Request::post("/other").body(Body::from("hello")).unwrap();
    let response = tower::Layer::layer(&layer, echo).oneshot(request).await;
    assert_eq!(text(response.unwrap()).await, "hello");
    assert_eq!(layer.jobs(), 0);
}
