use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::sleep;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt,
    limit::{ConcurrencyLimit, ConcurrencyLimitLayer},
    retry::{Policy, Retry},
    service_fn,
};
use tower_tiktok::per_account_concurrency::{PerAccountConcurrencyHandle, Release};

use crate::support::*;

#[tokio::test]
async fn calls_the_instance_it_readied() {
    let layer = one_each().build().unwrap();
    let inner = service_fn(|_: Request<String>| async { Ok::<_, Infallible>(ok()) });
    // A clone of it that was not readied panics when called.
    let mut client = layer.layer(ConcurrencyLimit::new(inner, 1));
    for _ in 0..3 {
        let response = client.ready().await.unwrap().call(write("a")).await;
        assert_eq!(response.unwrap().into_body().into_inner(), "body");
    }
}

#[test]
fn a_service_that_is_not_ready_holds_up_no_other_account() {
    let (client, mut server) = over_mock(one_each());
    server.allow(0);
    let mut a = start(&client, write("a"));
    let mut b = start(&client, write("b"));
    let mut queued = start(&client, write("a"));
    // Both have their permit, and wait for the service.
    assert_eq!(client.handle().snapshot().in_flight(), 2);
    server.allow(2);
    assert!(a.is_woken() && b.is_woken() && !queued.is_woken());
    assert_pending!(a.poll());
    assert_pending!(b.poll());
    assert_pending!(queued.poll());
    assert!(received(&mut server).is_some() && received(&mut server).is_some());
}

/// Resends what was answered with 429, after a second.
#[derive(Clone)]
struct AfterASecond {
    seen: PerAccountConcurrencyHandle,
    left: usize,
}

impl<B> Policy<Request<String>, Response<B>, BoxError> for AfterASecond {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(
        &mut self,
        _: &mut Request<String>,
        result: &mut Result<Response<B>, BoxError>,
    ) -> Option<Self::Future> {
        let busy = result
            .as_ref()
            .is_ok_and(|response| response.status() == 429);
        self.left = self.left.checked_sub(usize::from(busy))?;
        let seen = self.seen.clone();
        busy.then(|| -> Self::Future {
            Box::pin(async move {
                sleep(Duration::from_millis(500)).await;
                // Nothing is held while a retry sleeps.
                assert_eq!(seen.snapshot().in_flight(), 0);
                sleep(Duration::from_millis(500)).await;
            })
        })
    }

    fn clone_request(&mut self, request: &Request<String>) -> Option<Request<String>> {
        Some(request.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn over_a_shared_limit_and_under_a_retry_it_never_stands_still() {
    for release in [Release::OnHead, Release::OnBodyEnd] {
        let layer = one_each().release(release).build().unwrap();
        let policy = AfterASecond {
            seen: layer.handle(),
            left: 5,
        };
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let server = move |_: Request<String>| {
            // All but the last two answers are refusals.
            let busy = count.fetch_add(1, Ordering::Relaxed) < 4;
            async move {
                let mut response = ok();
                if busy {
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                }
                Ok::<_, Infallible>(response)
            }
        };
        let inner = ServiceBuilder::new()
            .layer(layer)
            .layer(ConcurrencyLimitLayer::new(1))
            .service_fn(server);
        let client = Retry::new(policy, inner);
        let both = async {
            tokio::join!(
                async { client.clone().oneshot(write("a")).await.unwrap().status() },
                async { client.clone().oneshot(write("a")).await.unwrap().status() },
            )
        };
        let (a, b) = tokio::time::timeout(Duration::from_secs(60), both)
            .await
            .unwrap();
        assert!(a.is_success() && b.is_success());
        assert_eq!(calls.load(Ordering::Relaxed), 6);
    }
}

/// Fails once to become ready.
#[derive(Clone)]
struct FailsOnce(Arc<AtomicBool>);

impl Service<Request<String>> for FailsOnce {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = Ready<Result<Response<String>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.0.swap(false, Ordering::Relaxed) {
            true => Poll::Ready(Err("not ready".into())),
            false => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

#[test]
fn what_failed_to_become_ready_keeps_nothing() {
    let inner = ConcurrencyLimit::new(FailsOnce(Arc::new(true.into())), 1);
    let mut client = one_each().build().unwrap().layer(inner);
    let mut other = client.clone();
    assert_ready_err!(task::spawn(client.call(write("a"))).poll());
    // The limit inside counted the one that failed.
    assert_ready_ok!(task::spawn(other.call(write("a"))).poll());
    assert_ready_ok!(task::spawn(client.call(write("a"))).poll());
}
