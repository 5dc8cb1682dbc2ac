use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::{task::JoinSet, time::Instant};
use tower::{Layer, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_tiktok::{
    classify::ErrorClass,
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::RequestPacingHandle,
    shared_state::{MemoryStore, SharedState},
    simulator::{Latency, Level, Sharing, Simulator, SimulatorBuilder},
    tiktok::{
        TikTokLayer,
        quotas::{AccessLevel, Limits, TikTokQuotas},
    },
};

pub(crate) type Call = Request<Full<Bytes>>;
type Client = BoxCloneSyncService<Call, ErrorClass, tower::BoxError>;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What the app may do, and how the processes share it.
pub(crate) struct Fleet {
    pub(crate) store: MemoryStore,
    pub(crate) simulator: Simulator,
    pub(crate) processes: Vec<Process>,
    pub(crate) start: Instant,
    limits: Limits,
    /// How many processes each takes for granted.
    assumed: u32,
    /// Of each account, shared as well.
    writes: Option<u32>,
    tasks: JoinSet<()>,
    done: Arc<Mutex<Vec<Duration>>>,
}

pub(crate) struct Process {
    pub(crate) handle: RequestPacingHandle,
    pub(crate) client: Client,
}

pub(crate) fn server(second: u64, minute: u64) -> SimulatorBuilder {
    Simulator::builder()
        .level(Level::custom(second, minute, 100_000_000))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .latency(Latency::lognormal(ms(120), 0.5).before_limiter(0.25))
        .seed(7)
        .remember_answers(0)
}

impl Fleet {
    pub(crate) fn new(second: u32, round_trip: u64) -> Self {
        let minute = 60 * second;
        Self::at(server(second.into(), minute.into()), second, round_trip)
    }

    pub(crate) fn at(server: SimulatorBuilder, second: u32, round_trip: u64) -> Self {
        let limit = |n| NonZeroU32::new(n).unwrap();
        Self {
            store: MemoryStore::new().round_trip(ms(round_trip)),
            simulator: server.build().unwrap(),
            processes: Vec::new(),
            start: Instant::now(),
            limits: Limits::new(limit(second), limit(60 * second), limit(100_000_000)),
            assumed: 1,
            writes: None,
            tasks: JoinSet::new(),
            done: Arc::default(),
        }
    }

    pub(crate) fn assume(mut self, processes: u32) -> Self {
        self.assumed = processes;
        self
    }

    /// Shares the permits too, so many of each account.
    pub(crate) fn writes(mut self, writes: u32) -> Self {
        self.writes = Some(writes);
        self
    }

    pub(crate) fn processes(mut self, count: usize) -> Self {
        (0..count).for_each(|_| self.start_process());
        self
    }

    pub(crate) fn start_process(&mut self) {
        let state = SharedState::builder(self.store.clone());
        let state = state.assume_instances(self.assumed).build().unwrap();
        self.processes.push(self.process(Some(state)));
    }

    pub(crate) fn process(&self, state: Option<SharedState>) -> Process {
        let seed = self.processes.len() as u64;
        let backoff = JitteredBackoffLayer::builder()
            .max_attempts(u32::MAX)
            .max_elapsed(secs(1_000_000))
            .no_budget()
            .seed(seed)
            .build()
            .unwrap();
        let quotas = TikTokQuotas::builder(AccessLevel::Custom(self.limits));
        let builder = TikTokLayer::builder()
            .backoff(backoff)
            .quotas(quotas.build().unwrap());
        let layer = match state {
            Some(state) => {
                let builder = match self.writes {
                    Some(writes) => builder.concurrency(permits(writes, state.clone())),
                    None => builder,
                };
                builder.shared(state).build()
            }
            None => builder.build(),
        };
        let handle = layer.pacing_handle();
        let stack = layer.layer(self.simulator.clone());
        let client = ServiceBuilder::new()
            .map_response(|response: http::Response<_>| ErrorClass::of(&response))
            .service(stack);
        Process {
            handle,
            client: BoxCloneSyncService::new(client),
        }
    }

    /// So many workers of one process send so many requests, one after another
    /// each.
    pub(crate) fn work(&mut self, process: usize, workers: usize, requests: usize) {
        self.work_on(process, workers, requests, 0);
    }

    /// The same, on fifty accounts from this one on.
    pub(crate) fn work_on(
        &mut self,
        process: usize,
        workers: usize,
        requests: usize,
        first: usize,
    ) {
        let jobs = Arc::new(Mutex::new((0..requests).collect::<Vec<_>>()));
        for _ in 0..workers {
            let (jobs, done) = (jobs.clone(), self.done.clone());
            let client = self.processes[process].client.clone();
            let start = self.start;
            self.tasks.spawn(async move {
                loop {
                    let next = jobs.lock().unwrap().pop();
                    let Some(number) = next else { return };
                    let call = write(process, first + number % 50, number);
                    let class = client.clone().oneshot(call).await.unwrap();
                    assert_eq!(class, ErrorClass::Success);
                    done.lock().unwrap().push(start.elapsed());
                }
            });
        }
    }

    /// So many workers go on for as long as the test does: the account of each
    /// request, by its number. How many there were.
    pub(crate) fn keep_on(
        &mut self,
        process: usize,
        workers: usize,
        account: impl Fn(usize) -> usize + Copy + Send + 'static,
    ) -> Arc<AtomicU32> {
        let count = Arc::new(AtomicU32::new(0));
        for worker in 0..workers {
            let client = self.processes[process].client.clone();
            let count = count.clone();
            self.tasks.spawn(async move {
                for number in (worker..).step_by(workers) {
                    let call = write(process, account(number), number);
                    let class = client.clone().oneshot(call).await.unwrap();
                    assert_eq!(class, ErrorClass::Success);
                    count.fetch_add(1, Relaxed);
                }
            });
        }
        count
    }

    pub(crate) async fn finish(&mut self) -> Outcome {
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        self.outcome()
    }

    /// Ends all processes as `kill -9` does: nothing of them goes on, and they
    /// say nothing.
    pub(crate) async fn kill(&mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.processes.clear();
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let ledger = self.simulator.ledger();
        let done = self.done.lock().unwrap();
        let took = done.iter().max().copied().unwrap_or_default();
        let bound = done.len() as f64 / f64::from(self.limits.per_second()) - 1.0;
        Outcome {
            done: done.len(),
            ratio: took.as_secs_f64() / bound,
            refused: ledger.total.refused.total() as f64 / ledger.total.received as f64,
            refusals: ledger.total.refused.total(),
            suspensions: ledger.suspensions.len(),
            exchanges: self.store.exchanges() as f64 / done.len() as f64,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) done: usize,
    pub(crate) ratio: f64,
    pub(crate) refused: f64,
    pub(crate) refusals: u64,
    pub(crate) suspensions: usize,
    pub(crate) exchanges: f64,
}

fn permits(writes: u32, state: SharedState) -> PerAccountConcurrencyLayer {
    let layer = PerAccountConcurrencyLayer::builder().max_writes(writes);
    layer.shared(state).build().unwrap()
}

pub(crate) fn write(process: usize, account: usize, number: usize) -> Call {
    let body = format!(
        r#"{{"advertiser_id":"70{account}","campaign_name":"{process}-{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::post("/open_api/v1.3/campaign/create/")
        .header("access-token", "token")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap()
}
