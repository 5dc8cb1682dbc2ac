//! What every layer owes to its neighbours, checked once for each.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio_test::task;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tiktok::{
    classify::ByStatus,
    error_classifier::ErrorClassifierLayer,
    extensions::{Operation, RequestContext},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    poll_pacing::{Job, PollPacingLayer, Spacing},
    reconcile::{Doubt, Finding, ReconcileLayer},
    report_batching::{Part, Read, Reads, ReportBatchingLayer},
    request_pacing::{Quota, Quotas, RequestPacingLayer},
    retry_after_header::RetryAfterHeaderLayer,
    throttle_alert::ThrottleAlertLayer,
    tiktok::{
        TikTokErrorClassifierLayer, TikTokJobs, TikTokLayer, TikTokReads, TikTokRequestContextLayer,
    },
    timeout_brake::TimeoutBrakeLayer,
    token_refresh::{RefreshRequest, Token, TokenRefreshLayer},
};

const BODY: &[u8] = br#"{"code":0,"message":"OK","request_id":"1","data":{}}"#;

#[derive(Debug)]
struct Oops;

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oops")
    }
}

impl std::error::Error for Oops {}

/// A service that insists on the rules: a clone is not ready, and a call
/// without readiness panics. It is pending wherever it can be: twice before it
/// is ready, for a layer may ask once only to see, and once in each call.
#[derive(Debug)]
struct Strict {
    ready: bool,
    asked: u8,
    fails: bool,
    calls: Arc<AtomicUsize>,
    in_flight: Arc<AtomicUsize>,
}

impl Strict {
    fn new() -> Self {
        Self {
            ready: false,
            asked: 0,
            fails: false,
            calls: Arc::default(),
            in_flight: Arc::default(),
        }
    }

