//! What stays as it was.

use std::{convert::Infallible, fmt::Debug};

use http::{Request, Response};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_test::mock;
use tower_tiktok::retry_after_header::{
    LimitHeaders, ResponseFuture, RetryAfterHeader, RetryAfterHeaderLayer,
};

use crate::support::{MAX, answer, pass};

#[tokio::test]
async fn it_calls_the_instance_it_readied() {
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(answer(200, &[])) });
    let mut service = RetryAfterHeaderLayer::new(MAX).layer(ConcurrencyLimit::new(inner, 1));
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(Request::new(())).await;
        assert_eq!(response.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn readiness_and_errors_pass_through() {
    type Mock = mock::Mock<Request<()>, Response<()>>;
    let (mut service, mut inner) =
        mock::spawn_with(|mock: Mock| RetryAfterHeaderLayer::new(MAX).layer(mock));
    inner.allow(0);
    assert_pending!(service.poll_ready());
    inner.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(Request::new(())));
    assert_pending!(call.poll());
    let (_, reply) = inner.next_request().await.unwrap();
    reply.send_error("reset by peer");
    assert!(call.is_woken());
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "reset by peer");

    inner.send_error("gone");
    assert_eq!(assert_ready_err!(service.poll_ready()).to_string(), "gone");
}

#[tokio::test]
async fn the_answer_is_otherwise_untouched() {
    let lines = [("retry-after", "5"), ("content-type", "text/plain")];
    let response = pass(Request::new(()), answer(429, &lines)).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers(), answer(429, &lines).headers());
}

#[test]
fn everything_is_send_sync_clone_and_debug() {
    fn check<T: Send + Sync + Debug>() {}
    fn check_clone<T: Send + Sync + Debug + Clone>() {}
    check_clone::<RetryAfterHeaderLayer>();
    check_clone::<RetryAfterHeader<()>>();
    check_clone::<LimitHeaders>();
    check::<ResponseFuture<std::future::Ready<()>>>();
}
