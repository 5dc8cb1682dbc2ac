//! Processes with more to do than they may, at one server.

mod in_work;
mod looks;
mod process;
mod work;

use std::{num::NonZeroU32, time::Duration};

use tokio::{task::JoinSet, time::sleep};
use tower_tiktok::{
    shared_state::RedisState,
    simulator::{Latency, Level, Sharing, Simulator},
    tiktok::quotas::Limits,
};
use tracing::subscriber::DefaultGuard;

pub(super) use self::work::write;
use self::{in_work::InWork, process::Process, work::Jobs};
use crate::{
    fleet::{LIMIT, ms},
    log::Log,
    machine::{DEADLINE, Machine},
};

/// How long the server takes for each request.
const ANSWER: Duration = Duration::from_millis(20);

/// Of an account's requests, so many at once.
pub(super) const WRITES: u32 = 2;

pub(crate) struct Fleet {
    pub(crate) processes: Vec<Process>,
    pub(crate) simulator: Simulator,
    machine: Machine,
    in_work: InWork,
    limits: Limits,
    writes: u32,
    deadline: Duration,
    /// How many processes each takes for granted.
    assumed: u32,
    tasks: JoinSet<()>,
    sent: u64,
    jobs: Vec<Jobs>,
    /// What was warned of.
    log: Log,
    _hears: DefaultGuard,
}

impl Fleet {
    pub(crate) fn new(second: u32, minute: u32, server_minute: u64) -> Self {
        let (log, hears) = Log::of_this_thread(tracing::Level::WARN);
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
            log,
            _hears: hears,
        }
    }

    /// One whose first exchange is late takes no more than its part, then.
    pub(crate) fn assume(mut self, processes: u32) -> Self {
        self.assumed = processes;
        self
    }

    /// How long each waits for its store.
    pub(crate) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The server takes so much longer for each request, and an account has so many
    /// at once.
    pub(crate) fn slow(mut self, longer: Duration, writes: u32) -> Self {
        self.in_work.longer = longer;
        self.writes = writes;
        self
    }

    /// Four at work, for as long as a fresh state takes to be settled.
    pub(crate) async fn at_work(store: impl Fn() -> RedisState, minute: u32, each: u64) -> Self {
        Self::at_work_within(minute, minute.into(), store, each).await
    }

    /// The same, where the server allows another number a minute than they know.
    pub(crate) async fn at_work_within(
        minute: u32,
        server_minute: u64,
        store: impl Fn() -> RedisState,
        each: u64,
    ) -> Self {
        let fleet = Self::new(LIMIT, minute, server_minute);
        fleet.goes_to_work(store, each, 50).await
    }

    pub(crate) async fn goes_to_work(
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
        // All that was said so far.
        self.log.take();
        self
    }
}
