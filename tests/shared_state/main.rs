//! Several processes and one limit, under paused time. What a store does
//! wrong, a store in memory does here on demand.

mod gate;

use std::{
    iter::repeat,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_tiktok::shared_state::{
    Exchange, ExchangeFuture, FailureMode, Fault, MemoryStore, SharedState, SharedStore,
    StoreError, StoreErrorKind, StoreStatus, WindowSpan,
};

use self::gate::{Gate, Limiter};

const SECOND: WindowSpan = WindowSpan::Any(Duration::from_secs(1));
const MINUTE: WindowSpan = WindowSpan::Any(Duration::from_secs(60));

struct Process {
    state: SharedState,
    gate: Arc<Gate>,
}

fn process(store: &MemoryStore, quotas: &[(WindowSpan, u32)]) -> Process {
    let state = SharedState::builder(store.clone())
        .build()
        .expect("good settings");
    let gate = Gate::join(&state, quotas);
    Process { state, gate }
}

/// So many workers send so many requests, one after another each.
fn work(
    tasks: &mut JoinSet<Instant>,
    process: &Process,
    limiter: &Limiter,
    workers: u32,
    requests: u32,
) {
    for worker in 0..workers {
        let (gate, limiter) = (process.gate.clone(), limiter.clone());
        let count = requests / workers + u32::from(worker < requests % workers);
        tasks.spawn(async move {
            for _ in 0..count {
                let sent = gate.send("app").await;
                limiter.arrive(sent.at);
                sleep(Duration::from_millis(120)).await;
                gate.answered(&sent);
            }
            Instant::now()
        });
    }
}

async fn fleet(round_trip: u64, requests: &[u32]) -> (f64, f64, usize) {
    let store = MemoryStore::new().round_trip(Duration::from_millis(round_trip));
    let (limiter, start) = (Limiter::new(), Instant::now());
    let quotas = [(SECOND, 10), (MINUTE, 600)];
    let mut tasks = JoinSet::new();
    let processes: Vec<Process> = requests.iter().map(|_| process(&store, &quotas)).collect();
    for (process, requests) in processes.iter().zip(requests) {
        work(&mut tasks, process, &limiter, 16, *requests);
    }
    let ends = tasks.join_all().await;
    let took = (ends.into_iter().max().expect("some worked") - start).as_secs_f64();
    let total = f64::from(requests.iter().sum::<u32>());
    let refused = limiter.refused(10, SECOND.length()) + limiter.refused(600, MINUTE.length());
    (
        took / (total / 10.0 - 1.0),
        store.exchanges() as f64 / total,
        refused,
    )
}

#[tokio::test(start_paused = true)]
async fn four_processes_are_as_quick_as_one_and_overrun_nothing() {
    for round_trip in [1, 5, 50] {
        let (ratio, exchanges, refused) = fleet(round_trip, &[750; 4]).await;
        println!("{round_trip} ms: {ratio:.3}, {exchanges:.3} exchanges, {refused} refused");
        assert_eq!(refused, 0, "{round_trip} ms");
        assert!(ratio < 1.05, "{round_trip} ms: {ratio}");
        assert!(exchanges <= 0.2, "{round_trip} ms: {exchanges}");
    }
}

#[tokio::test(start_paused = true)]
async fn unequal_processes_end_together() {
    for round_trip in [1, 5, 50] {
        let (ratio, exchanges, refused) = fleet(round_trip, &[1500, 750, 500, 250]).await;
        println!("{round_trip} ms: {ratio:.3}, {exchanges:.3} exchanges, {refused} refused");
        assert_eq!(refused, 0, "{round_trip} ms");
        assert!(ratio < 1.05, "{round_trip} ms: {ratio}");
        assert!(exchanges <= 0.2, "{round_trip} ms: {exchanges}");
    }
}

/// What there is goes as it comes, so of each one or two or none wait.
#[tokio::test(start_paused = true)]
async fn many_processes_with_short_queues_use_all_of_it() {
    for (processes, limit) in [(40, 80), (40, 200), (10, 100)] {
        let (used, exchanges) = short_queues(processes, limit).await;
        assert!(used >= 0.97, "{limit}/s: {used}");
        assert!(exchanges <= 0.2, "{limit}/s: {exchanges}");
    }
}

/// One has two tokens and another one, or one has one and another none.
#[tokio::test(start_paused = true)]
async fn tokens_that_go_round_are_used() {
    for (processes, limit, most) in [
        (10, 15, 0.7),
        (40, 60, 0.7),
        (40, 48, 0.6),
        (40, 40, 0.4),
        (40, 30, 1.0),
        (40, 20, 2.3),
    ] {
        let (used, exchanges) = short_queues(processes, limit).await;
        assert!(used >= 0.97, "{limit}/s: {used}");
        assert!(exchanges <= most, "{limit}/s: {exchanges}");
    }
}

/// How much of the limit so many use, and how many exchanges a request costs.
async fn short_queues(processes: u32, limit: u32) -> (f64, f64) {
    let store = MemoryStore::new().round_trip(Duration::from_millis(5));
    let quotas = [(SECOND, limit), (MINUTE, limit * 60)];
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let all: Vec<Process> = (0..processes).map(|_| process(&store, &quotas)).collect();
    for process in &all {
        work(&mut tasks, process, &limiter, 4, u32::MAX);
    }
    sleep(Duration::from_secs(70)).await;
    let (sent, exchanges) = (limiter.count(), store.exchanges());
    sleep(Duration::from_secs(60)).await;
    let sent = (limiter.count() - sent) as f64;
    let exchanges = (store.exchanges() - exchanges) as f64 / sent;
    let used = sent / f64::from(limit * 60);
    println!("{processes} processes, {limit}/s: {used:.3}, {exchanges:.3} exchanges");
    assert_eq!(limiter.refused(limit as usize, SECOND.length()), 0);
    (used, exchanges)
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_four_processes() {
    let store = MemoryStore::new().round_trip(Duration::from_millis(1));
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let processes: Vec<Process> = (0..4).map(|_| process(&store, &[(SECOND, 1)])).collect();
    let start = Instant::now();
    for process in &processes {
        work(&mut tasks, process, &limiter, 4, 20);
    }
    tasks.join_all().await;
    assert_eq!(limiter.refused(1, SECOND.length()), 0);
    let took = start.elapsed().as_secs_f64();
    println!(
        "{took:.1} s for 80 requests at 1/s, {} exchanges",
        store.exchanges()
    );
    assert!(took < 79.0 * 1.15, "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_gives_its_tokens_back_with_its_lease() {
    let store = MemoryStore::new();
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let quotas = [(SECOND, 10)];
    let killed = process(&store, &quotas);
    work(&mut tasks, &killed, &limiter, 16, 1_000);
    sleep(Duration::from_secs(5)).await;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    drop(killed);
    let left = process(&store, &quotas);
    let start = Instant::now();
    work(&mut tasks, &left, &limiter, 16, 100);
    tasks.join_all().await;
    // Its lease, its window, and what may have been under way.
    assert!(start.elapsed() < Duration::from_secs(5 + 1 + 2 + 11));
    assert_eq!(limiter.refused(10, SECOND.length()), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_gives_all_back_at_once() {
    let store = MemoryStore::new().round_trip(Duration::from_millis(5));
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let quotas = [(SECOND, 10), (MINUTE, 60)];
    let leaving = process(&store, &quotas);
    work(&mut tasks, &leaving, &limiter, 16, 30);
    while tasks.join_next().await.is_some() {}
    let start = Instant::now();
    leaving.state.leave().await.expect("the store is there");
    assert!(start.elapsed() <= Duration::from_millis(15));
    let scopes = leaving.state.snapshot().scopes;
    assert!(
        scopes
            .iter()
            .all(|scope| scope.windows.iter().all(|it| it.held == 0))
    );
    drop(leaving);
    // All that it has not used: with its lease it came back a minute later.
    let left = process(&store, &quotas);
    work(&mut tasks, &left, &limiter, 16, 30);
    tasks.join_all().await;
    assert!(start.elapsed() < Duration::from_secs(8));
    assert_eq!(limiter.refused(10, SECOND.length()), 0);
    assert_eq!(limiter.refused(60, MINUTE.length()), 0);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_may_come_again() {
    let store = MemoryStore::new();
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let process = process(&store, &[(SECOND, 10)]);
    process.state.leave().await.expect("nothing is held yet");
    work(&mut tasks, &process, &limiter, 4, 40);
    // What is under way, or waits, is not given back.
    for _ in 0..8 {
        sleep(Duration::from_millis(300)).await;
        process.state.leave().await.expect("the store is there");
    }
    tasks.join_all().await;
    assert_eq!(limiter.refused(10, SECOND.length()), 0);
    assert_eq!(limiter.count(), 40);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_store_is_away_hears_of_it() {
    let store = MemoryStore::new();
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let process = process(&store, &[(SECOND, 10)]);
    work(&mut tasks, &process, &limiter, 4, 10);
    tasks.join_all().await;
    store.set_fault(Some(Fault::Stall));
    let start = Instant::now();
    let error = process.state.leave().await.expect_err("the store is away");
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert!(start.elapsed() <= Duration::from_millis(51));
}

/// Four processes at work while the store does something else.
async fn outage(fault: Fault, mode: FailureMode) -> (Limiter, Vec<Process>, JoinSet<Instant>) {
    let store = MemoryStore::new().round_trip(Duration::from_millis(2));
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let quotas = [(SECOND, 10), (MINUTE, 600)];
    let processes: Vec<Process> = (0..4)
        .map(|_| {
            let state = SharedState::builder(store.clone())
                .failure_mode(mode)
                .build();
            let state = state.expect("good settings");
            let gate = Gate::join(&state, &quotas);
            Process { state, gate }
        })
        .collect();
    for process in &processes {
        work(&mut tasks, process, &limiter, 8, 250);
    }
    sleep(Duration::from_secs(10)).await;
    processes
        .iter()
        .for_each(|process| process.gate.shut.store(0, Ordering::Relaxed));
    store.set_fault(Some(fault));
    sleep(Duration::from_secs(20)).await;
    for process in &processes {
        assert!(matches!(
            process.state.snapshot().store,
            StoreStatus::Down { .. }
        ));
    }
    store.set_fault(None);
    sleep(Duration::from_secs(2)).await;
    for process in &processes {
        assert_eq!(process.state.snapshot().store, StoreStatus::Up);
    }
    (limiter, processes, tasks)
}

#[tokio::test(start_paused = true)]
async fn without_a_store_everybody_goes_on_with_an_equal_part() {
    let faults = [
        Fault::Error(StoreError::new(StoreErrorKind::Unreachable)),
        Fault::Stall,
        Fault::LoseReply,
    ];
    for fault in faults {
        let start = Instant::now();
        let (limiter, processes, tasks) = outage(fault.clone(), FailureMode::LocalShare).await;
        tasks.join_all().await;
        assert_eq!(limiter.count(), 1_000);
        let refused = limiter.refused(10, SECOND.length());
        let took = start.elapsed().as_secs_f64();
        println!("{fault:?}: {refused} refused, {took:.1} s");
        assert!(refused <= 10, "{refused}");
        assert_eq!(limiter.refused(600, MINUTE.length()), 0);
        assert!(took < 1.2 * 99.0, "{took}");
        for process in &processes {
            let shut = process.gate.shut.load(Ordering::Relaxed);
            assert!(shut <= 52, "somebody was shut out for {shut} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closed_means_closed_once_the_lease_is_over() {
    let stall = Fault::Stall;
    let (limiter, _processes, tasks) = outage(stall, FailureMode::Closed).await;
    tasks.join_all().await;
    assert_eq!(limiter.refused(10, SECOND.length()), 0);
    assert_eq!(limiter.count(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_costs_nothing() {
    let store = MemoryStore::new().round_trip(Duration::from_millis(2));
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let quotas = [(SECOND, 10), (MINUTE, 600)];
    let processes: Vec<Process> = (0..4).map(|_| process(&store, &quotas)).collect();
    for process in &processes {
        work(&mut tasks, process, &limiter, 8, 250);
    }
    for _ in 0..5 {
        sleep(Duration::from_secs(10)).await;
        store.flush();
    }
    tasks.join_all().await;
    assert_eq!(limiter.refused(10, SECOND.length()), 0);
    assert_eq!(limiter.refused(600, MINUTE.length()), 0);
}

/// A store that ends and begins anew, again and again, has not heard of all.
#[tokio::test(start_paused = true)]
async fn without_a_store_all_count_that_were_there_before_it_forgot() {
    for later in [100, 1_000, 3_000, 5_000, 7_000] {
        let store = MemoryStore::new().round_trip(Duration::from_millis(2));
        let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
        let processes: Vec<Process> = (0..4).map(|_| process(&store, &[(SECOND, 40)])).collect();
        for process in &processes {
            work(&mut tasks, process, &limiter, 20, 500);
        }
        sleep(Duration::from_secs(10)).await;
        store.flush();
        sleep(Duration::from_millis(later)).await;
        store.set_fault(Some(Fault::Stall));
        tasks.join_all().await;
        let refused = limiter.refused(40, SECOND.length());
        println!("{later} ms later: {refused} refused");
        assert!(refused <= 40, "{refused}");
    }
}

/// Refuses, and notes when it was asked.
#[derive(Debug, Default)]
struct Refuses(Mutex<Vec<Instant>>);

impl SharedStore for Refuses {
    fn exchange(&self, _: Exchange) -> ExchangeFuture<'_> {
        self.0.lock().expect("nobody panics").push(Instant::now());
        Box::pin(async { Err(StoreError::new(StoreErrorKind::Refused)) })
    }
}

/// After a tenth of a second, then twice as long each time, up to a second, and of that
/// a half is by chance.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_more_and_more_seldom() {
    let store = Arc::new(Refuses::default());
    let state = SharedState::builder(store.clone()).build();
    let gate = Gate::join(&state.expect("good settings"), &[(SECOND, 10)]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        let sent = gate.send("app").await;
        gate.answered(&sent);
    }
    let asked = store.0.lock().unwrap().clone();
    let pauses = asked.windows(2).map(|two| two[1] - two[0]);
    let most = [100, 200, 400, 800].into_iter().chain(repeat(1_000));
    for (pause, most) in pauses.zip(most) {
        let found = pause.as_millis();
        assert!((most / 2..=most + 1).contains(&found), "{pause:?}, {most}");
    }
    assert!(asked.len() > 20, "{}", asked.len());
}

#[tokio::test(start_paused = true)]
async fn a_start_without_a_store_waits_for_it_no_longer_than_its_deadline() {
    let store = MemoryStore::new();
    store.set_fault(Some(Fault::Stall));
    let alone = process(&store, &[(SECOND, 10)]);
    let start = Instant::now();
    let sent = alone.gate.send("app").await;
    alone.gate.answered(&sent);
    assert!(start.elapsed() <= Duration::from_millis(51));
}

#[tokio::test(start_paused = true)]
async fn a_hold_reaches_everybody_at_once() {
    let store = MemoryStore::new().round_trip(Duration::from_millis(20));
    let (one, other) = (
        process(&store, &[(SECOND, 10)]),
        process(&store, &[(SECOND, 10)]),
    );
    for process in [&one, &other] {
        let sent = process.gate.send("app").await;
        process.gate.answered(&sent);
    }
    let until = Instant::now() + Duration::from_secs(300);
    one.gate.close("app", until);
    sleep(Duration::from_millis(50)).await;
    let held = other.gate.hold("app").expect("it is closed here too");
    assert!(held <= until + Duration::from_millis(21) && held >= until);
}

#[tokio::test(start_paused = true)]
async fn who_is_idle_gives_all_back_and_goes_quiet() {
    let store = MemoryStore::new();
    let idle = process(&store, &[(SECOND, 10)]);
    let sent = idle.gate.send("app").await;
    idle.gate.answered(&sent);
    sleep(Duration::from_secs(5)).await;
    assert!(idle.state.snapshot().scopes.is_empty());
    let exchanges = store.exchanges();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(store.exchanges(), exchanges);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_after_the_last_handle() {
    let store = MemoryStore::new();
    let process = process(&store, &[(SECOND, 10)]);
    let sent = process.gate.send("app").await;
    process.gate.answered(&sent);
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    drop(process);
    sleep(Duration::from_millis(1)).await;
    let after = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(after, before - 1);
}
