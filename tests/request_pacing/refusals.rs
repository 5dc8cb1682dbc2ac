use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::{Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    error::DeadlineExceeded,
    extensions::{Deadline, Operation, PacedHold, RequestContext, RetryAfter},
    request_pacing::{Quota, Quotas, RequestPacingLayer, Scope, Scopes, Touched},
};

const SECOND: Duration = Duration::from_secs(1);

fn refusal(scope: ThrottleScope, window: ThrottleWindow, wait: u64) -> Response<()> {
    let throttle = Throttle::new(scope, window).with_waits([Duration::from_secs(wait)]);
    let found = Classification::new(ErrorClass::RateLimited).with_throttle(throttle);
    let mut response = Response::new(());
    response.extensions_mut().insert(found);
    response
}

fn request(account: &str, endpoint: &str) -> Request<()> {
    let context = RequestContext::new(Operation::Write)
        .with_account(account)
        .with_endpoint(endpoint);
    Request::post("/").extension(context).body(()).unwrap()
}

fn layer() -> RequestPacingLayer {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(100))
        .with_each_endpoint(Quota::requests_per_second(100));
    RequestPacingLayer::builder(quotas).build().unwrap()
}

/// Refuses the first calls, as it is told; then all is well.
async fn after(
    refuse: Vec<Response<()>>,
    layer: &RequestPacingLayer,
    requests: Vec<Request<()>>,
) -> Vec<Result<(Response<()>, u64), BoxError>> {
    let start = Instant::now();
    let refuse = Arc::new(refuse);
    let calls = Arc::new(AtomicU32::new(0));
    let client = layer.layer(service_fn(move |_: Request<()>| {
        let n = calls.fetch_add(1, Ordering::Relaxed) as usize;
        let answer = refuse.get(n).cloned().unwrap_or_else(|| Response::new(()));
        async move {
            sleep(Duration::from_millis(100)).await;
            Ok::<_, Infallible>(answer)
        }
    }));
    let sent = requests.into_iter().enumerate().map(|(n, request)| {
        let client = client.clone();
        async move {
            // One after another, and all before the first answer but the rest.
            sleep(Duration::from_millis(60 * n as u64)).await;
            let response = client.oneshot(request).await?;
            Ok((response, start.elapsed().as_secs()))
        }
    });
    join_all(sent).await
}

