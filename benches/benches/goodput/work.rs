//! The work of a scenario, done by one client.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tokio::{
    runtime,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tower::ServiceExt;
use tower_tiktok::simulator::{Level, Sharing, Simulator, WindowKind};
use tower_tiktok_benches::goodput::{self, jain, last_admission, median, percentile};

use crate::{
    clients::Client,
    outcome::Outcome,
    scenario::{Scenario, Windows},
    server::{Call, Sender, Server, Verdict},
};

/// After so many times the bound nobody waits any longer.
const PATIENCE: u32 = 4;

/// Who sends so often is stopped, besides 20 calls for each write.
const MOST_CALLS: u64 = 200_000;

/// A write that was done.
#[derive(Clone, Copy, Debug)]
struct Done {
    account: usize,
    at: Duration,
    took: Duration,
}

/// Writes that wait for a worker.
type Queue = Arc<Mutex<VecDeque<(usize, usize)>>>;

/// `None` if the client needs to be told the limits, and they are not known.
pub(crate) fn run(scenario: &Scenario, client: &dyn Client, seed: u64) -> Option<Outcome> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(go(scenario, client, seed))
}

async fn go(scenario: &Scenario, client: &dyn Client, seed: u64) -> Option<Outcome> {
    let phase = phase(seed);
    let simulator = simulator(scenario, seed, phase);
    let bound = bound(scenario, phase);
    let most = MOST_CALLS + 20 * scenario.writes as u64;
    let server = Server::new(simulator.clone(), most);
    let processes = scenario.processes.len().max(1);
    let senders = client.build_each(&server, scenario.configured, seed, processes)?;

    let start = Instant::now();
    change_limits(scenario, &simulator, start);
    slow_down(scenario, &simulator, start + bound / 2);
    let done = Arc::new(Mutex::new(Vec::with_capacity(scenario.writes)));
    let mut workers = JoinSet::new();
    for (process, queue) in queues(scenario) {
        let (sender, done) = (senders[process].clone(), done.clone());
        workers.spawn(worker(queue, sender, start, done));
    }
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = sleep(bound * PATIENCE) => {}
        () = server.too_many() => {}
    }

    let done = done.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ledger = simulator.ledger();
    let (sent, refused) = (server.sent(), ledger.total.refused.total());
    let makespan = done.iter().map(|done| done.at).max().unwrap_or_default();
    let took: Vec<f64> = done.iter().map(|done| done.took.as_secs_f64()).collect();
    let finished = done.len() == scenario.writes;
    Some(Outcome {
        ratio: finished.then(|| makespan.as_secs_f64() / bound.as_secs_f64()),
        done: done.len() as f64 / scenario.writes as f64,
        refused: refused as f64 / sent.max(1) as f64,
        suspensions: ledger.suspensions.len(),
        p99: percentile(&took, 0.99),
        jain: jain(&halfway(scenario, &done, makespan)),
        small: small(scenario, &done) / bound.as_secs_f64(),
    })
}

fn simulator(scenario: &Scenario, seed: u64, phase: Duration) -> Simulator {
    Simulator::builder()
        .level(level(&scenario.limits[0]))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(match scenario.windows {
            Windows::Sliding => WindowKind::Sliding,
            Windows::Fixed => WindowKind::Fixed { phase },
        })
        .count_refused(scenario.count_refused)
        .suspension(scenario.suspension)
        .refusals(scenario.refusals)
        .latency(scenario.latency(1.0))
        .faults(scenario.faults())
        .seed(seed)
        .remember_answers(0)
        .build()
        .expect("the scenarios make sense")
}

/// No scenario is about the day.
fn level(limits: &goodput::Limits) -> Level {
    Level::custom(limits.second.into(), limits.minute.into(), u64::MAX)
}

/// Anywhere in the minute, for each seed another.
fn phase(seed: u64) -> Duration {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_millis(mixed % 60_000)
}

