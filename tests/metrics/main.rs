//! What is counted, under which names, and how many of them there can be.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream};
use http::{Request, Response};
use http_body_util::Full;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    extensions::AccountId,
    metrics::{self, Gauges},
    per_account_concurrency::PerAccountConcurrencyLayer,
    poll_pacing::{Job, PollPacingLayer, Spacing},
    report_batching::ReportBatchingLayer,
    request_pacing::{Quota, RequestPacingLayer},
    retry_after_header::RetryAfterHeaderLayer,
    shared_state::{Fault, MemoryStore},
    simulator::{Latency, Level, Simulator},
    throttle_alert::ThrottleAlertLayer,
    tiktok::{AccessLevel, TikTokErrorClassifierLayer, TikTokLayer, TikTokReads},
};

/// By name and labels.
type Counted = BTreeMap<(String, BTreeMap<String, String>), f64>;

fn taken(snapshotter: &Snapshotter) -> Counted {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.map(|(key, _, _, value)| {
        let kind = key.kind();
        let key = key.key();
        let labels = key
            .labels()
            .map(|it| (it.key().to_owned(), it.value().to_owned()));
        let value = match (kind, value) {
            (MetricKind::Counter, DebugValue::Counter(count)) => count as f64,
            (MetricKind::Gauge, DebugValue::Gauge(value)) => value.into_inner(),
            (_, DebugValue::Histogram(values)) => values.len() as f64,
            _ => unreachable!("a kind has its value"),
        };
        ((key.name().to_owned(), labels.collect()), value)
    })
    .collect()
}

fn sum(counted: &Counted, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |its: &BTreeMap<String, String>| {
        labels
            .iter()
            .all(|(key, value)| its.get(*key).is_some_and(|it| it == value))
    };
    let found = counted
        .iter()
        .filter(|((its, labels), _)| its == name && fits(labels));
    found.map(|(_, value)| value).sum()
}

fn request(n: usize, accounts: usize) -> Request<Full<Bytes>> {
    let account = 7_000_000 + n % accounts;
    let uri = format!("https://api.test/open_api/v1.3/campaign/get/?advertiser_id={account}");
    let request = Request::get(uri).header("access-token", "token");
    request.body(Full::default()).unwrap()
}

/// A client that takes its application for a better one than it is.
async fn run(simulator: &Simulator, requests: usize, accounts: usize) {
    let alerts = ThrottleAlertLayer::builder().build().unwrap();
    let layer = TikTokLayer::builder()
        .access_level(AccessLevel::Advanced)
        .alerts(alerts)
        .build();
    let client = layer.layer(simulator.clone());
    let calls = stream::iter(0..requests).map(|n| client.clone().oneshot(request(n, accounts)));
    let mut answers = calls.buffer_unordered(200);
    let mut answered = 0;
    while let Some(answer) = answers.next().await {
        answer.unwrap();
        answered += 1;
        if answered % 50 == 0 {
            layer.gauges().record();
        }
    }
    sleep(Duration::from_secs(1_200)).await;
    layer.gauges().record();
}

fn simulator() -> Simulator {
    let simulator = Simulator::builder()
        .level(Level::Basic)
        .advertiser_qps(Some(3));
    simulator.seed(3).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_is_what_the_server_saw() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let simulator = simulator();
    run(&simulator, 1_500, 3).await;

    let total = simulator.ledger().total;
    let counted = taken(&snapshotter);
    let refused = total.refused.total() as f64;
    assert!(refused > 0.0);
    assert_eq!(sum(&counted, metrics::ATTEMPTS, &[]), total.received as f64);
    assert_eq!(
        sum(&counted, metrics::REQUEST_DURATION, &[]),
        total.received as f64
    );
    assert_eq!(sum(&counted, metrics::THROTTLES, &[]), refused);
    let class = [("class", "rate_limited")];
    assert_eq!(sum(&counted, metrics::ATTEMPTS, &class), refused);
    assert_eq!(sum(&counted, metrics::RESENDS, &class), refused);
    let success = [("class", "success"), ("code", "")];
    assert_eq!(sum(&counted, metrics::ATTEMPTS, &success), 1_500.0);
    assert!(sum(&counted, metrics::WAIT, &[("cause", "pacing")]) > 0.0);
    assert!(sum(&counted, metrics::WAIT, &[("cause", "permit")]) > 0.0);
    assert_eq!(sum(&counted, metrics::QUEUE_DEPTH, &[]), 0.0);
    assert!(sum(&counted, metrics::RETRY_BUDGET, &[]) >= 1.0);
    let minute = [("window", "minute")];
    assert!(sum(&counted, metrics::LIMIT, &minute) > 0.0);
}

