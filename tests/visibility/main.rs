//! What a user sees of a run, and what nobody must see.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

#[path = "../support/listen.rs"]
mod listen;
mod record;

use std::{collections::BTreeSet, convert::Infallible, fmt::Debug, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderName, Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tiktok::{
    classify::ErrorClass,
    reconcile::ReconcileLayer,
    request_pacing::{Quota, RequestPacingLayer},
    simulator::{Fault, Faults, Level, Script, Simulator},
    throttle_alert::ThrottleAlertLayer,
    tiktok::{AccessLevel, TikTokErrorClassifierLayer, TikTokLayer, reconcile::ReadBackByName},
    token_refresh::{RefreshError, RefreshRequest, Token, TokenRefreshLayer},
};
use tracing::Level as LogLevel;

use crate::record::{Entry, Record};

const TOKEN: &str = "act.TOKEN-d41d8cd9";
const OLD_TOKEN: &str = "act.TOKEN-5ec1a4b7";
/// Of the app, in the text of an error.
const SECRET: &str = "SECRET-1b7e33a0";
const QUERY: &str = "QUERY-8f00b204";
const BODY: &str = "BODY-e9800998";
/// The codes of a call that a limit refused.
const REFUSED: [i64; 4] = [40_016, 40_100, 40_132, 40_133];

fn account(n: usize) -> String {
    format!("70551{n:06}")
}

fn request(n: usize) -> Request<Full<Bytes>> {
    let account = account(n % 12);
    let (request, body) = if n.is_multiple_of(3) {
        let uri = format!("https://api.test/open_api/v1.3/campaign/create/?secret={QUERY}");
        let body = format!(
            r#"{{"advertiser_id":"{account}","campaign_name":"{BODY} {n}","objective_type":"TRAFFIC"}}"#
        );
        let request = Request::post(uri).header("content-type", "application/json");
        (request, body)
    } else {
        let uri = format!(
            "https://api.test/open_api/v1.3/campaign/get/?advertiser_id={account}&secret={QUERY}"
        );
        (Request::get(uri), String::new())
    };
    let request = request.header("access-token", TOKEN);
    request.body(Full::from(body)).unwrap()
}

/// A client that takes its application for a better one than it is, and without
/// pacing for one without limits. Returns the `Debug` output of all that there is.
async fn run(simulator: &Simulator, requests: usize, paces: bool) -> String {
    let mut shown = String::new();
    let mut show = |it: &dyn Debug| shown.push_str(&format!("{it:?}\n"));
    let alerts = ThrottleAlertLayer::builder().build().unwrap();
    let handle = alerts.handle();
    // The first token has expired, and the source is in trouble for a while.
    let begin = Instant::now();
    let tokens = move |_: RefreshRequest| async move {
        match begin.elapsed().as_secs() {
            0..5 => Err(RefreshError::passing("come again")),
            _ => Token::new(TOKEN).map_err(RefreshError::refused),
        }
    };
    let tokens = TokenRefreshLayer::builder(tokens)
        .header(HeaderName::from_static("access-token"), "")
        .token(Token::new(OLD_TOKEN).unwrap().expires_in(Duration::ZERO))
        .build()
        .unwrap();
    let token_handle = tokens.handle();
    let layer = TikTokLayer::builder()
        .alerts(alerts)
        .tokens(tokens)
        .reconcile(ReconcileLayer::new(ReadBackByName::new()));
    let layer = match paces {
        true => layer.access_level(AccessLevel::Advanced).build(),
        false => layer.no_pacing().build(),
    };
    show(&layer);
    let client = layer.layer(simulator.clone());
    show(&client);
    let mut ready = client.clone();
    let call = ServiceExt::<Request<Full<Bytes>>>::ready(&mut ready).await;
    show(&call.unwrap().call(request(0)));
    let calls = stream::iter(0..requests).map(|n| client.clone().oneshot(request(n)));
    let mut answers = calls.buffer_unordered(100);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => show(&answer.map(drop)),
            Err(error) => {
                show(&error);
                show(&error.to_string());
            }
        }
    }
    sleep(Duration::from_secs(1_200)).await;
    show(&handle.alerts());
    show(&token_handle.states());
    show(&handle);
    show(&layer.pacing_handle().snapshot());
    show(&layer.concurrency_handle().snapshot());
    show(&client);
    shown
}

