//! What a layer inside keeps back need not be kept back here.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_tiktok::{
    classify::{Classification, ErrorClass as Class, Throttle, ThrottleScope, ThrottleWindow},
    error::{BoxError, DeadlineExceeded, OutcomeUnknown, WaitTooLong},
    extensions::{Attempt, Deadline, Operation},
    jittered_backoff::Budget,
};

use crate::support::{Body, Server, Step, answer, idempotent, is, layer, ok, request, secs, send};

/// The timer's resolution.
const TICK: Duration = Duration::from_millis(1);

/// A refusal that asks for five minutes, and that pacing holds for `hold`.
fn held(hold: u64) -> Step {
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Minute);
    let limited = Classification::new(Class::RateLimited).with_refused(true);
    let limited = limited.with_throttle(throttle.with_waits([secs(300)]));
    Step::Held(limited, secs(hold))
}

#[tokio::test(start_paused = true)]
async fn what_pacing_holds_is_sent_at_once() {
    let server = Server::new([held(200), held(0), held(1), ok()]);
    let none = Budget::builder().percent(0).min_per_second(0).build();
    let builder = layer().budget(none.unwrap());
    send(builder, &server, request(Operation::Write))
        .await
        .unwrap();
    // Nor does it spend the budget: it was told when to come.
    assert_eq!(server.attempts(), 4);
    for wait in server.waits() {
        assert!(wait <= TICK, "{wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_past_the_deadline_fails_at_once() {
    let start = Instant::now();
    let server = Server::new([held(200), ok()]);
    let mut request = request(Operation::Write);
    request.extensions_mut().insert(Deadline::within(secs(100)));
    let error = send(layer(), &server, request).await.unwrap_err();
    let late = error.downcast_ref::<DeadlineExceeded>().unwrap();
    assert_eq!(late.earliest(), Some(start + secs(200)));
    assert_eq!((server.attempts(), start.elapsed()), (1, secs(0)));
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_too_long_is_told() {
    let server = Server::new([held(5_000), ok()]);
    let error = send(layer(), &server, request(Operation::Write))
        .await
        .unwrap_err();
    let long = error.downcast_ref::<WaitTooLong>().unwrap();
    assert_eq!(long.wait(), secs(5_000));
    assert_eq!(server.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_all_the_same() {
    let server = Server::new([held(1)]);
    let response = send(layer().max_attempts(4), &server, request(Operation::Write)).await;
    assert_eq!(Class::of(&response.unwrap()), Class::RateLimited);
    assert_eq!(server.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_is_not_held_past_the_servers_memory() {
    let script = |hold| Server::new([answer(Class::Transient), held(hold), ok()]);
    let builder = || layer().base(secs(1) / 1000).cap(secs(1) / 1000);

    let server = script(9);
    let result = send(builder(), &server, request(idempotent(secs(10)))).await;
    assert!(is::<OutcomeUnknown>(&result));
    assert_eq!(server.attempts(), 2);

    let start = Instant::now();
    let server = script(5);
    send(builder(), &server, request(idempotent(secs(10))))
        .await
        .unwrap();
    let last = server.carried()[2].unwrap();
    assert_eq!(
        last.send_before(),
        Some(start + Duration::from_millis(7_500))
    );
}

#[tokio::test(start_paused = true)]
async fn who_queued_for_an_hour_may_still_be_sent_again() {
    let slow = service_fn(|request: Request<Body>| async move {
        let mut response = Response::new(());
        if request.extensions().get::<Attempt>().is_none() {
            sleep(secs(3_600)).await;
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        Ok::<_, BoxError>(response)
    });
    let service = layer().max_elapsed(secs(60)).build().unwrap().layer(slow);
    let response = service.oneshot(request(Operation::Read)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
