//! How a request ends that is not sent again, though it might be safe.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use tokio::time::Instant;
use tower::ServiceExt;
use tower_layer::Layer;
use tower_tiktok::{
    body::ReplayBody,
    classify::{Classification, ErrorClass as Class},
    error::{BoxError, DeadlineExceeded, OutcomeUnknown, WaitTooLong},
    extensions::{Deadline, Operation, RequestContext},
    jittered_backoff::{Budget, InvalidBackoff, JitteredBackoffLayer},
};

use crate::support::{
    Server, Step, answer, idempotent, is, layer, ok, refused, request, secs, send,
};

fn limited() -> Classification {
    Classification::new(Class::RateLimited).with_refused(true)
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_handed_on_when_the_attempts_are_used_up() {
    let server = Server::new([refused(Class::RateLimited)]);
    let response = send(layer().max_attempts(4), &server, request(Operation::Write)).await;
    let response = response.unwrap();
    assert_eq!(response.extensions().get(), Some(&limited()));
    assert_eq!(server.attempts(), 4);

    let server = Server::new([Step::Lost]);
    let error = send(layer().max_attempts(2), &server, request(Operation::Read)).await;
    assert!(is::<std::io::Error>(&error));
    assert_eq!(server.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_no_resend() {
    let server = Server::new([refused(Class::RateLimited)]);
    let response = send(layer().max_attempts(1), &server, request(Operation::Write)).await;
    assert!(response.is_ok());
    assert_eq!(server.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_kept_fails_at_once_with_the_earliest_instant() {
    let server = Server::new([Step::Wait(limited(), secs(60))]);
    let mut request = request(Operation::Write);
    request.extensions_mut().insert(Deadline::within(secs(59)));
    let start = Instant::now();
    let error = send(layer(), &server, request).await.unwrap_err();

    assert_eq!(start.elapsed(), secs(0));
    let late: &DeadlineExceeded = error.downcast_ref().unwrap();
    let earliest = late.earliest().unwrap();
    assert!(earliest >= start + secs(60) && earliest <= start + secs(90));
    assert_eq!(late.classification(), Some(&limited()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_can_be_kept_is_no_obstacle() {
    let server = Server::new([Step::Wait(limited(), secs(60)), ok()]);
    let mut request = request(Operation::Write);
    request.extensions_mut().insert(Deadline::within(secs(91)));
    send(layer(), &server, request).await.unwrap();
    assert_eq!(server.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_resend_starts_after_max_elapsed() {
    let server = Server::new([Step::Wait(limited(), secs(60))]);
    let start = Instant::now();
    let builder = layer().max_elapsed(secs(100)).max_attempts(99);
    let error = send(builder, &server, request(Operation::Write)).await;
    assert!(is::<DeadlineExceeded>(&error));
    assert_eq!(server.attempts(), 2);
    assert!(start.elapsed() < secs(100));
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_cap_is_told_and_not_waited_for() {
    let server = Server::new([Step::Wait(limited(), secs(3600))]);
    let start = Instant::now();
    let error = send(layer(), &server, request(Operation::Read))
        .await
        .unwrap_err();
    assert_eq!(start.elapsed(), secs(0));
    let long: &WaitTooLong = error.downcast_ref().unwrap();
    assert_eq!(long.wait(), secs(3600));
    assert_eq!(long.classification(), Some(&limited()));

    let server = Server::new([Step::Wait(limited(), secs(9)), ok()]);
    let exact = send(layer().max_wait(secs(9)), &server, request(Operation::Read)).await;
    assert!(exact.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_hands_on_the_answer_without_a_wait() {
    let budget = Budget::builder()
        .percent(50)
        .min_per_second(0)
        .build()
        .unwrap();
    let layer = layer().budget(budget).build().unwrap();
    let server = Server::new([refused(Class::RateLimited)]);
    let mut attempts = Vec::new();
    for _ in 0..4 {
        let before = server.attempts();
        let service = layer.layer(server.clone());
        let response = service.oneshot(request(Operation::Write)).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&limited()));
        attempts.push(server.attempts() - before);
    }
    // Two requests earn one resend.
    assert_eq!(attempts, [1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_ends_unknown_however_it_ends() {
    let doubt = || answer(Class::Transient);
    let write = || request(idempotent(secs(3600)));
    let hour = Step::Wait(Classification::new(Class::Transient), secs(3600));
    let late = || {
        let mut request = write();
        let deadline = Deadline::within(secs(1) / 1000);
        request.extensions_mut().insert(deadline);
        request
    };
    let spent = || {
        Budget::builder()
            .percent(0)
            .min_per_second(0)
            .build()
            .unwrap()
    };
    for (script, builder, request) in [
        // First, while its deadline is still to come.
        (vec![doubt()], layer(), late()),
        (vec![doubt()], layer().max_attempts(3), write()),
        (vec![Step::Lost], layer().max_attempts(3), write()),
        (vec![doubt()], layer().budget(spent()), write()),
        (vec![doubt()], layer().max_elapsed(secs(0)), write()),
        (vec![doubt(), hour], layer(), write()),
        (vec![doubt(), Step::GivenUp], layer(), write()),
        (vec![doubt(), answer(Class::TokenExpired)], layer(), write()),
        (vec![doubt(), answer(Class::Unknown)], layer(), write()),
        // A gateway's 404, or a name that the first copy has taken.
        (vec![doubt(), answer(Class::Permanent)], layer(), write()),
        (
            vec![doubt(), answer(Class::InvalidRequest)],
            layer(),
            write(),
        ),
        // Refused from then on: the first copy may still have been carried out.
        (vec![doubt(), refused(Class::RateLimited)], layer(), write()),
        (vec![doubt(), Step::Refused], layer(), write()),
    ] {
        let server = Server::new(script.clone());
        let result = send(builder, &server, request).await;
        assert!(is::<OutcomeUnknown>(&result), "{script:?}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_is_settled_by_a_definitive_answer() {
    let taken = Classification::new(Class::Conflict).with_final(true);
    for step in [ok(), answer(Class::PartialSuccess), Step::Answer(taken)] {
        let server = Server::new([answer(Class::Transient), step.clone()]);
        let result = send(layer(), &server, request(idempotent(secs(3600)))).await;
        assert!(result.is_ok(), "{step:?}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_sent_again_once_only() {
    let server = Server::new([answer(Class::Conflict)]);
    let response = send(layer(), &server, request(idempotent(secs(60))))
        .await
        .unwrap();
    assert_eq!(server.attempts(), 2);
    let conflict = Classification::new(Class::Conflict);
    assert_eq!(response.extensions().get(), Some(&conflict));
}

fn boxed(operation: Operation) -> Request<UnsyncBoxBody<Bytes, BoxError>> {
    request(operation).map(|body| body.map_err(BoxError::from).boxed_unsync())
}

#[tokio::test(start_paused = true)]
async fn a_write_that_cannot_be_replayed_ends_unknown() {
    let server = Server::new([answer(Class::Transient)]);
    let service = layer().build().unwrap().layer(server.clone());
    let result = service.oneshot(boxed(Operation::Write)).await;
    assert!(is::<OutcomeUnknown>(&result));
    assert_eq!(server.attempts(), 1);

    // But it is known what became of it if it was refused.
    let server = Server::new([refused(Class::RateLimited)]);
    let service = layer().build().unwrap().layer(server.clone());
    assert!(service.oneshot(boxed(Operation::Write)).await.is_ok());
    assert_eq!(server.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_body_is_replayed() {
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&bodies);
    let server = tower::service_fn(move |request: Request<ReplayBody<_>>| {
        let seen = std::sync::Arc::clone(&seen);
        async move {
            let bytes = request.into_body().collect().await?.to_bytes();
            seen.lock().unwrap().push(bytes);
            let status = 429 - 229 * u16::from(seen.lock().unwrap().len() > 1);
            let response = http::Response::builder().status(status).body(());
            response.map_err(BoxError::from)
        }
    });
    let request = boxed(Operation::Write).map(|body| ReplayBody::new(body, 64));
    let service = layer().build().unwrap().layer(server);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(*bodies.lock().unwrap(), ["{}", "{}"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_context_the_method_tells_the_operation() {
    for (method, attempts) in [("GET", 2), ("HEAD", 2), ("POST", 1), ("DELETE", 1)] {
        let server = Server::new([Step::Status(503), ok()]);
        let mut request = request(Operation::Read);
        *request.method_mut() = method.parse().unwrap();
        request.extensions_mut().remove::<RequestContext>();
        let result = send(layer(), &server, request).await;
        assert_eq!(server.attempts(), attempts, "{method}");
        assert_eq!(result.is_ok(), attempts == 2, "{method}");
    }
}

#[test]
fn settings_without_sense_are_refused() {
    let zero = secs(0);
    let builder = JitteredBackoffLayer::builder;
    for (builder, expected) in [
        (builder().base(zero), InvalidBackoff::ZeroBase),
        (builder().base(secs(65)), InvalidBackoff::BaseAboveCap),
        (builder().max_attempts(0), InvalidBackoff::NoAttempts),
    ] {
        assert_eq!(builder.build().unwrap_err(), expected);
    }
    let budget = Budget::builder;
    assert_eq!(
        budget().ttl(zero).build().unwrap_err(),
        InvalidBackoff::ZeroBudgetTtl
    );
    assert_eq!(
        budget().percent(1001).build().unwrap_err(),
        InvalidBackoff::BudgetAbove1000Percent
    );
}

#[tokio::test(start_paused = true)]
async fn settings_as_large_as_can_be_do_no_harm() {
    let most = std::time::Duration::MAX;
    let builder = || {
        let builder = layer().base(most).cap(most).max_attempts(u32::MAX);
        builder.max_elapsed(most).max_wait(most)
    };
    let server = Server::new([refused(Class::RateLimited)]);
    let waiting = send(builder(), &server, request(Operation::repeatable()));
    let year = secs(365 * 86_400);
    assert!(tokio::time::timeout(year, waiting).await.is_err());
    assert_eq!(server.attempts(), 1);

    let server = Server::new([Step::Wait(Classification::new(Class::Transient), most)]);
    let waiting = send(builder(), &server, request(Operation::repeatable()));
    assert!(tokio::time::timeout(year, waiting).await.is_err());
}

#[test]
fn full_bodies_of_any_data_are_replayed() {
    fn replays<B: tower_tiktok::body::Replay>(_: B) {}
    replays(Full::new(Bytes::new()));
    replays(Full::new(&b""[..]));
    replays(http_body_util::Empty::<Bytes>::new());
    replays(tower_tiktok::body::Peeked::new(Full::new(Bytes::new())));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_cut_is_too_long_however_short() {
    let limited = Classification::new(Class::RateLimited).with_refused(true);
    let server = Server::new([Step::Cut(limited, secs(2))]);
    let error = send(layer(), &server, request(Operation::Read))
        .await
        .unwrap_err();
    assert_eq!(error.downcast_ref::<WaitTooLong>().unwrap().wait(), secs(2));
    assert_eq!(server.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_told_when_to_come_back_spends_no_budget() {
    let none = || {
        Budget::builder()
            .percent(0)
            .min_per_second(0)
            .build()
            .unwrap()
    };
    let limited = Classification::new(Class::RateLimited).with_refused(true);
    let told = Server::new([Step::Wait(limited, secs(2)), ok()]);
    let result = send(layer().budget(none()), &told, request(Operation::Write)).await;
    assert!(result.is_ok());
    assert_eq!(told.attempts(), 2);

    let untold = Server::new([refused(Class::RateLimited), ok()]);
    let _ = send(layer().budget(none()), &untold, request(Operation::Write)).await;
    assert_eq!(untold.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_late_tells_what_went_wrong_before() {
    let server = Server::new([Step::Refused]);
    let error = send(
        layer().max_elapsed(secs(0)),
        &server,
        request(Operation::Write),
    )
    .await
    .unwrap_err();
    let late: &DeadlineExceeded = error.downcast_ref().unwrap();
    let cause = late.cause().unwrap();
    assert!(cause.is::<std::io::Error>(), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_any_more_is_not_sent_once() {
    let server = Server::new([ok()]);
    let mut late = request(Operation::Write);
    late.extensions_mut().insert(Deadline::at(Instant::now()));
    let error = send(layer(), &server, late).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(server.attempts(), 0);
}
