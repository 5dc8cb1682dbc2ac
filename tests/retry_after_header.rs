//! `RetryAfterHeader`: what it leaves, what it logs, and that it changes
//! nothing else.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use proptest::prelude::*;
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_test::mock;
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::{
        Attempt, Operation, RateLimitPolicy, RateLimitStatus, RequestContext, RetryAfter,
    },
    retry_after_header::{LimitHeaders, ResponseFuture, RetryAfterHeader, RetryAfterHeaderLayer},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{layer, layer::SubscriberExt};

const MAX: Duration = Duration::from_secs(3600);

type Lines<'a> = [(&'static str, &'a str)];

fn answer(status: u16, lines: &Lines<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, line) in lines {
        let line = HeaderValue::from_bytes(line.as_bytes()).expect("no control character");
        response.headers_mut().append(*name, line);
    }
    response
}

async fn pass(request: Request<()>, response: Response<()>) -> Response<()> {
    let mut response = Some(response);
    RetryAfterHeaderLayer::new(MAX)
        .layer(service_fn(move |_: Request<()>| {
            let response = response.take().expect("one call");
            async move { Ok::<_, Infallible>(response) }
        }))
        .oneshot(request)
        .await
        .expect("infallible")
}

/// The wait that is left, in seconds.
async fn wait_of(response: Response<()>) -> Option<f64> {
    let response = pass(Request::new(()), response).await;
    let wait = response.extensions().get::<RetryAfter>();
    wait.map(|wait| wait.delay().as_secs_f64())
}

async fn limits_of(response: Response<()>) -> Vec<RateLimitPolicy> {
    let response = pass(Request::new(()), response).await;
    let status = response.extensions().get::<RateLimitStatus>();
    status.map_or_else(Vec::new, |status| status.policies().to_vec())
}

fn classified(mut response: Response<()>, classification: Classification) -> Response<()> {
    response.extensions_mut().insert(classification);
    response
}

// ===== what is left behind =====

#[tokio::test]
async fn seconds_and_dates_leave_the_wait() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (line, wait) in [
        ("120", 120.0),
        ("1.5", 2.0),
        ("30, 120, 60", 120.0),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120.0),
        ("Sunday, 06-Nov-94 08:51:37 GMT", 120.0),
        ("Sun Nov  6 08:51:37 1994", 120.0),
        ("5, Sun, 06 Nov 1994 08:51:37 GMT", 120.0),
    ] {
        let found = wait_of(answer(503, &[date, ("retry-after", line)])).await;
        assert_eq!(found, Some(wait), "{line}");
    }
    let lines = [
        ("retry-after", "30"),
        ("retry-after", "soon"),
        ("retry-after", "60"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0));
}

#[tokio::test]
async fn the_servers_own_date_corrects_its_clock() {
    // Its clock is decades late, and the wait is right all the same.
    let lines = [
        ("date", "Thu, 01 Jan 1998 00:00:00 GMT"),
        ("retry-after", "Thu, 01 Jan 1998 00:01:00 GMT"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0));
}