    fn failing() -> Self {
        Self {
            fails: true,
            ..Self::new()
        }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            asked: 0,
            fails: self.fails,
            calls: self.calls.clone(),
            in_flight: self.in_flight.clone(),
        }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Oops;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Oops>> {
        if self.asked < 2 {
            self.asked += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Answer {
        assert!(self.ready, "called an instance that was not readied");
        self.ready = false;
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Answer {
            fails: self.fails,
            waited: false,
            in_flight: self.in_flight.clone(),
        }
    }
}

#[derive(Debug)]
struct Answer {
    fails: bool,
    waited: bool,
    in_flight: Arc<AtomicUsize>,
}

impl Future for Answer {
    type Output = Result<Response<Full<Bytes>>, Oops>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.waited {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.fails {
            true => Err(Oops),
            false => Ok(Response::new(Full::from(BODY))),
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn request() -> Request<Full<Bytes>> {
    let context = RequestContext::new(Operation::Write).with_account("7001");
    Request::post("/open_api/v1.3/ad/create/?advertiser_id=7001")
        .header("content-type", "application/json")
        .extension(context)
        .body(Full::from(r#"{"advertiser_id":"7001"}"#))
        .expect("a good request")
}

const AS_READ: fn(Request<Full<Bytes>>) -> Request<Full<Bytes>> = as_read;

/// The same as a read, unlike any other.
fn as_read(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    static READS: AtomicUsize = AtomicUsize::new(0);
    let read = READS.fetch_add(1, Ordering::SeqCst);
    *request.uri_mut() = format!("/report/{read}").parse().expect("a good path");
    *request.body_mut() = Full::default();
    let context = RequestContext::new(Operation::Read);
    request.extensions_mut().insert(context);
    request
}

/// All reads are parts of one, which nobody can ask for.
#[derive(Debug)]
struct Anything;

impl<B> Reads<B> for Anything {
    fn read(&self, request: &Request<B>) -> Option<Read> {
        let part = Part::new("/report/all".parse().ok()?, request.uri().path());
        Some(Read::shared().kept().part(part))
    }
}

fn is_send_sync_debug<T: Send + Sync + fmt::Debug>(_: &T) {}

/// The laws, for one layer.
macro_rules! contract {
    ($name:ident, $layer:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(start_paused = true)]
            async fn calls_the_instance_it_readied() {
                let mut service = $layer.layer(Strict::new());
                for _ in 0..3 {
                    let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await;
                    let response = ready.unwrap().call(request()).await;
                    let body = response.unwrap().into_body().collect().await.unwrap();
                    assert_eq!(body.to_bytes(), BODY);
                }
            }

            #[tokio::test(start_paused = true)]
            async fn clones_work_side_by_side() {
                let inner = Strict::new();
                let service = $layer.layer(inner.clone());
                let calls = (0..4).map(|_| service.clone().oneshot(request()));
                for response in futures_util::future::join_all(calls).await {
                    assert!(response.unwrap().status().is_success());
                }
                assert_eq!(inner.calls.load(Ordering::SeqCst), 4);
                assert_eq!(inner.in_flight.load(Ordering::SeqCst), 0);
            }

            #[tokio::test(start_paused = true)]
            async fn may_be_dropped_at_every_await() {
                let inner = Strict::new();
                let service = $layer.layer(inner.clone());
                let mut awaits = 0;
                let (mut in_readiness, mut in_call) = (false, false);
                loop {
                    let mut call = task::spawn(service.clone().oneshot(request()));
                    if (0..=awaits).any(|_| call.poll().is_ready()) {
                        break;
                    }
                    match inner.in_flight.load(Ordering::SeqCst) {
                        0 => in_readiness = true,
                        _ => in_call = true,
                    }
                    drop(call);
                    assert_eq!(inner.in_flight.load(Ordering::SeqCst), 0);
                    awaits += 1;
                }
                assert!(in_readiness && in_call, "it was dropped in both");
                // Nothing is left behind that would hold up the next ones.
                for _ in 0..20 {
                    service.clone().oneshot(request()).await.unwrap();
                }
            }

            #[tokio::test(start_paused = true)]
            async fn errors_come_through() {
                let inner = Strict::failing();
                let service = $layer.layer(inner.clone());
                let error: BoxError = service.oneshot(request()).await.unwrap_err().into();
                let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
                while let Some(error) = source {
                    if error.is::<Oops>() {
                        return;
                    }
                    source = error.source();
                }
                panic!("{error:?} does not tell of the failure inside");
            }

            #[tokio::test]
            async fn is_send_sync_and_debug() {
                let layer = $layer;
                is_send_sync_debug(&layer);
                let mut service = layer.layer(Strict::new());
                is_send_sync_debug(&service);
                let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await;
                let call = ready.unwrap().call(request());
                is_send_sync_debug(&call);
            }
        }
    };
}

contract!(
    error_classifier,
    ErrorClassifierLayer::builder(ByStatus).build().unwrap()
);
contract!(
    retry_after_header,
    RetryAfterHeaderLayer::new(Duration::from_secs(60))
);
contract!(
    throttle_alert,
    ThrottleAlertLayer::builder().build().unwrap()
);
contract!(
    jittered_backoff,
    JitteredBackoffLayer::builder().build().unwrap()
);
contract!(
    reconcile,
    ReconcileLayer::new(|_: Doubt| async { Ok(Finding::NotHappened) })
);
contract!(
    per_account_concurrency,
    PerAccountConcurrencyLayer::builder()
        .max_writes(1)
        .build()
        .unwrap()
);
contract!(
    request_pacing,
    RequestPacingLayer::builder(
        Quotas::none()
            .with_app(Quota::requests_per_second(2).and_requests_per_minute(100))
            .with_each_account_endpoint(Quota::requests_per_second(1))
    )
    .build()
    .unwrap()
);
contract!(
    token_refresh,
    TokenRefreshLayer::builder(|_: RefreshRequest| async { Token::new("next") })
        .token(Token::new("good").unwrap())
        .build()
        .unwrap()
);
contract!(
    poll_pacing,
    PollPacingLayer::builder(|_: &Request<Full<Bytes>>| {
        let spacing = Spacing::between(Duration::from_secs(1), Duration::from_secs(9));
        Some(Job::needed(spacing.unwrap()))
    })
    .build()
    .unwrap()
);
contract!(
    poll_pacing_of_no_poll,
    PollPacingLayer::builder(|_: &Request<Full<Bytes>>| None)
        .build()
        .unwrap()
);
contract!(
    report_batching,
    ServiceBuilder::new()
        .map_request(AS_READ)
        .layer(ReportBatchingLayer::builder(Anything).build().unwrap())
        .into_inner()
);
contract!(
    timeout_brake,
    ServiceBuilder::new()
        .map_request(AS_READ)
        .layer(TimeoutBrakeLayer::builder(|_| true).build().unwrap())
        .into_inner()
);
contract!(
    timeout_brake_of_no_read,
    TimeoutBrakeLayer::builder(|_| true).build().unwrap()
);
contract!(
    report_batching_of_no_read,
    ReportBatchingLayer::builder(Anything).build().unwrap()
);
contract!(
    tiktok_error_classifier,
    TikTokErrorClassifierLayer::builder().build().unwrap()
);
contract!(tiktok_request_context, TikTokRequestContextLayer::default());
contract!(tiktok_stack, TikTokLayer::builder().build());
contract!(
    tiktok_stack_with_poll_pacing,
    TikTokLayer::builder()
        .poll_pacing(PollPacingLayer::builder(TikTokJobs::new()).build().unwrap())
        .build()
);
contract!(
    tiktok_stack_with_report_batching,
    TikTokLayer::builder()
        .report_batching(
            ReportBatchingLayer::builder(TikTokReads::new())
                .build()
                .unwrap()
        )
        .build()
);
