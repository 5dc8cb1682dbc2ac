use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    extensions::{Attempt, Operation, RequestContext},
    request_pacing::{Quota, RequestPacingLayer, Scope},
    simulator::{Ledger, Simulator, SimulatorBuilder},
    tiktok::TikTokErrorClassifierLayer,
};

pub(crate) type Body = Full<Bytes>;

/// Who sends what: some workers, and the account of each of their requests.
#[derive(Clone, Debug)]
pub(crate) struct Crew {
    pub(crate) workers: usize,
    pub(crate) jobs: VecDeque<u32>,
}

/// 64 workers, and so many requests on 50 accounts.
pub(crate) fn bulk(requests: u32) -> Vec<Crew> {
    let jobs = (0..requests).map(|n| n % 50).collect();
    vec![Crew { workers: 64, jobs }]
}

/// A request, from when a worker took it to when it was admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) account: u32,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) elapsed: Duration,
    pub(crate) sent: u64,
    pub(crate) ledger: Ledger,
    pub(crate) done: Vec<Done>,
    pub(crate) share: f64,
}

impl Run {
    pub(crate) fn refused(&self) -> f64 {
        self.ledger.total.refused.total() as f64 / self.sent as f64
    }

    /// Over the seconds that a client needs that knows everything.
    pub(crate) fn ratio(&self, bound: f64) -> f64 {
        self.elapsed.as_secs_f64() / bound
    }

    /// How many seconds all but the slowest hundredth took.
    pub(crate) fn p99(&self) -> f64 {
        let took = self.done.iter().map(|done| done.to - done.from);
        let mut took: Vec<_> = took.collect();
        took.sort_unstable();
        took[took.len() * 99 / 100].as_secs_f64()
    }
}

pub(crate) fn write(account: u32) -> Request<Body> {
    let context = RequestContext::new(Operation::Write)
        .with_account(account.to_string())
        .with_static_endpoint("/campaign/create/");
    let body = format!(
        r#"{{"advertiser_id":"{account}","campaign_name":"c","objective_type":"TRAFFIC"}}"#
    );
    Request::post("/open_api/v1.3/campaign/create/")
        .header("access-token", "token")
        .header("content-type", "application/json")
        .extension(context)
        .body(Full::from(body))
        .unwrap()
}

/// Every request until it is admitted; refused ones are sent again at once.
pub(crate) async fn run(simulator: SimulatorBuilder, quota: Quota, crews: Vec<Crew>) -> Run {
    run_and(simulator, quota, crews, |_| async {}).await
}

/// While something happens to the server.
pub(crate) async fn run_and<F>(
    simulator: SimulatorBuilder,
    quota: Quota,
    crews: Vec<Crew>,
    change: impl FnOnce(Simulator) -> F,
) -> Run
where
    F: Future<Output = ()> + Send + 'static,
{
    let simulator = simulator.build().unwrap();
    let change = tokio::spawn(change(simulator.clone()));
    let classifier = TikTokErrorClassifierLayer::builder().build().unwrap();
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let handle = layer.handle();
    let client = layer.layer(classifier.layer(simulator.clone()));
    let start = Instant::now();
    let done = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for crew in crews {
        let jobs = Arc::new(Mutex::new(crew.jobs));
        for _ in 0..crew.workers {
            let (jobs, done, sent) = (jobs.clone(), done.clone(), sent.clone());
            let client = client.clone();
            workers.push(tokio::spawn(async move {
                loop {
                    let job = jobs.lock().unwrap().pop_front();
                    let Some(account) = job else { return };
                    let from = start.elapsed();
                    attempts(&client, account, &sent).await;
                    let to = start.elapsed();
                    done.lock().unwrap().push(Done { account, from, to });
                }
            }));
        }
    }
    for worker in workers {
        worker.await.unwrap();
    }
    change.abort();
    let share = handle.snapshot().scope(&Scope::app()).unwrap().share;
    Run {
        elapsed: start.elapsed(),
        sent: sent.load(Ordering::Relaxed),
        ledger: simulator.ledger(),
        done: Arc::into_inner(done).unwrap().into_inner().unwrap(),
        share: share.unwrap_or(f64::NAN),
    }
}

pub(crate) async fn attempts<S, B>(client: &S, account: u32, sent: &AtomicU64)
where
    S: Service<Request<Body>, Response = http::Response<B>> + Clone,
{
    let first = Instant::now();
    for attempt in 1.. {
        let mut request = write(account);
        if attempt > 1 {
            request
                .extensions_mut()
                .insert(Attempt::new(attempt, first));
        }
        sent.fetch_add(1, Ordering::Relaxed);
        let answer = client.clone().oneshot(request).await;
        if let Ok(response) = answer
            && ErrorClass::of(&response) != ErrorClass::RateLimited
        {
            return;
        }
    }
}