#[tokio::test]
async fn without_its_date_ours_is_taken() {
    let age = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let later = SystemTime::UNIX_EPOCH + age + Duration::from_secs(600);
    let later = httpdate::fmt_http_date(later);
    for clock in ["", "yesterday"] {
        let lines = [("date", clock), ("retry-after", &*later)];
        let wait = wait_of(answer(429, &lines)).await.unwrap();
        // A date has whole seconds, and the test itself takes time.
        assert!((540.0..=600.0).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn no_wait_is_longer_than_the_cap() {
    let none_left = ("x-ratelimit-remaining", "0");
    for line in [
        ("retry-after", "99999999999999999999999999"),
        ("retry-after", "86400"),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("ratelimit", r#""a";r=0;t=999999999999999"#),
        ("x-ratelimit-reset", "9223372036854775807"),
        ("x-ratelimit-reset", "99999999999999d"),
        ("x-ratelimit-reset", "9999-12-31T23:59:59Z"),
    ] {
        let response = pass(Request::new(()), answer(429, &[none_left, line])).await;
        let wait = response.extensions().get::<RetryAfter>().unwrap();
        assert_eq!(wait.delay(), MAX, "{line:?}");
        let status = response.extensions().get::<RateLimitStatus>().unwrap();
        let mut resets = status.policies().iter().map(|policy| policy.reset);
        assert!(resets.all(|reset| reset <= Some(MAX)), "{line:?}");
    }
}

#[tokio::test]
async fn a_cap_of_zero_believes_no_wait() {
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(answer(429, &[("retry-after", "5")]))
    });
    let service = RetryAfterHeader::new(inner, Duration::ZERO);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.extensions().get::<RetryAfter>(), None);
}

#[tokio::test]
async fn zero_and_a_past_date_set_no_floor() {
    for line in ["0", "0.0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        // They still take precedence over a reset.
        let lines = [("retry-after", line), ("ratelimit", r#""a";r=0;t=30"#)];
        assert_eq!(wait_of(answer(429, &lines)).await, None, "{line}");
    }
}

#[tokio::test]
async fn what_is_malformed_counts_as_absent() {
    for line in [
        "",
        "soon",
        "-5",
        "NaN",
        "inf",
        "1e3",
        "0x10",
        ",",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "\u{e9}",
        "12\u{fc}",
    ] {
        let lines = [("retry-after", line), ("ratelimit", r#""a";r=0;t=30"#)];
        assert_eq!(wait_of(answer(429, &lines[..1])).await, None, "{line}");
        assert_eq!(wait_of(answer(429, &lines)).await, Some(30.0), "{line}");
    }
    let mut response = answer(429, &[]);
    let bytes = HeaderValue::from_bytes(b"\xff\xfe12").unwrap();
    for name in [
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-reset",
        "date",
    ] {
        response.headers_mut().insert(name, bytes.clone());
    }
    assert_eq!(wait_of(response).await, None);
}

#[tokio::test]
async fn retry_after_takes_precedence_over_every_reset() {
    let lines = [
        ("ratelimit", r#""a";r=0;t=300"#),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "600"),
        ("retry-after", "7"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(7.0));
    assert_eq!(wait_of(answer(429, &lines[..3])).await, Some(600.0));
}

#[tokio::test]
async fn a_reset_is_a_wait_for_a_refusal_only() {
    let lines = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")];
    for status in [200, 302, 400, 500] {
        assert_eq!(wait_of(answer(status, &lines)).await, None, "{status}");
        assert_eq!(limits_of(answer(status, &lines)).await.len(), 1, "{status}");
    }
    for status in [429, 503] {
        assert_eq!(
            wait_of(answer(status, &lines)).await,
            Some(60.0),
            "{status}"
        );
    }
    // The classifier knows better than the status.
    let limited = Classification::new(ErrorClass::RateLimited);
    let response = classified(answer(200, &lines), limited);
    assert_eq!(wait_of(response).await, Some(60.0));
    let permanent = Classification::new(ErrorClass::Permanent);
    let response = classified(answer(429, &lines), permanent);
    assert_eq!(wait_of(response).await, None);
}

#[tokio::test]
async fn a_limit_with_something_left_is_no_wait() {
    let reset = ("x-ratelimit-reset", "60");
    for line in [
        ("x-ratelimit-remaining", "1"),
        ("x-ratelimit-limit", "1"),
        ("ratelimit", r#""a";r=1;t=60"#),
        ("ratelimit", r#""a";r=0"#),
    ] {
        let wait = wait_of(answer(429, &[line, reset])).await;
        assert_eq!(wait, None, "{line:?}");
    }
}

#[tokio::test]
async fn any_answer_with_retry_after_carries_it() {
    for status in [200, 202, 302, 413, 429, 500, 503] {
        let wait = wait_of(answer(status, &[("retry-after", "5")])).await;
        assert_eq!(wait, Some(5.0), "{status}");
    }
}

#[tokio::test]
async fn limits_are_left_on_success_too() {
    let lines = [
        (
            "ratelimit-policy",
            r#""burst";q=100;w=60,"daily";q=1000;w=86400"#,
        ),
        (
            "ratelimit-policy",
            r#""bytes";q=65535;qu="content-bytes";w=10"#,
        ),
        ("ratelimit", r#""daily";r=50;t=30"#),
        ("x-ratelimit-limit", "5000"),
    ];
    let limits = limits_of(answer(200, &lines)).await;
    let row = |p: &RateLimitPolicy| (p.name.clone(), p.limit, p.remaining, p.window, p.reset);
    let rows: Vec<_> = limits.iter().map(row).collect();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let (burst, daily) = (Some("burst".into()), Some("daily".into()));
    let expected = [
        (burst, Some(100), None, seconds(60), None),
        (daily, Some(1000), Some(50), seconds(86_400), seconds(30)),
        (None, Some(5000), None, None, None),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_limit_in_bytes_is_a_wait_but_no_status() {
    let lines = [
        (
            "ratelimit-policy",
            r#""bytes";q=65535;qu="content-bytes";w=10"#,
        ),
        ("ratelimit", r#""bytes";r=0;t=10"#),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(10.0));
    assert_eq!(limits_of(answer(429, &lines)).await, []);
}

#[tokio::test]
async fn the_usual_dialects_are_understood() {
    // In Unix time, 1700000000.
    let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
    for (remaining, reset, line) in [
        ("ratelimit-remaining", "ratelimit-reset", "60"),
        ("x-ratelimit-remaining", "x-ratelimit-reset", "1700000060"),
        (
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "1700000060000",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-reset", "1700000060.0"),
        (
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
            "2023-11-14T22:14:20Z",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-reset-after", "60.0"),
        (
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
            "1m0s",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-retry-after", "60"),
        ("x-none", "x-rate-limit-retry-after-seconds", "60"),
        ("x-none", "retry-after-ms", "60000"),
    ] {
        let lines = [date, (remaining, "0"), (reset, line)];
        assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0), "{lines:?}");
        assert_eq!(wait_of(answer(200, &lines)).await, None, "{lines:?}");
    }
}

#[tokio::test]
async fn an_answer_that_tells_nothing_gets_nothing() {
    let lines = [("content-type", "application/json"), ("x-request-id", "1")];
    for status in [200, 404, 429, 500, 503] {
        let response = pass(Request::new(()), answer(status, &lines)).await;
        assert!(response.extensions().is_empty(), "{status}");
    }
}

// ===== what is logged =====

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Debug)]
struct Entry {
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber> layer::Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut entry = Entry {
            level: *event.metadata().level(),
            fields: BTreeMap::new(),
        };
        event.record(&mut entry);
        self.0.lock().expect("no panic").push(entry);
    }
}

/// Lets this thread's subscriber hear all events. While it is the only one in
/// the process, tracing asks the thread that comes first to an event whether
/// anybody listens, and keeps the answer for all; that may be another test.
fn listen() {
    static GLOBAL: std::sync::Once = std::sync::Once::new();
    GLOBAL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry())
            .expect("nobody else sets one");
    });
}

/// What is logged when `request` gets `response`.
async fn log_of(request: Request<()>, response: Response<()>) -> Vec<Entry> {
    listen();
    let log = Log::default();
    let subscriber = tracing_subscriber::registry().with(log.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    pass(request, response).await;
    drop(guard);
    log.0.lock().expect("no panic").clone()
}

/// A request with a secret in every place that can hold one.
fn request() -> Request<()> {
    let mut request =
        Request::post("https://user:SECRET@api.test/items/4711/?token=SECRET&x=QUERY")
            .header("authorization", "Bearer SECRET")
            .header("x-api-token", "SECRET")
            .header("cookie", "SECRET")
            .body(())
            .expect("well formed");
    let context = RequestContext::new(Operation::Write)
        .with_account("ACCOUNT")
        .with_endpoint("/items/{id}/");
    request.extensions_mut().insert(context);
    request
}

fn throttled(wait: Duration) -> Classification {
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown).with_waits([wait]);
    Classification::new(ErrorClass::RateLimited).with_throttle(throttle)
}

#[tokio::test]
async fn a_refusal_is_logged_with_all_that_support_asks_for() {
    let mut request = request();
    let attempt = Attempt::new(3, Instant::now());
    request.extensions_mut().insert(attempt);
    let lines = [("retry-after", "2"), ("x-request-id", "of the header")];
    let classification = throttled(Duration::from_millis(1500))
        .with_code(40_100)
        .with_message("a message may quote the request: SECRET")
        .with_request_id("of the body")
        .with_log_id("L-1");
    let entries = log_of(request, classified(answer(200, &lines), classification)).await;

    assert_eq!(entries.len(), 1);
    let fields: Vec<_> = entries[0].fields.iter().collect();
    let expected = [
        ("code", "40100"),
        ("error.type", "\"rate_limited\""),
        ("http.request.method", "\"POST\""),
        ("http.request.resend_count", "2"),
        ("http.response.status_code", "200"),
        ("log_id", "\"L-1\""),
        ("message", "the server asks to slow down"),
        ("request_id", "\"of the body\""),
        ("url.template", "\"/items/{id}/\""),
        ("wait_ms", "2000"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let expected: Vec<_> = expected.iter().map(|(name, value)| (name, value)).collect();
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn no_secret_reaches_the_log() {
    let lines = [
        ("retry-after", "2"),
        ("set-cookie", "SECRET"),
        ("location", "/?token=SECRET"),
        ("x-ratelimit-limit", "SECRET"),
        ("x-api-token", "SECRET"),
    ];
    let mut without_context = request();
    without_context.extensions_mut().clear();
    for request in [request(), without_context] {
        for status in [200, 429, 503] {
            let entries = log_of(request.clone(), answer(status, &lines)).await;
            assert_eq!(entries.len(), 1, "{status}");
            let text = format!("{entries:?}");
            for secret in ["SECRET", "QUERY", "4711", "ACCOUNT", "Bearer"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_without_any_header_is_logged() {
    let wait = Duration::from_secs(300);
    let entries = log_of(request(), classified(answer(200, &[]), throttled(wait))).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].fields["wait_ms"], "300000");

    // The longer of the two is logged.
    let response = answer(200, &[("retry-after", "400")]);
    let entries = log_of(request(), classified(response, throttled(wait))).await;
    assert_eq!(entries[0].fields["wait_ms"], "400000");

    // Nothing is known, and it is logged all the same.
    let entries = log_of(Request::new(()), answer(429, &[])).await;
    let fields: Vec<_> = entries[0].fields.keys().copied().collect();
    let known = [
        "error.type",
        "http.request.method",
        "http.request.resend_count",
        "http.response.status_code",
        "message",
    ];
    assert_eq!(fields, known);
    assert_eq!(entries[0].fields["http.request.resend_count"], "0");
}

#[tokio::test]
async fn ids_in_headers_are_logged_where_the_body_gives_none() {
    let lines = [("x-request-id", "R-1"), ("x-vendor-logid", "L-1")];
    let entries = log_of(request(), answer(429, &lines)).await;
    assert_eq!(entries[0].fields["request_id"], "\"R-1\"");
    assert_eq!(entries[0].fields["log_id"], "\"L-1\"");

    let long = "x".repeat(5000);
    let entries = log_of(request(), answer(429, &[("x-request-id", &long)])).await;
    assert!(!entries[0].fields.contains_key("request_id"));
}

#[tokio::test]
async fn a_refusal_is_information_and_unfinished_work_is_not() {
    for (attempt, status, level) in [
        (1, 202, Level::DEBUG),
        (1, 429, Level::INFO),
        (1, 503, Level::INFO),
        (2, 429, Level::INFO),
        (2, 202, Level::DEBUG),
    ] {
        let mut request = request();
        let attempt = Attempt::new(attempt, Instant::now());
        request.extensions_mut().insert(attempt);
        let entries = log_of(request, answer(status, &[("retry-after", "1")])).await;
        assert_eq!(entries[0].level, level, "{attempt:?} {status}");
    }
}

#[tokio::test]
async fn what_touches_no_limit_is_not_logged() {
    let limits = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")];
    for (status, lines) in [
        (200, &limits[..]),
        (200, &[]),
        (404, &limits),
        (500, &limits),
        (503, &[]),
    ] {
        let entries = log_of(request(), answer(status, lines)).await;
        assert_eq!(entries.len(), 0, "{status} {lines:?}");
    }
    for status in [429, 503] {
        let entries = log_of(request(), answer(status, &limits)).await;
        assert_eq!(entries.len(), 1, "{status}");
    }
}

// ===== what stays as it was =====

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

// ===== anything a server may send =====

fn name() -> impl Strategy<Value = HeaderName> {
    "date|(x-)?retry-after(-ms)?|(x-)?rate-?limit(-(policy|limit|remaining|reset(-after|-ms)?|retry-after))?"
        .prop_map(|name| name.parse().expect("a name"))
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let allowed = any::<u8>().prop_filter("a control", |byte| *byte >= 32 && *byte != 127);
    let text = prop_oneof![
        "[0-9.eE+-]{0,30}",
        r#"("[ab]"(;(q|w|r|t|qu|pk)=([0-9]{1,16}|"[a-z]{0,3}"|:[A-Z=]{0,4}:)){0,4}, ?){0,3}"a";r=0;t=[0-9]{1,16}"#,
        "(Mon|Sunday|Fri), [0-9]{2}[ -](Nov|Feb)[ -]([0-9]{2}){1,2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})",
        "([0-9]{1,25}(d|h|m|s|ms)){1,3}",
    ];
    prop_oneof![
        prop::collection::vec(allowed, 0..60),
        text.prop_map(String::into_bytes)
    ]
    .prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("no control character"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_headers_panic_and_no_wait_is_beyond_the_cap(
        lines in prop::collection::vec((name(), value()), 0..12),
        now in 0_u64..1 << 56,
        max in any::<u64>(),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        let max = Duration::from_nanos(max);
        let found = LimitHeaders::read(&headers, now, max);
        let delay = |wait: Option<RetryAfter>| wait.map(|wait| wait.delay());
        for wait in [found.retry_after(), found.reset(), delay(found.wait(true)), delay(found.wait(false))] {
            prop_assert!(wait <= Some(max));
        }
        let policies = found.status().map_or(&[][..], RateLimitStatus::policies);
        prop_assert!(policies.iter().all(|policy| policy.reset <= Some(max)));
        prop_assert!(policies.len() <= 16);
        prop_assert!(found.is_empty() || LimitHeaders::are_in(&headers));
    }
}
