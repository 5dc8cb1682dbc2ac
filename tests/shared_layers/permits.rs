use std::{
    collections::HashMap,
    convert::Infallible,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_test::task;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    per_account_concurrency::{Limits, PerAccountConcurrencyHandle, PerAccountConcurrencyLayer},
    shared_state::{
        Exchange, ExchangeFuture, FailureMode, Fault, MemoryStore, Notice, SharedState,
        SharedStore, StoreError, StoreErrorKind, StoreStatus,
    },
};

use crate::fleet::{ms, secs};

type Call = Request<String>;
type Client = BoxCloneSyncService<Call, Response<String>, tower::BoxError>;

/// What the server works on at once, for each account.
#[derive(Clone, Debug, Default)]
struct Server {
    accounts: Arc<Mutex<HashMap<u32, Use>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    now: u32,
    most: u32,
    done: u32,
}

/// Ends with the call, also where its process is killed.
struct InWork(Server, u32);

impl Server {
    async fn work(self, account: u32) -> Result<Response<String>, Infallible> {
        let work = self.begin(account);
        sleep(ms(100)).await;
        work.0.with(account, |it| it.done += 1);
        Ok(Response::new(String::new()))
    }

    fn begin(&self, account: u32) -> InWork {
        self.with(account, |it| {
            it.now += 1;
            it.most = it.most.max(it.now);
        });
        InWork(self.clone(), account)
    }

    fn with<T>(&self, account: u32, with: impl FnOnce(&mut Use) -> T) -> T {
        with(self.accounts.lock().unwrap().entry(account).or_default())
    }

    fn of(&self, account: u32) -> Use {
        self.with(account, |it| *it)
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.with(self.1, |it| it.now -= 1);
    }
}

pub(crate) struct Process {
    pub(crate) state: SharedState,
    handle: PerAccountConcurrencyHandle,
    client: Client,
    tasks: JoinSet<()>,
}

/// A store that tells nobody anything.
#[derive(Debug)]
struct Silent(MemoryStore);

impl SharedStore for Silent {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        self.0.exchange(exchange)
    }
}

/// One whose channel of notices is there, and on which nothing comes but what a
/// test says.
#[derive(Clone, Debug)]
pub(crate) struct Mute {
    store: MemoryStore,
    says: Arc<Mutex<Option<mpsc::Sender<Notice>>>>,
}

impl Mute {
    pub(crate) fn new(store: &MemoryStore) -> Self {
        Self {
            store: store.clone(),
            says: Arc::default(),
        }
    }

    async fn says(&self, notice: Notice) {
        let says = self.says.lock().unwrap().clone();
        says.unwrap().send(notice).await.unwrap();
    }
}

impl SharedStore for Mute {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        self.store.exchange(exchange)
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        let (says, hears) = mpsc::channel(8);
        *self.says.lock().unwrap() = Some(says);
        hears
    }
}

pub(crate) struct Fleet {
    pub(crate) store: MemoryStore,
    server: Server,
    limits: Limits,
    mode: FailureMode,
}

impl Fleet {
    pub(crate) fn new(writes: u32) -> Self {
        Self {
            store: MemoryStore::new().round_trip(ms(5)),
            server: Server::default(),
            limits: Limits::default().with_max_writes(writes),
            mode: FailureMode::LocalShare,
        }
    }

    fn process(&self) -> Process {
        let builder = SharedState::builder(self.store.clone()).failure_mode(self.mode);
        self.process_of(builder.build().unwrap())
    }

    pub(crate) fn process_of(&self, state: SharedState) -> Process {
        let layer = PerAccountConcurrencyLayer::builder()
            .max_writes(self.limits.max_writes())
            .max_reads(self.limits.max_reads())
            .shared(state.clone())
            .build()
            .unwrap();
        let server = self.server.clone();
        let handle = layer.handle();
        let work = service_fn(move |call: Call| {
            let account = call.body().parse().unwrap();
            server.clone().work(account)
        });
        Process {
            state,
            handle,
            client: BoxCloneSyncService::new(layer.layer(work).map_response(|response| {
                let (head, body) = response.into_parts();
                Response::from_parts(head, body.into_inner())
            })),
            tasks: JoinSet::new(),
        }
    }

    fn processes(&self, count: usize) -> Vec<Process> {
        (0..count).map(|_| self.process()).collect()
    }
}

fn write(account: u32) -> Call {
    let context = RequestContext::new(Operation::Write).with_account(account.to_string());
    Request::post("/")
        .extension(context)
        .body(account.to_string())
        .unwrap()
}

impl Process {
    async fn send(&self, account: u32) {
        self.client.clone().oneshot(write(account)).await.unwrap();
    }

