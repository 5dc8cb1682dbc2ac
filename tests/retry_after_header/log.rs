//! What is logged, and what must not be.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::Instant;
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::{Attempt, Operation, RequestContext},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{layer, layer::SubscriberExt};

use crate::{
    listen::listen,
    support::{answer, classified, pass},
};

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