fn busy() -> Simulator {
    Simulator::builder()
        .level(Level::Basic)
        .advertiser_qps(Some(3))
        .faults(Faults::mixed())
        .remember_answers(1_000_000)
        .seed(7)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_throttle_is_in_the_log_with_the_id_that_the_server_gave() {
    let (record, _guard) = Record::begin();
    let simulator = busy();
    run(&simulator, 600, false).await;

    let ledger = simulator.ledger();
    let issued = ledger.answers.iter();
    let issued = issued.filter(|answer| REFUSED.contains(&answer.code));
    let issued: BTreeSet<_> = issued.map(|answer| answer.request_id.clone()).collect();
    assert_eq!(issued.len() as u64, ledger.total.refused.total());
    assert!(issued.len() > 50, "{}", issued.len());

    let seen = record.seen();
    let logged: Vec<_> = seen.events("the server asks to slow down").collect();
    assert_eq!(logged.len(), issued.len(), "each once");
    let logged: BTreeSet<_> = logged.into_iter().flat_map(ids).collect();
    assert!(issued.is_subset(&logged));
}

/// The id is in a header; mostly in the body as well.
fn ids(event: &Entry) -> impl Iterator<Item = String> {
    let ids = ["request_id", "log_id"].map(|id| event.field(id).map(String::from));
    ids.into_iter().flatten()
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_is_an_error_is_in_the_log_with_its_id() {
    let (record, _guard) = Record::begin();
    let simulator = busy();
    run(&simulator, 600, false).await;

    let ledger = simulator.ledger();
    let seen = record.seen();
    let logged: BTreeSet<_> = seen.events.iter().flat_map(ids).collect();
    let errors = ledger.answers.iter().filter(|answer| answer.code != 0);
    // Some are never told: the connection breaks.
    let missing = errors.clone().filter(|it| !logged.contains(&it.request_id));
    let lost = ledger.total.lost_answers as usize;
    let (missing, errors) = (missing.count(), errors.count());
    assert!(
        errors > 60 && missing <= lost,
        "{missing} of {errors}, {lost} lost"
    );
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_the_log_or_in_what_debug_shows() {
    let (record, _guard) = Record::begin();
    let shown = run(&busy(), 600, true).await + &run(&busy(), 600, false).await;
    let seen = record.seen();
    let logged = format!("{:?}", seen);
    assert!(logged.contains("campaign/create") && shown.len() > 10_000);
    // The token layer shows which header it fills, and nobody a header's value.
    for secret in [
        TOKEN,
        OLD_TOKEN,
        QUERY,
        BODY,
        "TOKEN",
        "access-token\":",
        "?secret",
    ] {
        assert!(!logged.contains(secret), "{secret} in the log");
        assert!(!shown.contains(secret), "{secret} in debug output");
    }
    assert!(!logged.contains("access-token"));
    // Nor are the accounts in the log, which the query names.
    for n in 0..12 {
        assert!(!logged.contains(&account(n)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_token_source_says_is_not_in_the_log() {
    let (record, _guard) = Record::begin();
    for refused in [true, false] {
        let source = move |_: RefreshRequest| async move {
            let text = format!("POST /oauth/?secret={SECRET}");
            Err(match refused {
                true => RefreshError::refused(text),
                false => RefreshError::passing(text),
            })
        };
        let tokens = TokenRefreshLayer::builder(source).by_account();
        let layer = TikTokLayer::builder().tokens(tokens.build().unwrap());
        let client = layer.build().layer(busy());
        assert!(client.oneshot(request(1)).await.is_err());
    }
    let seen = record.seen();
    assert_eq!(seen.events("a token is stopped").count(), 1);
    assert!(seen.events("a token could not be refreshed").count() > 0);
    let seen = format!("{seen:?}");
    assert!(!seen.contains(SECRET));
    assert!(!seen.contains(&account(1)), "the key of its token is one");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_stopped_is_logged_once_with_the_ids_of_the_answer() {
    let (record, _guard) = Record::begin();
    let source = |_: RefreshRequest| async { Err(RefreshError::refused("ask somebody")) };
    let tokens = TokenRefreshLayer::builder(source).token(Token::new(TOKEN).unwrap());
    let tokens = tokens.header(HeaderName::from_static("access-token"), "");
    let simulator = Simulator::builder()
        .tokens(["another"])
        .remember_answers(10)
        .build()
        .unwrap();
    let layer = TikTokLayer::builder().tokens(tokens.build().unwrap());
    let client = layer.build().layer(simulator.clone());
    client.clone().oneshot(request(1)).await.unwrap();
    for _ in 0..50 {
        client.clone().oneshot(request(1)).await.unwrap_err();
    }
    let issued = &simulator.ledger().answers[0].request_id;
    let seen = record.seen();
    let stops: Vec<_> = seen.events("a token is stopped").collect();
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0].level, LogLevel::ERROR);
    assert_eq!(stops[0].field("request_id"), Some(issued.as_str()));
    assert!(ids(stops[0]).count() == 2, "{:?}", stops[0]);
    assert_eq!(stops[0].field("code"), Some("40105"));
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_one_warning_however_many_wait() {
    let (record, _guard) = Record::begin();
    let begin = Instant::now();
    let server = service_fn(move |_: Request<_>| async move {
        sleep(Duration::from_millis(500)).await;
        let body = match begin.elapsed().as_secs() {
            0..10 => {
                r#"{"code":40100,"message":"Due to too many requests, requests from App 1 are temporarily restricted."}"#
            }
            _ => r#"{"code":0,"message":"OK"}"#,
        };
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body)))
    });
    let pacing = RequestPacingLayer::builder(Quota::requests_per_second(20));
    let layer = TikTokLayer::builder()
        .pacing(pacing.build().unwrap())
        .build();
    let client = layer.layer(server);
    let calls = (0..200).map(|n| {
        let mut request = request(3 * n + 1);
        let uri = format!("https://api.test/open_api/v1.3/campaign/get/?advertiser_id={n}");
        *request.uri_mut() = uri.parse().unwrap();
        client.clone().oneshot(request)
    });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(ErrorClass::of(&answer.unwrap()), ErrorClass::Success);
    }

    let seen = record.seen();
    let warnings = seen.events.iter().filter(|it| it.level <= LogLevel::WARN);
    let warnings: Vec<_> = warnings.collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(
        warnings[0].field("message"),
        Some("a limit is closed, and requests wait")
    );
    assert_eq!(warnings[0].field("wait_ms"), Some("300000"));
    assert!(seen.events("the server asks to slow down").count() > 1);
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_one_warning_and_information_from_then_on() {
    let (record, _guard) = Record::begin();
    let simulator = Simulator::builder()
        .level(Level::Ultimate)
        .remember_answers(1_000)
        .build()
        .unwrap();
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let client = ServiceBuilder::new()
        .layer(layer)
        .layer(TikTokErrorClassifierLayer::default())
        .service(simulator.clone());
    for n in 0..600 {
        if n % 5 == 0 {
            simulator.script(Script::new(Fault::Throttle));
        }
        client.clone().oneshot(request(1)).await.unwrap();
        sleep(Duration::from_millis(200)).await;
    }
    sleep(Duration::from_secs(1_200)).await;

    let answers = simulator.ledger().answers;
    let refused = answers.iter().filter(|answer| answer.code == 40_100);
    let refused: BTreeSet<&str> = refused.map(|answer| &*answer.request_id).collect();
    assert_eq!(refused.len(), 120);
    let seen = record.seen();
    let told: Vec<_> = seen.events("throttle alert").collect();
    let states = told.iter().map(|it| it.field("alert.state").unwrap());
    let (first, rest) = told.split_first().unwrap();
    let states: Vec<_> = states.collect();
    assert_eq!(states[0], "raised");
    assert_eq!(states.last(), Some(&"cleared"));
    assert!(
        states[1..states.len() - 1]
            .iter()
            .all(|it| *it == "updated")
    );
    assert_eq!(first.level, LogLevel::WARN);
    assert!(rest.iter().all(|it| it.level == LogLevel::INFO), "{rest:?}");
    assert_eq!(first.field("alert.kind"), Some("throttled"));
    assert!(first.field("alert.remedy").is_some_and(|it| !it.is_empty()));
    assert!(refused.contains(first.field("request_id").unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_a_span_and_each_attempt_is_one_inside() {
    let (record, _guard) = Record::begin();
    let times = std::sync::atomic::AtomicU32::new(0);
    let times = std::sync::Arc::new(times);
    let server = service_fn(move |_: Request<_>| {
        let body = match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => {
                r#"{"code":40100,"message":"App 1 reaches the QPS limit 10, current QPS is 11","request_id":"id-1"}"#
            }
            _ => r#"{"code":0,"message":"OK","request_id":"id-2"}"#,
        };
        async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body))) }
    });
    let client = TikTokLayer::builder().build().layer(server);
    client.oneshot(request(0)).await.unwrap();

    let seen = record.seen();
    let spans: Vec<&Entry> = seen.spans.values().collect();
    let names: Vec<_> = spans.iter().map(|span| span.name).collect();
    assert_eq!(names, ["request", "attempt", "attempt"]);
    for span in &spans {
        assert_eq!(span.field("http.request.method"), Some("POST"));
        assert_eq!(span.field("url.template"), Some("/campaign/create/"));
        assert_eq!(span.field("otel.name"), Some("POST /campaign/create/"));
        assert_eq!(span.field("server.address"), Some("api.test"));
        assert_eq!(span.field("server.port"), Some("443"));
        assert_eq!(span.field("http.response.status_code"), Some("200"));
    }
    let [whole, first, second] = spans[..] else {
        unreachable!("three were counted");
    };
    assert_eq!(whole.within, None);
    assert_eq!(whole.field("http.request.resend_count"), Some("1"));
    assert_eq!(whole.field("error.type"), None);
    assert_eq!(whole.field("otel.status_code"), None);
    assert_eq!((first.within, second.within), (Some(0), Some(0)));
    assert_eq!(first.field("http.request.resend_count"), None);
    assert_eq!(first.field("error.type"), Some("rate_limited"));
    assert_eq!(first.field("otel.status_code"), Some("ERROR"));
    assert_eq!(first.field("code"), Some("40100"));
    assert_eq!(first.field("request_id"), Some("id-1"));
    assert_eq!(second.field("http.request.resend_count"), Some("1"));
    assert_eq!(second.field("error.type"), None);
    assert_eq!(second.field("otel.status_code"), None);

    let refusal = seen.events("the server asks to slow down").next().unwrap();
    assert_eq!(refusal.within, Some(1), "it is told inside its attempt");
    let resend = seen
        .events("the request will be sent again")
        .next()
        .unwrap();
    assert_eq!(resend.within, Some(0));
}
