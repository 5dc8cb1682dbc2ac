use std::{
    collections::HashMap,
    mem,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_tiktok::{
    classify::ErrorClass,
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::RequestPacingHandle,
    shared_state::{RedisState, SharedState, StoreStatus},
    simulator::{Latency, Level, Sharing, Simulator},
    tiktok::{
        TikTokLayer,
        quotas::{AccessLevel, Limits, TikTokQuotas},
    },
};
use tracing::{Event, Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::{
    layer::{Context, SubscriberExt},
    registry,
};

use crate::{
    fleet::{LIMIT, ms},
    machine::{DEADLINE, Machine},
};

type Call = Request<Full<Bytes>>;
type Client = BoxCloneSyncService<Call, ErrorClass, tower::BoxError>;

/// How long the server takes for each request.
const ANSWER: Duration = Duration::from_millis(20);

/// Of an account's requests, so many at once.
pub(super) const WRITES: u32 = 2;

pub(super) struct Process {
    pub(super) state: SharedState,
    pub(super) pacing: RequestPacingHandle,
    pub(super) client: Client,
}

/// Processes with more to do than they may, at one server.
pub(super) struct Fleet {
    pub(super) processes: Vec<Process>,
    pub(super) simulator: Simulator,
    pub(super) machine: Machine,
    in_work: InWork,
    limits: Limits,
    writes: u32,
    deadline: Duration,
    /// How many processes each takes for granted.
    assumed: u32,
    tasks: JoinSet<()>,
    sent: u64,
    /// What each process has yet to send.
    jobs: Vec<Jobs>,
    said: Arc<AtomicU32>,
    _hears: DefaultGuard,
}

type Jobs = Arc<Mutex<Vec<u64>>>;

/// How many requests of each account are at the server, and were at most.
#[derive(Clone, Debug, Default)]
struct InWork {
    accounts: Arc<Mutex<HashMap<String, (u32, u32)>>>,
    /// How much longer each takes.
    longer: Duration,
}

/// Counts the warnings of the shared state.
struct Warnings(Arc<AtomicU32>);

impl<S: Subscriber> tracing_subscriber::Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() == tracing::Level::WARN && metadata.target().contains("shared_state") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Fleet {
    pub(super) fn new(second: u32, minute: u32, server_minute: u64) -> Self {
        let said = Arc::<AtomicU32>::default();
        let hears = registry().with(Warnings(said.clone()));
        let limit = |n| NonZeroU32::new(n).expect("more than none");
        Self {
            processes: Vec::new(),
            simulator: Simulator::builder()
                .level(Level::custom(second.into(), server_minute, 1_000_000))
                .sharing(Sharing::AppWide)
                .advertiser_qps(None)
                .latency(Latency::fixed(ANSWER))
                .seed(7)
                .build()
                .expect("good settings"),
            machine: Machine::watch(),
            in_work: InWork::default(),
            writes: WRITES,
            deadline: DEADLINE,
            assumed: 1,
            limits: Limits::new(limit(second), limit(minute), limit(1_000_000)),
            tasks: JoinSet::new(),
            sent: 0,
            jobs: Vec::new(),
            said,
            _hears: tracing::subscriber::set_default(hears),
        }
    }

    /// One whose first exchange is late takes no more than its part, then.
    pub(super) fn assume(mut self, processes: u32) -> Self {
        self.assumed = processes;
        self
    }

    /// How long each waits for its store.
    pub(super) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The server takes so much longer for each request, and an account has so many
    /// at once.
    pub(super) fn slow(mut self, longer: Duration, writes: u32) -> Self {
        self.in_work.longer = longer;
        self.writes = writes;
        self
    }

    pub(super) fn start_process(&mut self, store: RedisState) {
        let state = SharedState::builder(store).assume_instances(self.assumed);
        let state = state
            .deadline(self.deadline)
            .build()
            .expect("good settings");
        let backoff = JitteredBackoffLayer::builder()
            .max_attempts(u32::MAX)
            .max_elapsed(Duration::from_secs(1_000_000))
            .no_budget()
            .build();
        let permits = PerAccountConcurrencyLayer::builder()
            .max_writes(self.writes)
            .shared(state.clone())
            .build();
        let quotas = TikTokQuotas::builder(AccessLevel::Custom(self.limits)).build();
        let layer = TikTokLayer::builder()
            .backoff(backoff.expect("good settings"))
            .concurrency(permits.expect("good settings"))
            .quotas(quotas.expect("good settings"))
            .shared(state.clone())
            .build();
        let (in_work, simulator) = (self.in_work.clone(), self.simulator.clone());
        let pacing = layer.pacing_handle();
        let counted = tower::service_fn(move |call| in_work.clone().count(simulator.clone(), call));
        let client = ServiceBuilder::new()
            .map_response(|response: Response<_>| ErrorClass::of(&response))
            .service(layer.layer(counted));
        self.processes.push(Process {
            state,
            pacing,
            client: BoxCloneSyncService::new(client),
        });
    }

    /// So many workers of one process send so many requests, one after another
    /// each.
    pub(super) fn work(&mut self, process: usize, workers: usize, requests: u64, accounts: u64) {
        self.sent += requests;
        let jobs: Jobs = Arc::new(Mutex::new((0..requests).collect()));
        self.jobs.push(jobs.clone());
        for _ in 0..workers {
            let (jobs, client) = (jobs.clone(), self.processes[process].client.clone());
            self.tasks.spawn(async move {
                loop {
                    let next = jobs.lock().expect("nobody panics with it").pop();
                    let Some(number) = next else { return };
                    let call = write(process, number % accounts, number);
                    let class = client.clone().oneshot(call).await;
                    assert_eq!(class.expect("it goes on"), ErrorClass::Success);
                }
            });
        }
    }

    /// Four at work, for as long as a fresh state takes to be settled.
    pub(super) async fn at_work(store: impl Fn() -> RedisState, minute: u32, each: u64) -> Self {
        Self::at_work_within(minute, minute.into(), store, each).await
    }

    /// The same, where the server allows another number a minute than they know.
    pub(super) async fn at_work_within(
        minute: u32,
        server_minute: u64,
        store: impl Fn() -> RedisState,
        each: u64,
    ) -> Self {
        let fleet = Self::new(LIMIT, minute, server_minute);
        fleet.goes_to_work(store, each, 50).await
    }

    pub(super) async fn goes_to_work(
        mut self,
        store: impl Fn() -> RedisState,
        each: u64,
        accounts: u64,
    ) -> Self {
        for process in 0..4 {
            self.start_process(store());
            self.work(process, 16, each, accounts);
        }
        sleep(ms(6_000)).await;
        self.are_up().await;
        self.said.store(0, Ordering::Relaxed);
        self
    }

    /// While the store is away, one more begins: it waits no longer for it than
    /// its deadline.
    pub(super) async fn is_joined_without_a_store(&mut self, store: RedisState) {
        let (machine, start) = (Machine::watch(), Instant::now());
        self.is_joined(store).await;
        let waited = start.elapsed();
        // Of what is late together some is refused, and sent again.
        assert!(
            machine.ran_at_most(self.deadline + ANSWER) || machine.is_late(),
            "it waited {waited:?}: {machine:?}"
        );
    }

    /// One more begins, and its first request succeeds.
    pub(super) async fn is_joined(&mut self, store: RedisState) {
        self.start_process(store);
        let newcomer = self.processes.len() - 1;
        self.sent += 1;
        let client = self.processes[newcomer].client.clone();
        let class = client.oneshot(write(newcomer, 1_000, 0)).await;
        assert_eq!(class.expect("it goes on"), ErrorClass::Success);
    }

    pub(super) async fn are_up(&self) {
        let machine = Machine::watch();
        let start = Instant::now();
        for process in &self.processes {
            while process.state.snapshot().store != StoreStatus::Up {
                sleep(ms(5)).await;
                let (is_in_time, took) = (machine.ran_until_return(ms(2_000)), start.elapsed());
                assert!(is_in_time, "not back after {took:?}: {machine:?}");
            }
        }
    }

    pub(super) async fn are_down(&self) {
        let down = |it: &Process| matches!(it.state.snapshot().store, StoreStatus::Down { .. });
        let machine = Machine::watch();
        while !self.processes.iter().all(down) {
            sleep(ms(5)).await;
            // All speak within two thirds of a lease, and have a deadline.
            assert!(machine.ran_at_most(ms(5_000)), "{machine:?}");
        }
    }

    /// Everybody said once that the store was away.
    pub(super) fn said_once(&self, times: u32) {
        let (said, all) = (
            self.said.load(Ordering::Relaxed),
            times * self.processes.len() as u32,
        );
        assert!(
            said == all || self.machine.is_late(),
            "{said} warnings, not {all}"
        );
    }

    /// What has not begun is not sent any more.
    pub(super) fn send_no_more(&mut self) {
        for jobs in &self.jobs {
            let left = mem::take(&mut *jobs.lock().expect("nobody panics with it"));
            self.sent -= left.len() as u64;
        }
    }

    pub(super) async fn finish(&mut self) {
        while let Some(task) = self.tasks.join_next().await {
            task.expect("no request fails");
        }
    }

    /// By what the server has written down.
    pub(super) fn ends_well(&self, most_refused: u64) {
        let ledger = self.simulator.ledger();
        assert_eq!(ledger.total.created, self.sent, "nothing is lost");
        assert_eq!(ledger.total.duplicated, 0, "nothing is doubled");
        self.overran_by_at_most(most_refused);
    }

    /// By what the server has refused so far.
    pub(super) fn overran_by_at_most(&self, most_refused: u64) {
        let ledger = self.simulator.ledger();
        let refused = &ledger.total.refused;
        let failures = |it: &Process| it.state.snapshot().failures;
        let failures: Vec<u64> = self.processes.iter().map(failures).collect();
        let breaches = (refused.minute, ledger.suspensions.len());
        assert_eq!(breaches, (0, 0), "{failures:?}, {:?}", self.machine);
        // What is late arrives together with what is not; and who misses the store
        // goes on by itself.
        let seconds = 10.0 * self.machine.worst().as_secs_f64();
        let most = most_refused + (f64::from(LIMIT) * seconds) as u64;
        assert!(refused.total() <= most, "{refused:?}: {:?}", self.machine);
    }

    /// The most that any account had at the server at once.
    pub(super) fn most_in_work(&self) -> u32 {
        let accounts = self.in_work.accounts.lock().expect("nobody panics with it");
        accounts.values().map(|(_, most)| *most).max().unwrap_or(0)
    }

    pub(super) fn permits_held(&self) {
        let most = self.most_in_work();
        let missed = |it: &Process| it.state.snapshot().failures > 0;
        // Who misses the store has permits of its own.
        let excused = self.machine.is_late() && self.processes.iter().any(missed);
        assert!(most <= self.writes || excused, "{most} at once");
    }
}

impl InWork {
    async fn count<B>(
        self,
        simulator: Simulator,
        call: Request<B>,
    ) -> Result<
        <Simulator as Service<Request<B>>>::Response,
        <Simulator as Service<Request<B>>>::Error,
    >
    where
        Simulator: Service<Request<B>>,
    {
        let account = call.headers()["x-account"]
            .to_str()
            .expect("a number")
            .to_owned();
        let with = |change: fn(&mut (u32, u32))| {
            let mut accounts = self.accounts.lock().expect("nobody panics with it");
            change(accounts.entry(account.clone()).or_default());
        };
        with(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        let answer = simulator.oneshot(call).await;
        sleep(self.longer).await;
        with(|(now, _)| *now -= 1);
        answer
    }
}

pub(super) fn write(process: usize, account: u64, number: u64) -> Call {
    let body = format!(
        r#"{{"advertiser_id":"70{account}","campaign_name":"{process}-{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::post("/open_api/v1.3/campaign/create/")
        .header("access-token", "token")
        .header("content-type", "application/json")
        .header("x-account", account)
        .body(Full::from(body))
        .expect("a good request")
}
