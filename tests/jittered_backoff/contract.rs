//! Which instance it calls, how often, and with what.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::time::Instant;
use tower::{Service, ServiceExt, limit::ConcurrencyLimit};
use tower_layer::Layer;
use tower_tiktok::{
    classify::ErrorClass,
    error::{BoxError, DeadlineExceeded, OutcomeUnknown},
    extensions::{Deadline, Operation},
};

use crate::support::{Body, Server, answer, busy, idempotent, layer, ok, request, secs};

#[tokio::test(start_paused = true)]
async fn it_calls_the_instance_it_readied() {
    // A clone of this one is not ready, and panics.
    let server = Server::new([answer(ErrorClass::Transient), ok()]);
    let mut service = layer()
        .build()
        .unwrap()
        .layer(ConcurrencyLimit::new(server.clone(), 1));
    for _ in 0..3 {
        let ready = ServiceExt::<Request<Body>>::ready(&mut service)
            .await
            .unwrap();
        ready.call(request(Operation::Read)).await.unwrap();
    }
    assert_eq!(server.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn two_requests_share_one_permit_while_one_of_them_waits() {
    let server = Server::new([answer(ErrorClass::Transient), ok()]);
    let limited = ConcurrencyLimit::new(server.clone(), 1);
    let service = layer().base(secs(60)).build().unwrap().layer(limited);
    let start = Instant::now();
    let first = tokio::spawn(service.clone().oneshot(request(Operation::Read)));
    tokio::task::yield_now().await;
    service.oneshot(request(Operation::Read)).await.unwrap();
    assert_eq!(start.elapsed(), secs(0));
    first.await.unwrap().unwrap();
}

/// Counts how often it was readied, called and cloned.
#[derive(Debug, Default)]
struct Counting {
    counts: Arc<[AtomicUsize; 3]>,
    ready: bool,
}

impl Clone for Counting {
    fn clone(&self) -> Self {
        self.counts[2].fetch_add(1, Ordering::Relaxed);
        Self {
            counts: Arc::clone(&self.counts),
            ready: false,
        }
    }
}

impl<B> Service<Request<B>> for Counting {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.counts[0].fetch_add(1, Ordering::Relaxed);
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called unready");
        let calls = self.counts[1].fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(if calls < 2 {
            busy(())
        } else {
            Response::new(())
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stateful_service_is_readied_before_each_call() {
    let inner = Counting::default();
    let counts = Arc::clone(&inner.counts);
    let mut service = layer().build().unwrap().layer(inner);
    let ready = ServiceExt::<Request<Body>>::ready(&mut service)
        .await
        .unwrap();
    ready.call(request(Operation::Write)).await.unwrap();
    let counts = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counts, [3, 3, 1]);
}

/// Counts its clones, in the extensions of a request.
#[derive(Debug, Default)]
struct Clones(Arc<AtomicUsize>);

impl Clone for Clones {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_replayed_is_not_cloned() {
    let clones = Clones::default();
    let count = Arc::clone(&clones.0);
    let inner = Counting::default();
    let counts = Arc::clone(&inner.counts);
    let mut service = layer().build().unwrap().layer(inner);
    let mut request: Request<UnsyncBoxBody<Bytes, BoxError>> =
        request(Operation::Write).map(|body| body.map_err(BoxError::from).boxed_unsync());
    request.extensions_mut().insert(clones);
    let ready = ServiceExt::<Request<UnsyncBoxBody<Bytes, BoxError>>>::ready(&mut service)
        .await
        .unwrap();
    ready.call(request).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 0);
    assert_eq!(counts[2].load(Ordering::Relaxed), 0);
}

/// Ready at once for the first attempt, and for a resend after a time, or not
/// at all.
#[derive(Clone)]
struct Reluctant {
    called: bool,
    then: Option<&'static str>,
}

impl Service<Request<Body>> for Reluctant {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<()>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match (self.called, self.then) {
            (false, _) => Poll::Ready(Ok(())),
            (true, Some(error)) => Poll::Ready(Err(error.into())),
            (true, None) => Poll::Pending,
        }
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        self.called = true;
        std::future::ready(Err("lost".into()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_become_ready_in_time_is_not_called() {
    let never = Reluctant {
        called: false,
        then: None,
    };
    let layer = layer().build().unwrap();
    let start = Instant::now();
    let mut read = request(Operation::Read);
    read.extensions_mut().insert(Deadline::within(secs(9)));
    let error = layer.layer(never.clone()).oneshot(read).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), secs(9));

    let write = request(idempotent(secs(10)));
    let error = layer.layer(never).oneshot(write).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_to_become_ready_ends_the_request() {
    let broken = Reluctant {
        called: false,
        then: Some("broken"),
    };
    let layer = layer().build().unwrap();
    let read = layer
        .layer(broken.clone())
        .oneshot(request(Operation::Read));
    assert_eq!(read.await.unwrap_err().to_string(), "broken");

    let write = layer
        .layer(broken)
        .oneshot(request(Operation::repeatable()));
    let error = write.await.unwrap_err();
    let unknown: &OutcomeUnknown = error.downcast_ref().unwrap();
    let cause = std::error::Error::source(unknown).unwrap();
    assert_eq!(cause.to_string(), "broken");
}
