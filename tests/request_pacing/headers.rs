//! Headers that tell of limits before these are reached.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Pending, join_all, pending};
use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, task};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tiktok::{
    request_pacing::{Quota, RequestPacingLayer, Scope},
    retry_after_header::RetryAfterHeaderLayer,
};

/// Sends a request, and when that is answered so many more at once, to a
/// server that sends these headers. Returns after how many seconds each of
/// them was sent.
async fn sent(
    layer: RequestPacingLayer,
    policy: &'static str,
    limit: &'static str,
    more: u64,
) -> Vec<u64> {
    let headers = [("ratelimit-policy", policy), ("ratelimit", limit)];
    sent_after(layer, headers, more, async {}).await
}

/// The same, when something has happened after the first.
async fn sent_after<const N: usize>(
    layer: RequestPacingLayer,
    headers: [(&'static str, &'static str); N],
    more: u64,
    happens: impl Future<Output = ()>,
) -> Vec<u64> {
    let start = Instant::now();
    let calls = Arc::new(AtomicU64::new(0));
    let client = ServiceBuilder::new()
        .layer(layer)
        .layer(RetryAfterHeaderLayer::new(Duration::from_secs(60)))
        .service(service_fn(move |_: Request<()>| {
            let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let mut response = Response::new(start.elapsed().as_secs());
            if first {
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
            }
            async move { Ok::<_, Infallible>(response) }
        }));
    client.clone().oneshot(Request::new(())).await.unwrap();
    happens.await;
    let more = (0..more).map(|_| client.clone().oneshot(Request::new(())));
    let answers = join_all(more).await.into_iter();
    answers.map(|answer| answer.unwrap().into_body()).collect()
}

fn layer(requests: u32) -> RequestPacingLayer {
    let quota = Quota::requests_per_second(requests).and_requests_per_minute(600);
    RequestPacingLayer::builder(quota).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_all_that_goes_before_the_reset() {
    let minute = r#""minute";q=600;w=60"#;
    let sent = sent(layer(10), minute, r#""minute";r=3;t=30"#, 6).await;
    assert_eq!(sent, [0, 0, 0, 30, 30, 30]);
}

#[tokio::test(start_paused = true)]
async fn so_it_is_with_the_older_headers() {
    let left = [
        ("x-ratelimit-limit", "600"),
        ("x-ratelimit-remaining", "3"),
        ("x-ratelimit-reset", "30"),
    ];
    let sent = sent_after(layer(10), left, 6, async {}).await;
    assert_eq!(sent, [0, 0, 0, 30, 30, 30]);
    let lower = [("x-ratelimit-limit", "2;w=1")];
    let sent = sent_after(layer(10), lower, 5, async {}).await;
    assert_eq!(sent, [0, 1, 1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_gives_no_more_room_than_there_is() {
    let minute = r#""minute";q=6000;w=60"#;
    let sent = sent(layer(2), minute, r#""minute";r=6000;t=60"#, 3).await;
    assert_eq!(sent, [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_is_kept_from_then_on() {
    let layer = layer(10);
    let handle = layer.handle();
    let burst = r#""burst";q=2;w=1"#;
    let sent = sent(layer, burst, r#""burst";r=2"#, 5).await;
    assert_eq!(sent, [0, 1, 1, 2, 2]);
    let windows = handle
        .snapshot()
        .scope(&Scope::app())
        .unwrap()
        .windows
        .clone();
    assert_eq!(windows[0].requests, 2);
    assert_eq!(windows[1].requests, 600);
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_changes_nothing() {
    let burst = r#""burst";q=1000;w=1"#;
    let sent = sent(layer(2), burst, r#""burst";r=999;t=1"#, 3).await;
    assert_eq!(sent, [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_held_for_years() {
    let burst = r#""burst";q=10;w=1"#;
    let sent_soon = sent(layer(10), burst, r#""burst";r=0;t=999999999"#, 1).await;
    assert_eq!(sent_soon, [1]);
    let nameless = sent(layer(10), "", r#""other";r=0;t=999999999"#, 1).await;
    assert!(nameless[0] <= 86_400, "{nameless:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_goes_to_those_who_queue_for_it() {
    let minute = r#""minute";q=600;w=60"#;
    let sent = sent(layer(1), minute, r#""minute";r=3;t=60"#, 4).await;
    assert_eq!(sent, [1, 2, 3, 60]);
}

#[derive(Clone)]
struct Never;

impl Service<Request<()>> for Never {
    type Response = Response<u64>;
    type Error = BoxError;
    type Future = Pending<Result<Response<u64>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        pending()
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_still_left() {
    let layer = layer(10);
    let never = layer.layer(Never);
    let headers = [
        ("ratelimit-policy", r#""minute";q=600;w=60"#),
        ("ratelimit", r#""minute";r=3;t=60"#),
    ];
    let given_up = async {
        sleep(Duration::from_secs(2)).await;
        for _ in 0..3 {
            let mut call = task::spawn(never.clone().call(Request::new(())));
            assert_pending!(call.poll());
        }
    };
    let sent = sent_after(layer, headers, 4, given_up).await;
    assert_eq!(sent, [2, 2, 2, 60]);
}
