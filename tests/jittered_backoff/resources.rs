//! What it holds and leaves behind.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_tiktok::{
    error::BoxError,
    extensions::{Attempt, Operation},
    jittered_backoff::{JitteredBackoff, JitteredBackoffLayer, ResponseFuture, TransportErrors},
};

use crate::support::{Body, Server, busy, layer, request, secs};

#[tokio::test(start_paused = true)]
async fn a_response_is_dropped_before_the_wait() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let service = service_fn(move |_: Request<Body>| {
        let flag = Flag(Arc::clone(&flag));
        async move { Ok::<_, BoxError>(busy(flag)) }
    });
    let mut call = Box::pin(
        layer()
            .build()
            .unwrap()
            .layer(service)
            .oneshot(request(Operation::Write)),
    );
    assert!(timeout(Duration::ZERO, &mut call).await.is_err());
    assert!(dropped.load(Ordering::Relaxed));
}

/// Holds a permit from its readiness to the end of its response's body.
struct Held {
    permits: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    fails: bool,
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self {
            permits: Arc::clone(&self.permits),
            permit: None,
            fails: self.fails,
        }
    }
}

impl Service<Request<Body>> for Held {
    type Response = Response<OwnedSemaphorePermit>;
    type Error = BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.permit.is_none() {
            self.permit = Some(Arc::clone(&self.permits).try_acquire_owned()?);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let permit = self.permit.take().expect("called unready");
        let fails = self.fails || request.extensions().get::<Attempt>().is_none();
        Box::pin(async move {
            sleep(secs(1)).await;
            Ok(if fails {
                busy(permit)
            } else {
                Response::new(permit)
            })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_while_it_waits() {
    let permits = Arc::new(Semaphore::new(1));
    let held = Held {
        permits: Arc::clone(&permits),
        permit: None,
        fails: false,
    };
    let service = layer().base(secs(60)).build().unwrap().layer(held);
    let mut call = Box::pin(service.oneshot(request(Operation::Write)));
    assert!(timeout(secs(1) / 2, &mut call).await.is_err());
    assert_eq!(permits.available_permits(), 0);
    // Now the answer is there, and the wait has begun.
    assert!(timeout(secs(1) - secs(1) / 4, &mut call).await.is_err());
    assert_eq!(permits.available_permits(), 1);
    assert!(call.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing() {
    let permits = Arc::new(Semaphore::new(10_000));
    let held = Held {
        permits: Arc::clone(&permits),
        permit: None,
        fails: true,
    };
    let service = layer().build().unwrap().layer(held);
    let mut rng = StdRng::seed_from_u64(1);
    let calls: Vec<_> = (0..10_000)
        .map(|_| {
            let limit = Duration::from_millis(rng.random_range(0..30_000));
            timeout(limit, service.clone().oneshot(request(Operation::Write)))
        })
        .map(tokio::spawn)
        .collect();
    for call in calls {
        let _ = call.await.unwrap();
    }
    assert_eq!(permits.available_permits(), 10_000);
    assert_eq!(Arc::strong_count(&permits), 2);
}

#[test]
fn the_types_go_anywhere() {
    fn anywhere<T: Send + Sync + std::fmt::Debug>() {}
    fn cloned<T: Clone>() {}
    anywhere::<JitteredBackoffLayer>();
    anywhere::<JitteredBackoff<Server>>();
    anywhere::<ResponseFuture<Server, Body, TransportErrors>>();
    anywhere::<tower_tiktok::body::ReplayBody<Body>>();
    cloned::<JitteredBackoffLayer>();
    cloned::<JitteredBackoff<Server>>();
}
