//! An idempotent write is sent again only while the server remembers it.

use std::time::Duration;

use http::Response;
use tokio::time::{Instant, sleep};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_tiktok::{
    classify::{Classification, ErrorClass as Class},
    error::{BoxError, DeadlineExceeded, OutcomeUnknown},
    extensions::{Attempt, Deadline, Operation},
    jittered_backoff::Jitter,
};

use crate::support::{
    Body, Server, Step, answer, idempotent, is, layer, ok, refused, request, secs, send,
};

const MEMORY: Duration = secs(10);
/// Three quarters of it.
const SAFE: Duration = Duration::from_millis(7_500);

#[tokio::test(start_paused = true)]
async fn all_resends_come_inside_the_memory() {
    for seed in 0..50 {
        let server = Server::new([answer(Class::Transient)]);
        let builder = layer().seed(seed).max_attempts(20);
        let result = send(builder, &server, request(idempotent(MEMORY))).await;
        assert!(is::<OutcomeUnknown>(&result));
        assert!(server.attempts() > 2);
        let total: Duration = server.waits().iter().sum();
        assert!(total < SAFE, "{:?}", server.waits());
    }
}

#[tokio::test(start_paused = true)]
async fn a_resend_in_doubt_tells_until_when_it_may_be_sent() {
    let start = Instant::now();
    let server = Server::new([answer(Class::Transient), answer(Class::Transient), ok()]);
    send(layer(), &server, request(idempotent(MEMORY)))
        .await
        .unwrap();
    let carried = server.carried();
    assert_eq!(carried[0], None);
    for (number, attempt) in (2..).zip(&carried[1..]) {
        let attempt = attempt.unwrap();
        assert_eq!(attempt.number(), number);
        assert_eq!(attempt.first_sent(), start);
        assert_eq!(attempt.send_before(), Some(start + SAFE));
    }
}

#[tokio::test(start_paused = true)]
async fn the_memory_counts_from_the_first_attempt_in_doubt() {
    let start = Instant::now();
    let server = Server::new([
        Step::Wait(
            Classification::new(Class::RateLimited).with_refused(true),
            secs(100),
        ),
        answer(Class::Transient),
        ok(),
    ]);
    send(layer(), &server, request(idempotent(MEMORY)))
        .await
        .unwrap();
    let carried = server.carried();
    // Refused, so there is no copy to remember.
    assert_eq!(carried[1].unwrap().send_before(), None);
    let second = start + server.waits()[0];
    assert_eq!(carried[2].unwrap().send_before(), Some(second + SAFE));
}

#[tokio::test(start_paused = true)]
async fn what_may_be_repeated_for_ever_has_no_limit() {
    let server = Server::new([answer(Class::Transient), ok()]);
    send(layer(), &server, request(Operation::repeatable()))
        .await
        .unwrap();
    assert_eq!(server.carried()[1].unwrap().send_before(), None);
}

#[tokio::test(start_paused = true)]
async fn the_backoff_shrinks_to_fit_the_memory() {
    let server = Server::new([answer(Class::Transient), ok()]);
    let builder = layer().jitter(Jitter::Equal).base(secs(60));
    send(builder, &server, request(idempotent(MEMORY)))
        .await
        .unwrap();
    assert!(server.waits()[0] < SAFE);
}

#[tokio::test(start_paused = true)]
async fn a_servers_wait_does_not_shrink() {
    let wait = |secs| Step::Wait(Classification::new(Class::Transient), secs);
    let server = Server::new([wait(secs(7)), ok()]);
    send(layer(), &server, request(idempotent(MEMORY)))
        .await
        .unwrap();
    assert!(server.waits()[0] >= secs(7) && server.waits()[0] < SAFE);

    let start = Instant::now();
    let server = Server::new([wait(secs(8)), ok()]);
    let result = send(layer(), &server, request(idempotent(MEMORY))).await;
    assert!(is::<OutcomeUnknown>(&result));
    assert_eq!((server.attempts(), start.elapsed()), (1, secs(0)));
}

