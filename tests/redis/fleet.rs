use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower_tiktok::shared_state::{
    RedisState, SharedState, SharedStore, StoreErrorKind, StoreStatus, WindowSpan,
};

use crate::{
    gate::{Gate, Limiter},
    machine::{DEADLINE, Machine},
    server::Server,
};

pub(crate) const SECOND: WindowSpan = WindowSpan::Any(Duration::from_secs(1));
pub(crate) const LIMIT: u32 = 40;

/// Who has a part of a limit goes on with it: nobody waits for the store.
const MOMENT: Duration = Duration::from_millis(50);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn redis(url: &str) -> RedisState {
    RedisState::connect(url).build().expect("good settings")
}

pub(crate) struct Process {
    pub(crate) state: SharedState,
    pub(crate) gate: Arc<Gate>,
}

impl Process {
    pub(crate) fn on(store: impl SharedStore) -> Self {
        Self::within(DEADLINE, store)
    }

    fn within(deadline: Duration, store: impl SharedStore) -> Self {
        let state = SharedState::builder(store).deadline(deadline).build();
        let state = state.expect("good settings");
        let gate = Gate::join(&state, &[(SECOND, LIMIT)]);
        Self { state, gate }
    }

    pub(crate) async fn send_one(&self) -> Instant {
        let sent = self.gate.send("app").await;
        self.gate.answered(&sent);
        sent.at
    }

    pub(crate) fn status(&self) -> StoreStatus {
        self.state.snapshot().store
    }

    pub(crate) fn failures(&self) -> u64 {
        self.state.snapshot().failures
    }

    fn work(&self, tasks: &mut JoinSet<()>, limiter: &Limiter) {
        for _ in 0..20 {
            let (gate, limiter) = (self.gate.clone(), limiter.clone());
            tasks.spawn(async move {
                loop {
                    let sent = gate.send("app").await;
                    limiter.arrive(sent.at);
                    sleep(ms(30)).await;
                    gate.answered(&sent);
                }
            });
        }
    }

    async fn becomes(&self, what: &str, within: Duration, is: impl Fn(&StoreStatus) -> bool) {
        let machine = Machine::watch();
        let start = Instant::now();
        let becomes = timeout(ms(60_000), async {
            while !is(&self.status()) {
                sleep(ms(5)).await;
            }
        });
        let became = becomes.await.is_ok() && machine.ran_until_return(within);
        let (took, status) = (start.elapsed(), self.status());
        assert!(
            became,
            "not {what} within {within:?}, but {status:?} after {took:?}: {machine:?}"
        );
    }

    pub(crate) async fn is_up(&self) {
        self.becomes("up", ms(2_000), |status| *status == StoreStatus::Up)
            .await;
    }

    /// Each process speaks at least every two thirds of its lease.
    pub(crate) async fn is_down(&self, kind: StoreErrorKind, code: Option<&str>) {
        let is = |status: &StoreStatus| match status {
            StoreStatus::Down { error, .. } => error.kind() == kind && error.code() == code,
            _ => false,
        };
        self.becomes("down", ms(5_000), is).await;
    }

    pub(crate) async fn is_shut_out(&self) {
        let is = |status: &StoreStatus| matches!(status, StoreStatus::Down { .. });
        self.becomes("down", ms(2_000), is).await;
    }
}

/// Processes at work on one limit, for a few seconds already.
pub(crate) struct Fleet {
    pub(crate) processes: Vec<Process>,
    pub(crate) limiter: Limiter,
    machine: Machine,
    deadline: Duration,
    /// Exchanges that had failed by then.
    failed: u64,
    _tasks: JoinSet<()>,
}

impl Fleet {
    pub(crate) async fn at_work(store: impl Fn() -> RedisState) -> Self {
        Self::at_work_within(DEADLINE, store).await
    }

    /// The same, where each exchange has another deadline.
    pub(crate) async fn at_work_within(deadline: Duration, store: impl Fn() -> RedisState) -> Self {
        let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
        let process = |_| Process::within(deadline, store());
        let processes: Vec<Process> = (0..4).map(process).collect();
        for process in &processes {
            process.work(&mut tasks, &limiter);
        }
        // The first connection takes what it takes.
        for process in &processes {
            let is = |status: &StoreStatus| *status == StoreStatus::Up;
            process.becomes("up", ms(30_000), is).await;
        }
        // Until the parts of a fresh state are settled.
        sleep(ms(6_000)).await;
        for process in &processes {
            process.gate.shut.store(0, Ordering::Relaxed);
        }
        let failed = processes.iter().map(Process::failures).sum();
        // Whoever missed the store, not having met anybody there yet, went on with
        // all of the limit.
        if failed > 0 {
            limiter.arrivals.lock().expect("nobody panics").clear();
        }
        Self {
            processes,
            limiter,
            machine: Machine::watch(),
            deadline,
            failed,
            _tasks: tasks,
        }
    }