fn ends(answers: Vec<Result<(Response<()>, u64), BoxError>>) -> Vec<u64> {
    answers
        .into_iter()
        .map(|answer| answer.unwrap().1)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_closes_the_scope_that_it_names_and_no_other() {
    let refuse = vec![refusal(
        ThrottleScope::AppEndpoint,
        ThrottleWindow::Minute,
        300,
    )];
    let requests = vec![
        request("1", "/a"),
        request("1", "/b"),
        request("2", "/a"),
        request("2", "/b"),
    ];
    let layer = layer();
    assert_eq!(ends(after(refuse, &layer, requests).await), [0, 0, 300, 0]);
}

/// The account stands in a field whose values have limits that nobody knows.
struct Fields;

impl Scopes for Fields {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        let context = context.unwrap();
        let value = context.account().unwrap().as_str();
        let all = Touched::none().account_endpoint(context).endpoint(context);
        all.field_value(value).app()
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        (*scope == Scope::app()).then(|| Quota::requests_per_second(100))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_value_closes_that_value_and_no_other() {
    let layer = RequestPacingLayer::builder(Fields).build().unwrap();
    let refuse = refusal(ThrottleScope::FieldValue, ThrottleWindow::Minute, 300);
    let requests = vec![
        request("1", "/a"),
        request("2", "/a"),
        request("2", "/a"),
        request("1", "/b"),
        request("2", "/b"),
    ];
    let ends = ends(after(vec![refuse], &layer, requests).await);
    assert_eq!(ends, [0, 0, 0, 300, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_app_closes_all() {
    let refuse = vec![refusal(ThrottleScope::App, ThrottleWindow::Minute, 300)];
    let requests = vec![
        request("1", "/a"),
        request("1", "/b"),
        request("2", "/a"),
        request("2", "/b"),
    ];
    let layer = layer();
    assert_eq!(
        ends(after(refuse, &layer, requests).await),
        [0, 0, 300, 300]
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_tells_that_pacing_keeps_it_back() {
    let refuse = vec![refusal(ThrottleScope::App, ThrottleWindow::Minute, 300)];
    let layer = layer();
    let start = Instant::now();
    let answers = after(refuse, &layer, vec![request("1", "/a")]).await;
    let (response, _) = answers.into_iter().next().unwrap().unwrap();
    let hold = response.extensions().get::<PacedHold>().unwrap();
    assert_eq!((hold.instant() - start).as_millis(), 300_100);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_a_scope_that_is_not_counted_holds_nothing() {
    let refuse = vec![refusal(
        ThrottleScope::AccountEndpoint,
        ThrottleWindow::Second,
        1,
    )];
    let layer = layer();
    let answers = after(refuse, &layer, vec![request("1", "/a")]).await;
    let (response, _) = answers.into_iter().next().unwrap().unwrap();
    assert!(response.extensions().get::<PacedHold>().is_none());
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed() {
    let mut refused = refusal(ThrottleScope::App, ThrottleWindow::Second, 1);
    refused
        .extensions_mut()
        .insert(RetryAfter::new(Duration::from_secs(20)));
    let requests = vec![request("1", "/a"), request("1", "/a"), request("1", "/a")];
    let layer = layer();
    assert_eq!(
        ends(after(vec![refused], &layer, requests).await),
        [0, 0, 20]
    );
}

#[tokio::test(start_paused = true)]
async fn who_would_miss_the_deadline_hears_of_it_at_once() {
    let refuse = vec![refusal(ThrottleScope::App, ThrottleWindow::Minute, 300)];
    let layer = layer();
    let start = Instant::now();
    let mut late = request("1", "/a");
    late.extensions_mut()
        .insert(Deadline::within(Duration::from_secs(200)));
    let requests = vec![request("1", "/a"), request("1", "/a"), late];
    let mut answers = after(refuse, &layer, requests).await;
    let error = answers.pop().unwrap().unwrap_err();
    let error = error.downcast_ref::<DeadlineExceeded>().unwrap();
    let earliest = error.earliest().unwrap() - start;
    assert_eq!(earliest.as_millis(), 300_100);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_already_hears_of_it_when_the_scope_closes() {
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(1))
        .build()
        .unwrap();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    client.clone().oneshot(request("1", "/a")).await.unwrap();
    let mut late = request("1", "/a");
    late.extensions_mut()
        .insert(Deadline::within(Duration::from_secs(200)));
    let waiting = tokio::spawn(client.oneshot(late));
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    layer
        .handle()
        .hold_until(Scope::app(), start + Duration::from_secs(300));
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

fn refusing(
    throttle: Option<Throttle>,
) -> impl Service<Request<()>, Response = Response<()>, Error = Infallible, Future: Send> + Clone {
    service_fn(move |_: Request<()>| {
        let mut found = Classification::new(ErrorClass::RateLimited);
        if let Some(throttle) = throttle.clone() {
            found = found.with_throttle(throttle);
        }
        let mut response = Response::new(());
        response.extensions_mut().insert(found);
        async { Ok::<_, Infallible>(response) }
    })
}

#[tokio::test(start_paused = true)]
async fn scopes_that_were_refused_once_are_forgotten() {
    let quotas = Quotas::none().with_each_account_endpoint(Quota::requests_per_second(5));
    let layer = RequestPacingLayer::builder(quotas).build().unwrap();
    let throttle = Throttle::new(ThrottleScope::AccountEndpoint, ThrottleWindow::Second);
    let refuse = layer.layer(refusing(Some(throttle.with_waits([SECOND]))));
    for n in 0..500 {
        let request = request(&n.to_string(), "/a");
        refuse.clone().oneshot(request).await.unwrap();
    }
    sleep(SECOND * 7_200).await;
    let well = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(()))
    }));
    for _ in 0..500 {
        well.clone().oneshot(request("z", "/a")).await.unwrap();
    }
    let left = layer.handle().snapshot().scopes().len();
    assert!(left < 20, "{left} scopes are left");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_kept_back_no_hold_is_claimed() {
    use ThrottleWindow::{Minute, Second, Unknown};
    let of = |window| Some(Throttle::new(ThrottleScope::App, window));
    for throttle in [of(Second), of(Minute), of(Unknown), None] {
        for quota in [
            Quota::requests_per_minute(1_000),
            Quota::requests_per_second(1_000),
        ] {
            let layer = RequestPacingLayer::builder(quota).build().unwrap();
            let refuse = layer.layer(refusing(throttle.clone()));
            let response = refuse.oneshot(request("x", "/a")).await.unwrap();
            assert_eq!(response.extensions().get::<PacedHold>(), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_full_keeps_the_refused_one_back() {
    let quota = Quota::requests_per_second(1);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Second);
    let refuse = layer.layer(refusing(Some(throttle.with_waits([SECOND]))));
    let response = refuse.oneshot(request("x", "/a")).await.unwrap();
    let hold = response.extensions().get::<PacedHold>();
    assert_eq!(hold.map(PacedHold::instant), Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_an_end_closes() {
    let quota = Quota::requests_per_minute(1_000);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Day);
    let refuse = layer.layer(refusing(Some(throttle.with_waits([Duration::MAX]))));
    refuse.clone().oneshot(request("x", "/a")).await.unwrap();
    let again = timeout(SECOND * 1_000_000, refuse.oneshot(request("x", "/a")));
    assert!(again.await.is_err());
}