/// Answers after `slow`, at first with a failure.
async fn slow(request: http::Request<Body>, slow: Duration) -> Result<Response<()>, BoxError> {
    sleep(slow).await;
    if request.extensions().get::<Attempt>().is_none() {
        return Err("lost".into());
    }
    Ok(Response::new(()))
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_outlasts_the_memory_is_the_last() {
    let layer = layer().build().unwrap();
    let quick = layer.layer(service_fn(|request| slow(request, secs(4))));
    assert!(quick.oneshot(request(idempotent(MEMORY))).await.is_ok());

    let late = layer.layer(service_fn(|request| slow(request, secs(8))));
    let result = late.oneshot(request(idempotent(MEMORY))).await;
    assert!(is::<OutcomeUnknown>(&result));
}

#[tokio::test(start_paused = true)]
async fn a_queue_inside_that_is_too_slow_leaves_the_outcome_unknown() {
    // A queue that takes `wait`, and heeds the limit.
    let queued = |wait: Duration| {
        service_fn(move |request: http::Request<Body>| async move {
            let limit = Deadline::to_send(request.extensions());
            if request.extensions().get::<Attempt>().is_some() {
                let earliest = Instant::now() + wait;
                if limit.is_some_and(|limit| earliest >= limit) {
                    return Err(DeadlineExceeded::new(Some(earliest), None).into());
                }
                sleep(wait).await;
            }
            slow(request, secs(0)).await
        })
    };
    let layer = layer().build().unwrap();
    let short = layer.layer(queued(secs(1)));
    assert!(short.oneshot(request(idempotent(MEMORY))).await.is_ok());

    let long = layer.layer(queued(secs(8)));
    let result = long.oneshot(request(idempotent(MEMORY))).await;
    let error = result.unwrap_err();
    let unknown: &OutcomeUnknown = error.downcast_ref().unwrap();
    let cause = std::error::Error::source(unknown).unwrap();
    assert!(cause.is::<DeadlineExceeded>());
}

#[tokio::test(start_paused = true)]
async fn a_limit_set_outside_is_kept() {
    let server = Server::new([refused(Class::RateLimited), ok()]);
    let start = Instant::now();
    let outer = Attempt::new(2, start).with_send_before(Some(start + secs(60)));
    let mut request = request(Operation::Write);
    request.extensions_mut().insert(outer);
    send(layer(), &server, request).await.unwrap();
    assert_eq!(
        server.carried()[1].unwrap().send_before(),
        outer.send_before()
    );
}

#[tokio::test(start_paused = true)]
async fn a_resend_still_on_its_way_out_when_the_memory_ends_is_given_up() {
    let start = Instant::now();
    let layer = layer().seed(1).build().unwrap();
    // The first answer is lost. The resend takes long to leave: a slow connect.
    let client = layer.layer(service_fn(|request: http::Request<Body>| async move {
        match request.extensions().get::<Attempt>() {
            None => Err::<Response<()>, _>(BoxError::from("connection lost")),
            Some(_) => {
                sleep(secs(12)).await;
                Ok(Response::new(()))
            }
        }
    }));
    let result = client.oneshot(request(idempotent(MEMORY))).await;
    assert!(is::<OutcomeUnknown>(&result));
    assert_eq!(start.elapsed(), MEMORY);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_sent_again_inside_the_memory_only() {
    let conflict = Classification::new(Class::Conflict);
    for (wait, attempts) in [(secs(1), 2), (secs(120), 1)] {
        let server = Server::new([Step::Wait(conflict.clone(), wait)]);
        let result = send(layer(), &server, request(idempotent(MEMORY))).await;
        assert!(result.is_ok(), "it is an answer, and nothing is in doubt");
        assert_eq!(server.attempts(), attempts);
    }
}