    pub(crate) async fn on(server: &Server) -> Self {
        let url = server.url();
        Self::at_work(|| redis(&url)).await
    }

    pub(crate) async fn are_up(&self) {
        for process in &self.processes {
            process.is_up().await;
        }
    }

    pub(crate) async fn are_down(&self, kind: StoreErrorKind, code: Option<&str>) {
        for process in &self.processes {
            process.is_down(kind, code).await;
        }
    }

    fn missed(&self) -> u64 {
        let failures: u64 = self.processes.iter().map(Process::failures).sum();
        failures - self.failed
    }

    pub(crate) fn missed_nothing(&self) {
        let failed = self.missed();
        assert!(
            failed == 0 || self.machine.is_late(),
            "{failed} exchanges failed"
        );
    }

    /// While the store is away, one more begins, and waits for it no longer than
    /// its deadline.
    pub(crate) async fn is_joined_without_a_store(&self, store: RedisState) -> Process {
        let machine = Machine::watch();
        let newcomer = Process::within(self.deadline, store);
        let start = Instant::now();
        self.limiter.arrive(newcomer.send_one().await);
        let waited = start.elapsed();
        assert!(
            machine.ran_at_most(self.deadline),
            "it waited {waited:?}: {machine:?}"
        );
        newcomer
    }

    /// All share again, with one that joined meanwhile; and what went on without
    /// the store neither shut anybody out nor overran more than a second's worth.
    pub(crate) async fn goes_on_with(&self, newcomer: &Process, server: Option<&Server>) {
        let machine = Machine::watch();
        self.are_up().await;
        newcomer.is_up().await;
        if let Some(server) = server {
            server.is_heard_by("default", 5).await;
            assert!(
                machine.ran_until_return(ms(2_000)),
                "not all hear again within two seconds: {machine:?}"
            );
        }
        sleep(ms(2_000)).await;
        self.nobody_was_shut_out();
        self.overran_by_at_most(LIMIT);
        self.shares_a_hold().await;
    }

    pub(crate) fn nobody_was_shut_out(&self) {
        let allowed = self.machine.allows(MOMENT);
        for process in &self.processes {
            let shut = ms(process.gate.shut.load(Ordering::Relaxed));
            assert!(shut <= allowed, "shut for {shut:?}: {:?}", self.machine);
        }
    }

    pub(crate) fn overran_by_at_most(&self, most: u32) {
        // Each exchange that a late machine misses may cost a process's part of a
        // second, before it and after.
        let missed = if self.machine.is_late() {
            self.missed()
        } else {
            0
        };
        let most = u64::from(most) + missed * u64::from(LIMIT / 2);
        let refused = self.limiter.refused(LIMIT as usize, SECOND.length());
        let sent = self.limiter.count();
        assert!(
            refused as u64 <= most,
            "{refused} of {sent} refused: {:?}",
            self.machine
        );
    }

    pub(crate) async fn uses(&self, least: f64, seconds: u64) {
        let machine = Machine::watch();
        let (start, before) = (Instant::now(), self.limiter.count());
        sleep(ms(1_000 * seconds)).await;
        let used = (self.limiter.count() - before) as f64;
        let part = used / start.elapsed().as_secs_f64() / f64::from(LIMIT);
        let allowed = machine.allows_use(least, SECOND.length());
        assert!(part > allowed, "{part} is used: {machine:?}");
    }

    /// A hold that one has found is known to all.
    pub(crate) async fn shares_a_hold(&self) {
        let processes: Vec<&Process> = self.processes.iter().collect();
        shares_a_hold(&processes).await;
    }
}

pub(crate) async fn shares_a_hold(processes: &[&Process]) {
    let machine = Machine::watch();
    let start = Instant::now();
    let until = start + Duration::from_secs(60);
    processes[0].gate.close("app", until);
    while processes.iter().any(|one| one.gate.hold("app").is_none()) {
        sleep(ms(1)).await;
        let took = start.elapsed();
        assert!(
            machine.ran_at_most(ms(250)),
            "a hold took {took:?}: {machine:?}"
        );
    }
}