/// What a clairvoyant client needs: the windows alone say when its last call
/// can be admitted. The first has to get there and the last answer to get
/// back, which is one latency.
pub(crate) fn bound(scenario: &Scenario, phase: Duration) -> Duration {
    let windows = match scenario.windows {
        Windows::Sliding => goodput::Windows::Sliding,
        Windows::Fixed => goodput::Windows::Fixed { phase },
    };
    last_admission(scenario.writes, windows, &scenario.limits) + scenario.mean_latency()
}

fn change_limits(scenario: &Scenario, simulator: &Simulator, start: Instant) {
    for limits in scenario.limits.iter().skip(1).copied() {
        let simulator = simulator.clone();
        tokio::spawn(async move {
            sleep_until(start + limits.from).await;
            simulator.set_level(level(&limits));
        });
    }
}

fn slow_down(scenario: &Scenario, simulator: &Simulator, at: Instant) {
    if let Some(times) = scenario.slower_midway {
        let (simulator, latency) = (simulator.clone(), scenario.latency(times));
        tokio::spawn(async move {
            sleep_until(at).await;
            let set = simulator.set_latency(latency);
            set.expect("it differs by a factor from one that was sound");
        });
    }
}

/// For each worker its process, and the queue that it takes its writes from.
fn queues(scenario: &Scenario) -> Vec<(usize, Queue)> {
    let queue = |writes: Vec<(usize, usize)>| Arc::new(Mutex::new(VecDeque::from(writes)));
    let Some(crowd) = scenario.crowd else {
        let all = [scenario.writes];
        let processes = match scenario.processes {
            [] => &all[..],
            each => each,
        };
        let mut numbers = 0..scenario.writes;
        let each = processes.iter().enumerate().map(|(process, writes)| {
            let writes = numbers.by_ref().take(*writes);
            let queue = queue(writes.map(|n| (n % scenario.accounts, n)).collect());
            vec![(process, queue); scenario.workers]
        });
        return each.flatten().collect();
    };
    let hog = queue((0..crowd.writes).map(|n| (0, n)).collect());
    let others = scenario.accounts - 1;
    let rest = (crowd.writes..scenario.writes).map(|n| (1 + n % others, n));
    let rest = queue(rest.collect());
    let mut queues = vec![(0, hog); crowd.workers];
    queues.resize(scenario.workers, (0, rest));
    queues
}

async fn worker(queue: Queue, sender: Sender, start: Instant, done: Arc<Mutex<Vec<Done>>>) {
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some((account, number)) = next else {
            return;
        };
        let began = Instant::now();
        if let Ok(Verdict::Done) = sender.clone().oneshot(write(account, number)).await {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push(Done {
                account,
                at: start.elapsed(),
                took: began.elapsed(),
            });
        }
    }
}

fn write(account: usize, number: usize) -> Call {
    let account = 7_000_000_000_000_000_000 + account as u64;
    let body = format!(
        r#"{{"advertiser_id":"{account}","campaign_name":"{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::builder()
        .method(Method::POST)
        .uri("/open_api/v1.3/campaign/create/")
        .header("access-token", "secret")
        .header("content-type", "application/json")
        .body(Full::from(Bytes::from(body)))
        .expect("a good URL")
}

/// What each account has got by the middle of the run.
fn halfway(scenario: &Scenario, done: &[Done], makespan: Duration) -> Vec<f64> {
    let mut counts = vec![0.0; scenario.accounts];
    for done in done.iter().filter(|done| done.at <= makespan / 2) {
        counts[done.account] += 1.0;
    }
    counts
}

/// When the median of the small accounts is done, in seconds.
fn small(scenario: &Scenario, done: &[Done]) -> f64 {
    let mut last = vec![0.0_f64; scenario.accounts];
    for done in done {
        last[done.account] = last[done.account].max(done.at.as_secs_f64());
    }
    median(&last[usize::from(scenario.crowd.is_some())..])
}
