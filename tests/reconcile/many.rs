//! A hundred thousand creates against a server that fails a fifth of them. The
//! server's own objects are the truth.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, timeout::TimeoutLayer};
use tower_tiktok::{
    jittered_backoff::{JitteredBackoffLayer, TransportErrors},
    per_account_concurrency::{FromContext, PerAccountConcurrencyLayer},
    reconcile::{NoReconcile, ReconcileLayer},
    simulator::{Fault, Faults, Latency, Level, Simulator},
    tiktok::{TikTokLayer, reconcile::ReadBackByName},
};

use crate::support::{End, campaign, create, end, secs};

const CREATES: usize = 100_000;
const ACCOUNTS: usize = 200;
const WORKERS: usize = 2_000;

/// Answers lost 5 %, timeouts 2 %, 5xxxx 3 %, throttles 10 %.
fn server() -> Simulator {
    let failed = |code, applied| Fault::ServerError { code, applied };
    let faults = Faults::none()
        .with(Fault::LostAnswer, 0.05)
        .with(Fault::GatewayTimeout { applied: true }, 0.005)
        .with(Fault::GatewayTimeout { applied: false }, 0.005)
        .with(Fault::Stall(secs(100)), 0.005)
        .with(Fault::LateWrite(secs(20)), 0.005)
        .with(failed(50_000, false), 0.01)
        .with(failed(50_002, true), 0.01)
        .with(failed(51_010, true), 0.01)
        .with(Fault::Throttle, 0.05)
        .with(
            Fault::EdgeThrottle {
                retry_after: secs(1),
            },
            0.05,
        );
    Simulator::builder()
        .level(Level::custom(1_000_000, 60_000_000, 10_000_000_000))
        .advertiser_qps(None)
        .latency(Latency::fixed(Duration::from_millis(50)))
        .faults(faults)
        .seed(1)
        .build()
        .unwrap()
}

fn account(number: usize) -> String {
    format!("{}", 7_000 + number % ACCOUNTS)
}

/// Creates them all, and says how each ended.
async fn run<S, B>(client: S) -> Vec<End>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError> + Clone,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let creates = stream::iter(0..CREATES).map(|number| {
        let body = campaign(&account(number), &format!("c{number:06}"));
        let call = client.clone().oneshot(create("/campaign/create/", &body));
        async move { end(call.await, "campaign_id").await }
    });
    creates.buffered(WORKERS).collect().await
}

/// The ids of all that was created, by account and name.
async fn truth(simulator: &Simulator) -> HashMap<String, Vec<String>> {
    // Nothing comes any more.
    tokio::time::sleep(secs(1_000)).await;
    let mut created: HashMap<String, Vec<String>> = HashMap::new();
    for number in 0..ACCOUNTS {
        let url = format!(
            "/open_api/v1.3/campaign/get/?advertiser_id={}&page_size=1000",
            account(number)
        );
        let answer = loop {
            let request = Request::get(&url).header("access-token", "token");
            let request = request.body(Full::<Bytes>::default()).unwrap();
            let Ok(response) = simulator.clone().oneshot(request).await else {
                continue;
            };
            let Ok(body) = response.into_body().collect().await else {
                continue;
            };
            let answer: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            let data = answer.get("data").or_else(|| answer.get("Data"));
            if let Some(data) = data.filter(|data| data["page_info"]["total_page"].is_u64()) {
                break data.clone();
            }
        };
        assert!(answer["page_info"]["total_page"].as_u64() <= Some(1));
        for row in answer["list"].as_array().unwrap() {
            let name = row["campaign_name"].as_str().unwrap();
            let id = row["campaign_id"].as_str().unwrap();
            created
                .entry(name.to_owned())
                .or_default()
                .push(id.to_owned());
        }
    }
    created
}

#[derive(Debug, Default)]
struct Count {
    created: usize,
    reconciled: usize,
    failed: usize,
    unknown: usize,
}

/// Compares what each caller was told with what there is: nothing twice, what
/// was said to be created is there with its id, what failed is not there.
async fn compare(simulator: &Simulator, ends: &[End]) -> Count {
    let truth = truth(simulator).await;
    let mut count = Count::default();
    for (number, end) in ends.iter().enumerate() {
        let there = truth
            .get(&format!("c{number:06}"))
            .map_or(&[][..], Vec::as_slice);
        assert!(there.len() <= 1, "c{number:06} was created twice");
        match end {
            End::Created(id) => {
                assert_eq!(there, [id.as_str()]);
                count.created += 1;
            }
            End::Reconciled(id) => {
                assert_eq!(there, [id.as_str()]);
                count.reconciled += 1;
            }
            End::Failed(why) => {
                assert!(there.is_empty(), "lost: c{number:06} failed by {why}");
                count.failed += 1;
            }
            End::Unknown => count.unknown += 1,
        }
    }
    let ledger = simulator.ledger().total;
    assert_eq!(ledger.duplicated, 0);
    println!("{count:?} {:?} {}", ledger.faults, ledger.received);
    count
}

/// Everything but pacing, which the faults would slow down for nothing.
fn layer<H>(reconcile: ReconcileLayer<H>) -> TikTokLayer<TransportErrors, FromContext, H> {
    let backoff = JitteredBackoffLayer::builder()
        .max_attempts(12)
        .no_budget()
        .seed(1);
    let permits = PerAccountConcurrencyLayer::builder()
        .max_writes(20)
        .max_reads(20);
    TikTokLayer::builder()
        .no_pacing()
        .backoff(backoff.build().unwrap())
        .concurrency(permits.build().unwrap())
        .reconcile(reconcile)
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_creates_end_as_created_failed_or_unknown() {
    let simulator = server();
    let client = ServiceBuilder::new()
        .layer(layer(ReconcileLayer::new(NoReconcile)))
        .layer(TimeoutLayer::new(secs(30)))
        .service(simulator.clone());
    let count = compare(&simulator, &run(client).await).await;
    assert_eq!(count.failed, 0);
    // Lost 5 %, timeouts 2 %, 5xxxx 3 %: all of these, and no more.
    let share = count.unknown as f64 / CREATES as f64;
    assert!((0.09..0.12).contains(&share), "{count:?}");
    assert_eq!(count.created + count.unknown, CREATES);
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_thousand_creates_that_are_read_back_none_is_unknown() {
    let simulator = server();
    // One copy in sixty ends in doubt and is not there: of so many creates, some
    // need four in a row, and none needs ten.
    let reconcile = ReconcileLayer::builder(ReadBackByName::new());
    let reconcile = reconcile.max_resends(10).seed(1);
    let client = ServiceBuilder::new()
        .layer(layer(reconcile.build().unwrap()))
        .layer(TimeoutLayer::new(secs(30)))
        .service(simulator.clone());
    let count = compare(&simulator, &run(client).await).await;
    assert_eq!((count.failed, count.unknown), (0, 0));
    assert!(count.reconciled > CREATES / 20, "{count:?}");
    assert_eq!(count.created + count.reconciled, CREATES);
}