#[tokio::test(start_paused = true)]
async fn names_and_labels_are_those_of_the_table() {
    let table = include_str!("../../src/metrics/mod.rs");
    let mut documented = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("//! | [`")) {
        let cells: Vec<&str> = line.split('|').collect();
        let name = cells[1].split('`').nth(1).unwrap();
        let (labels, ..) = cells[4].split_once(':').unwrap_or((cells[4], ""));
        let labels = labels.split('`').skip(1).step_by(2).map(String::from);
        documented.insert(name.to_owned(), labels.collect::<BTreeSet<_>>());
    }
    assert_eq!(documented.len(), 22);

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    metrics::describe();
    run(&simulator(), 1_000, 3).await;
    for ((name, labels), _) in taken(&snapshotter) {
        let labels: BTreeSet<String> = labels.into_keys().collect();
        assert_eq!(documented.get(&name), Some(&labels), "{name}");
    }
}

#[test]
fn what_is_counted_seldom_begins_at_zero() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    metrics::describe();
    let counted = taken(&snapshotter);
    let series = |name: &str| counted.keys().filter(|(its, _)| its == name).count();
    assert_eq!(series(metrics::ALERTS), 18);
    assert_eq!(series(metrics::HOLDS), 4);
    assert_eq!(series(metrics::TOKEN_REFRESHES), 2);
    assert_eq!(series(metrics::POLLS_SAVED), 1);
    assert_eq!(series(metrics::RETRY_BUDGET_REFUSED), 1);
    assert!(counted.values().all(|value| *value == 0.0));
}