    /// So many workers, one request after another each, for as long as it runs.
    pub(crate) fn work(&mut self, account: u32, workers: usize, pause: Duration) {
        for _ in 0..workers {
            let client = self.client.clone();
            self.tasks.spawn(async move {
                loop {
                    client.clone().oneshot(write(account)).await.unwrap();
                    sleep(pause).await;
                }
            });
        }
    }

    /// As `kill -9` does: nothing of it goes on, and it says nothing.
    async fn kill(mut self) {
        self.tasks.shutdown().await;
    }

    fn store(&self) -> StoreStatus {
        self.state.snapshot().store
    }
}

#[tokio::test(start_paused = true)]
async fn all_together_never_have_more_in_flight_than_an_account_may() {
    for (writes, workers) in [(1, [1, 4, 2, 8]), (2, [1, 1, 1, 1]), (7, [3, 0, 20, 5])] {
        let fleet = Fleet::new(writes);
        let mut processes = fleet.processes(4);
        for (process, workers) in processes.iter_mut().zip(workers) {
            process.work(1, workers, ms(0));
            process.work(2, 1, ms(300));
        }
        sleep(secs(60)).await;
        let (busy, other) = (fleet.server.of(1), fleet.server.of(2));
        println!(
            "{writes}: {busy:?}, {other:?}, {} exchanges",
            fleet.store.exchanges()
        );
        assert!(busy.most <= writes && other.most <= writes);
        let most = writes.min(workers.iter().sum::<usize>() as u32);
        // Of what the account may have, most is used.
        assert!(
            f64::from(busy.done) >= 0.6 * 600.0 * f64::from(most),
            "{busy:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_busy_has_all_while_the_others_idle() {
    let fleet = Fleet::new(8);
    let mut processes = fleet.processes(4);
    for process in &processes {
        process.send(1).await;
    }
    processes[0].work(1, 20, ms(0));
    // Until the parts of a fresh state are settled.
    sleep(secs(8)).await;
    let before = fleet.server.of(1).done;
    sleep(secs(10)).await;
    assert_eq!(fleet.server.of(1).done - before, 800);
}

#[tokio::test(start_paused = true)]
async fn a_busy_account_needs_no_round_trip_for_each_request() {
    let fleet = Fleet::new(2);
    let mut process = fleet.process();
    // Each is over before the next begins.
    process.work(1, 1, ms(400));
    sleep(secs(60)).await;
    let (done, exchanges) = (fleet.server.of(1).done, fleet.store.exchanges());
    println!("{done} requests, {exchanges} exchanges");
    assert!(done >= 118 && exchanges <= 20);
}

#[tokio::test(start_paused = true)]
async fn one_permit_goes_round_and_nobody_starves() {
    let fleet = Fleet::new(1);
    let processes = fleet.processes(4);
    let waits = Arc::new(Mutex::new(vec![(0, ms(0)); 4]));
    let mut tasks = JoinSet::new();
    for (at, process) in processes.iter().enumerate() {
        let (client, waits) = (process.client.clone(), waits.clone());
        tasks.spawn(async move {
            loop {
                let start = Instant::now();
                client.clone().oneshot(write(1)).await.unwrap();
                let wait = &mut waits.lock().unwrap()[at];
                *wait = (wait.0 + 1, wait.1.max(start.elapsed()));
            }
        });
    }
    sleep(secs(120)).await;
    println!("{waits:?}, {:?}", fleet.server.of(1));
    assert_eq!(fleet.server.of(1).most, 1);
    for (done, longest) in waits.lock().unwrap().iter() {
        assert!(*done >= 150, "{done} of one, and 1,200 of all");
        // The turns of the three others, and what it takes to hand on.
        assert!(*longest <= secs(15), "{longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_ones_permits_come_back_with_its_lease() {
    let fleet = Fleet::new(2);
    let mut killed = fleet.process();
    killed.work(1, 4, ms(0));
    sleep(secs(3)).await;
    killed.kill().await;
    let other = fleet.process();
    let start = Instant::now();
    other.send(1).await;
    assert!(
        start.elapsed() <= secs(5) + ms(600),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(fleet.server.of(1).most, 2);
}

#[tokio::test(start_paused = true)]
async fn an_unused_permit_goes_back_and_its_account_is_forgotten() {
    let fleet = Fleet::new(2);
    let process = fleet.process();
    for account in 0..200 {
        process.send(account).await;
    }
    // No more are kept than one exchange renews.
    sleep(secs(4)).await;
    assert!(process.state.snapshot().scopes.len() <= 64);
    sleep(secs(40)).await;
    assert!(process.state.snapshot().scopes.is_empty());
    assert!(process.handle.snapshot().accounts().is_empty());
    let exchanges = fleet.store.exchanges();
    sleep(secs(60)).await;
    assert_eq!(fleet.store.exchanges(), exchanges);
}

/// Nobody else wants them, so they stay.
#[tokio::test(start_paused = true)]
async fn who_comes_back_to_an_account_needs_no_round_trip() {
    let fleet = Fleet::new(2);
    let process = fleet.process();
    for _ in 0..4 {
        let start = Instant::now();
        for account in 0..20 {
            process.send(account).await;
        }
        // The first time, each waits for the store.
        println!(
            "{:?}, {} exchanges",
            start.elapsed(),
            fleet.store.exchanges()
        );
        sleep(secs(10)).await;
    }
    let start = Instant::now();
    process.send(7).await;
    assert_eq!(start.elapsed(), ms(100));
    // Beyond the first, they are renewed together.
    assert!(fleet.store.exchanges() <= 20 + 30);
}

/// What another has kept is called back, and handed on by a notice.
#[tokio::test(start_paused = true)]
async fn a_permit_that_another_keeps_comes_within_a_few_round_trips() {
    let fleet = Fleet::new(2);
    let processes = fleet.processes(3);
    for (one, process) in processes.iter().enumerate() {
        for _ in 0..2 {
            let (first, second) = (process.send(1), process.send(1));
            let start = Instant::now();
            tokio::join!(first, second);
            println!("{one}: {:?}", start.elapsed());
            assert!(
                start.elapsed() <= ms(2 * 100 + 300),
                "{:?}",
                start.elapsed()
            );
            sleep(secs(7)).await;
        }
    }
    assert_eq!(fleet.server.of(1).most, 2);
}

/// Nobody tells that it waits, so nothing is kept for longer than a second.
#[tokio::test(start_paused = true)]
async fn without_notices_an_unused_permit_goes_back() {
    let fleet = Fleet::new(2);
    let state = SharedState::from(Silent(fleet.store.clone()));
    let process = fleet.process_of(state);
    for account in 0..20 {
        process.send(account).await;
    }
    sleep(secs(4)).await;
    assert!(process.state.snapshot().scopes.is_empty());
}

/// How many requests of each process on one account are done in a minute, with two
/// workers each.
async fn minute_of(processes: &[Process]) -> Vec<u32> {
    let done: Vec<_> = processes
        .iter()
        .map(|_| Arc::<AtomicU32>::default())
        .collect();
    let mut tasks = JoinSet::new();
    for (process, done) in processes
        .iter()
        .zip(&done)
        .chain(processes.iter().zip(&done))
    {
        let (client, done) = (process.client.clone(), done.clone());
        tasks.spawn(async move {
            loop {
                client.clone().oneshot(write(1)).await.unwrap();
                done.fetch_add(1, Relaxed);
            }
        });
    }
    sleep(secs(60)).await;
    done.iter().map(|it| it.load(Relaxed)).collect()
}

/// Nobody hears that another waits, nor that it has a permit.
#[tokio::test(start_paused = true)]
async fn one_permit_goes_round_though_no_notice_comes() {
    for members in [3, 4] {
        for lease in [5, 60, 3_600] {
            for tells in [true, false] {
                let fleet = Fleet::new(1);
                let process = |_| {
                    // With a channel on which nothing comes, or without any.
                    let state = match tells {
                        true => SharedState::builder(Mute::new(&fleet.store)),
                        false => SharedState::builder(Silent(fleet.store.clone())),
                    };
                    fleet.process_of(state.lease(secs(lease)).build().unwrap())
                };
                let processes: Vec<_> = (0..members).map(process).collect();
                let each = minute_of(&processes).await;
                let (it, exchanges) = (fleet.server.of(1), fleet.store.exchanges());
                println!("{members}, {lease} s, {tells}: {it:?}, {each:?}, {exchanges} exchanges");
                assert!(it.most == 1 && it.done >= 360, "{it:?}");
                let least = each.iter().min().unwrap();
                assert!(*least >= 20, "{each:?}");
            }
        }
    }
}

/// Two of one account, while it is kept by another that has no use for it.
#[tokio::test(start_paused = true)]
async fn what_another_keeps_comes_back_though_no_notice_comes() {
    let fleet = Fleet::new(2);
    let mute = || fleet.process_of(SharedState::from(Mute::new(&fleet.store)));
    let (keeps, wants) = (mute(), mute());
    let (first, second) = (keeps.send(1), keeps.send(1));
    tokio::join!(first, second);
    sleep(secs(2)).await;
    let start = Instant::now();
    wants.send(1).await;
    println!("{:?}", start.elapsed());
    assert!(start.elapsed() <= secs(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn permits_are_kept_only_while_notices_are_heard() {
    let fleet = Fleet::new(2);
    let store = Mute::new(&fleet.store);
    let process = fleet.process_of(SharedState::from(store.clone()));
    let held = || process.state.snapshot().scopes.len();
    for heard in [true, false, true] {
        process.send(1).await;
        store.says(Notice::Heard(heard)).await;
        process.send(1).await;
        sleep(secs(8)).await;
        assert_eq!(held(), usize::from(heard));
    }
}

#[tokio::test(start_paused = true)]
async fn who_holds_nothing_waits_for_a_store_no_longer_than_its_deadline() {
    let unreachable = Fault::Error(StoreError::new(StoreErrorKind::Unreachable));
    for fault in [Fault::Stall, Fault::LoseReply, unreachable] {
        let fleet = Fleet::new(2);
        let process = fleet.process();
        // It knows the store, but holds nothing of this account.
        process.send(1).await;
        fleet.store.set_fault(Some(fault));
        for account in 2..20 {
            let start = Instant::now();
            process.send(account).await;
            // The server's tenth of a second is not the store's.
            assert!(start.elapsed() <= ms(100 + 51), "{:?}", start.elapsed());
        }
        assert!(matches!(process.store(), StoreStatus::Down { .. }));
        fleet.store.set_fault(None);
        sleep(secs(2)).await;
        assert_eq!(process.store(), StoreStatus::Up);
    }
}

/// The longest that any of so many requests takes, each on an account of its own and
/// one after another so much later.
async fn longest_of(process: &Process, accounts: Range<u32>, later: Duration) -> Duration {
    let mut tasks = JoinSet::new();
    for account in accounts {
        let client = process.client.clone();
        tasks.spawn(async move {
            let start = Instant::now();
            client.oneshot(write(account)).await.unwrap();
            start.elapsed()
        });
        sleep(later).await;
    }
    tasks.join_all().await.into_iter().max().unwrap()
}

/// Each account is a new one, and an exchange is under way already.
#[tokio::test(start_paused = true)]
async fn who_comes_during_an_exchange_waits_no_longer_than_a_deadline() {
    for (round_trip, later, together) in [(5, 1, 500), (40, 7, 100), (45, 1, 60), (50, 20, 1)] {
        let mut fleet = Fleet::new(2);
        fleet.store = fleet.store.round_trip(ms(round_trip));
        let process = fleet.process();
        process.send(0).await;
        let longest = longest_of(&process, 1..101, ms(later)).await;
        println!("{round_trip} ms, one by one: {longest:?}");
        assert!(longest <= ms(100 + 51), "{longest:?}");
        let longest = longest_of(&process, 101..101 + together, ms(0)).await;
        println!("{round_trip} ms, together: {longest:?}");
        assert!(longest <= ms(100 + 51), "{longest:?}");
        // It stalls in the midst of it.
        let (faults, store) = (sleep(ms(300)), fleet.store.clone());
        let stalls = async {
            faults.await;
            store.set_fault(Some(Fault::Stall));
        };
        let (longest, ()) = tokio::join!(longest_of(&process, 1_000..1_100, ms(later)), stalls);
        println!("{round_trip} ms, and it stalls: {longest:?}");
        assert!(longest <= ms(100 + 51), "{longest:?}");
    }
}

/// A store that is slow is asked all the same: nobody goes on by an equal part.
#[tokio::test(start_paused = true)]
async fn a_slow_store_is_not_passed_by() {
    for round_trip in [5, 40, 45, 50] {
        let mut fleet = Fleet::new(4);
        fleet.store = fleet.store.round_trip(ms(round_trip));
        let mut processes = fleet.processes(3);
        for process in &mut processes[..2] {
            // Together they use all that there are.
            (0..60).for_each(|account| process.work(account, 2, ms(0)));
        }
        sleep(secs(10)).await;
        longest_of(&processes[2], 0..60, ms(3)).await;
        let most: Vec<_> = (0..60)
            .map(|account| fleet.server.of(account).most)
            .collect();
        assert_eq!(most, [4; 60]);
        assert_eq!(processes[2].state.snapshot().failures, 0);
    }
}

/// There are more of them than a store should hear of at once.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_turn_of_its_account_longer_than_a_deadline() {
    for fault in [None, Some(Fault::Stall)] {
        let mut fleet = Fleet::new(2);
        fleet.store = fleet.store.round_trip(ms(40));
        let process = fleet.process();
        process.send(0).await;
        fleet.store.set_fault(fault);
        let longest = longest_of(&process, 1..1_001, ms(0)).await;
        assert!(longest <= ms(100 + 51), "{longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_each_has_an_equal_part() {
    let fleet = Fleet::new(8);
    let mut processes = fleet.processes(4);
    for process in &mut processes {
        process.work(1, 8, ms(0));
    }
    sleep(secs(10)).await;
    fleet.store.set_fault(Some(Fault::Stall));
    sleep(secs(10)).await;
    let before = fleet.server.of(1);
    assert_eq!(before.most, 8);
    sleep(secs(10)).await;
    let now = fleet.server.of(1);
    assert_eq!((now.most, now.done - before.done), (8, 800));
    fleet.store.set_fault(None);
    sleep(secs(20)).await;
    assert_eq!(fleet.server.of(1).most, 8);
    assert!(fleet.server.of(1).done - now.done >= 1_500);
}

#[tokio::test(start_paused = true)]
async fn closed_means_closed_once_the_lease_is_over() {
    let mut fleet = Fleet::new(2);
    fleet.mode = FailureMode::Closed;
    let mut process = fleet.process();
    process.work(1, 4, ms(0));
    sleep(secs(3)).await;
    fleet.store.set_fault(Some(Fault::Stall));
    sleep(secs(6)).await;
    let before = fleet.server.of(1).done;
    sleep(secs(10)).await;
    assert_eq!(fleet.server.of(1).done, before);
    let other = timeout(secs(10), process.send(2)).await;
    assert!(other.is_err());
    fleet.store.set_fault(None);
    sleep(secs(2)).await;
    assert!(fleet.server.of(1).done > before);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_wait_is_refused_only_until_something_is_held() {
    let fleet = Fleet::new(2);
    let state = SharedState::from(fleet.store.clone());
    let layer = PerAccountConcurrencyLayer::builder()
        .max_queued(0)
        .shared(state);
    let server = fleet.server.clone();
    let client = layer.build().unwrap().layer(service_fn(move |call: Call| {
        let account = call.body().parse().unwrap();
        server.clone().work(account)
    }));
    assert!(client.clone().oneshot(write(1)).await.is_err());
    sleep(ms(10)).await;
    assert!(client.clone().oneshot(write(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn to_pause_an_account_is_ones_own_affair() {
    let fleet = Fleet::new(2);
    let mut processes = fleet.processes(2);
    for process in &mut processes {
        process.work(1, 2, ms(0));
    }
    sleep(secs(10)).await;
    processes[0]
        .handle
        .set_account_limits("1", Limits::paused());
    sleep(secs(5)).await;
    let before = fleet.server.of(1).done;
    sleep(secs(10)).await;
    assert_eq!(processes[0].handle.snapshot().in_flight(), 0);
    assert_eq!(fleet.server.of(1).done - before, 200);
    processes[0].handle.remove_account_limits(&"1".into());
    sleep(secs(10)).await;
    assert!(processes[0].handle.snapshot().in_flight() > 0);
    assert_eq!(fleet.server.of(1).most, 2);
}

#[tokio::test(start_paused = true)]
async fn requests_that_give_up_leave_nothing_behind() {
    let fleet = Fleet::new(1);
    let mut holder = fleet.process();
    holder.work(1, 2, ms(0));
    sleep(secs(1)).await;
    let other = fleet.process();
    for _ in 0..50 {
        let _ = timeout(ms(37), other.send(1)).await;
    }
    holder.kill().await;
    sleep(secs(12)).await;
    assert!(other.handle.snapshot().accounts().is_empty());
    assert!(other.state.snapshot().scopes.is_empty());
    let start = Instant::now();
    other.send(1).await;
    assert!(start.elapsed() <= ms(106), "{:?}", start.elapsed());
}

/// Nobody would ask the store for it, so it would wait for ever.
#[test]
fn one_that_waits_outside_a_runtime_panics_and_harms_no_other() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let fleet = runtime.block_on(async { Fleet::new(2) });
    let process = fleet.process();
    let mut outside = task::spawn(process.client.clone().oneshot(write(1)));
    let polled = catch_unwind(AssertUnwindSafe(|| outside.poll().is_pending()));
    let panic = polled.expect_err("it waits for ever");
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    assert!(text.is_some_and(|text| text.contains("Tokio 1.x runtime")));
    drop(outside);
    runtime.block_on(process.send(1));
    // Somebody has asked before.
    let mut outside = task::spawn(process.client.clone().oneshot(write(2)));
    assert!(catch_unwind(AssertUnwindSafe(|| outside.poll().is_pending())).unwrap());
    runtime.block_on(process.send(2));
}