#[tokio::test(start_paused = true)]
async fn more_accounts_are_no_more_series() {
    let mut series = Vec::new();
    for accounts in [10, 1_000, 10_000] {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let ample = Simulator::builder().level(Level::Ultimate).build().unwrap();
        run(&ample, accounts.max(1_000), accounts).await;
        series.push(taken(&snapshotter).into_keys().collect::<BTreeSet<_>>());
    }
    assert!(series[0].len() > 10);
    // Where fewer accounts share the requests, more wait for a permit.
    assert!(
        series[1].is_subset(&series[0]) && series[2].is_subset(&series[0]),
        "{series:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_makes_up_codes_makes_no_more_series() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let code = AtomicI64::new(40_000);
    let server = service_fn(|_: Request<()>| {
        let code = code.fetch_add(7, Ordering::SeqCst);
        let body = format!(r#"{{"code":{code},"message":"whatever"}}"#);
        let status = 200 + (code % 700) as u16;
        let mut response = Response::new(Full::<Bytes>::from(body));
        *response.status_mut() = status.try_into().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let layers = (
        RetryAfterHeaderLayer::new(Duration::from_secs(60)),
        TikTokErrorClassifierLayer::default(),
    );
    let client = layers.layer(server);
    for n in 0..5_000 {
        let method = format!("MADE{}", n % 1_000);
        let request = Request::builder().method(&*method).body(()).unwrap();
        client.clone().oneshot(request).await.unwrap();
    }
    let counted = taken(&snapshotter);
    let values = |label: &str| {
        let values = counted
            .keys()
            .filter_map(|(_, labels)| labels.get(label).cloned());
        values.collect::<BTreeSet<_>>().len()
    };
    assert!(values("code") <= 257, "{}", values("code"));
    assert!(values("http.response.status_code") < 70);
    assert_eq!(values("http.request.method"), 1);
    assert!(values("class") <= 14);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_another_one_answers_is_saved() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let spacing = Spacing::between(Duration::from_secs(5), Duration::from_secs(300)).unwrap();
    let jobs = move |_: &Request<Full<Bytes>>| Some(Job::polled("17", spacing));
    let server = service_fn(|_: Request<Full<Bytes>>| async {
        sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("still at it")))
    });
    let client = PollPacingLayer::builder(jobs)
        .build()
        .unwrap()
        .layer(server);
    let polls = stream::iter(0..10).map(|_| client.clone().oneshot(request(0, 1)));
    let answers: Vec<_> = polls.buffer_unordered(10).collect().await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(sum(&taken(&snapshotter), metrics::POLLS_SAVED, &[]), 9.0);
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_not_sent_are_counted_by_why() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let simulator = Simulator::builder()
        .latency(Latency::fixed(Duration::from_secs(1)))
        .build()
        .unwrap();
    let batching = ReportBatchingLayer::builder(TikTokReads::new())
        .keep_for(Duration::from_secs(60))
        .merge_within(Duration::from_millis(20));
    let client = TikTokLayer::builder()
        .report_batching(batching.build().unwrap())
        .build()
        .layer(simulator.clone());
    let ask = |advertiser: u32| {
        let uri = format!(
            "/open_api/v1.3/report/integrated/get/?advertiser_id={advertiser}&report_type=BASIC\
            &data_level=AUCTION_ADVERTISER&dimensions=%5B%22advertiser_id%22%5D\
            &query_lifetime=true"
        );
        let request = Request::get(uri).header("access-token", "secret");
        let request = request.body(Full::<Bytes>::default());
        client.clone().oneshot(request.unwrap())
    };
    // One call for five; each is asked for twice, and once more later.
    let answers = join_all((0..10).map(|n| ask(n % 5))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(join_all((0..5).map(ask)).await.iter().all(Result::is_ok));
    assert_eq!(simulator.ledger().total.received, 1);

    let taken = taken(&snapshotter);
    let saved = |by| sum(&taken, metrics::READS_SAVED, &[("by", by)]);
    assert_eq!(
        [saved("shared"), saved("kept"), saved("merged")],
        [5.0, 5.0, 4.0]
    );
}

/// Whether the store is up, as gauges tell, before a request and after it, and
/// once it is gone.
async fn store_of<S>(gauges: Gauges, client: S, store: &MemoryStore) -> [Option<f64>; 3]
where
    S: Service<Request<Full<Bytes>>, Error: Debug> + Clone,
{
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let tell = || {
        gauges.record();
        let name = metrics::SHARED_STATE_UP.to_owned();
        taken(&snapshotter).remove(&(name, BTreeMap::new()))
    };
    let before = tell();
    client.clone().oneshot(request(0, 2)).await.unwrap();
    let after = tell();
    store.set_fault(Some(Fault::Stall));
    client.oneshot(request(1, 2)).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    [before, after, tell()]
}

#[tokio::test(start_paused = true)]
async fn a_store_is_up_or_down_or_nobody_has_asked_it() {
    let server = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let stood = [None, Some(1.0), Some(0.0)];

    let store = MemoryStore::new();
    let pacing = RequestPacingLayer::builder(Quota::requests_per_second(10));
    let pacing = pacing.shared(store.clone()).build().unwrap();
    let gauges = Gauges::new().pacing(pacing.handle());
    assert_eq!(store_of(gauges, pacing.layer(server), &store).await, stood);

    let store = MemoryStore::new();
    let permits = PerAccountConcurrencyLayer::builder()
        .key(|request: &Request<_>| Some(AccountId::from(request.uri().query()?)))
        .shared(store.clone())
        .build()
        .unwrap();
    let gauges = Gauges::new().permits(permits.handle());
    assert_eq!(store_of(gauges, permits.layer(server), &store).await, stood);
}
