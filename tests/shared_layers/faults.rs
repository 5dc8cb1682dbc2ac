use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use http::{Request, Response};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    request_pacing::{Quota, Quotas, RequestPacingLayer},
    shared_state::{
        FailureMode, Fault, MemoryStore, SharedState, StoreError, StoreErrorKind, StoreStatus,
    },
    simulator::Latency,
};

use crate::fleet::{Fleet, ms, secs, server, write};

/// Four processes at work, and the store does something else for a while.
async fn outage(fault: Fault) {
    let mut fleet = Fleet::new(10, 2).processes(4);
    (0..4).for_each(|process| fleet.work(process, 8, 200));
    sleep(secs(10)).await;
    fleet.store.set_fault(Some(fault.clone()));
    sleep(secs(20)).await;
    for process in &fleet.processes {
        let store = process.handle.shared().unwrap().store;
        assert!(matches!(store, StoreStatus::Down { .. }), "{store:?}");
    }
    fleet.store.set_fault(None);
    sleep(secs(2)).await;
    for process in &fleet.processes {
        assert_eq!(process.handle.shared().unwrap().store, StoreStatus::Up);
    }
    let outcome = fleet.finish().await;
    println!("{fault:?}: {outcome:?}");
    assert_eq!((outcome.done, outcome.suspensions), (800, 0));
    assert!(outcome.refusals <= 10, "{outcome:?}");
    assert!(outcome.ratio < 1.25, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_nobody() {
    outage(Fault::Error(StoreError::new(StoreErrorKind::Unreachable))).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stalls_stops_nobody() {
    outage(Fault::Stall).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_its_answers_stops_nobody() {
    outage(Fault::LoseReply).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_costs_hardly_anything() {
    let mut fleet = Fleet::new(10, 2).processes(4);
    (0..4).for_each(|process| fleet.work(process, 8, 200));
    for _ in 0..4 {
        sleep(secs(10)).await;
        fleet.store.flush();
    }
    let outcome = fleet.finish().await;
    println!("{outcome:?}");
    assert_eq!((outcome.done, outcome.suspensions), (800, 0));
    assert!(outcome.refusals <= 10, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_dead_store_no_longer_than_its_deadline() {
    let fleet = Fleet::at(server(10, 600).latency(Latency::none()), 10, 2).processes(1);
    fleet.store.set_fault(Some(Fault::Stall));
    let start = Instant::now();
    let client = fleet.processes[0].client.clone();
    client.oneshot(write(0, 0, 0)).await.unwrap();
    assert!(start.elapsed() <= ms(51), "{:?}", start.elapsed());
}

/// Each of an account, at an endpoint, of which this process holds nothing yet.
#[tokio::test(start_paused = true)]
async fn who_comes_during_an_exchange_waits_no_longer_for_its_turn() {
    for (round_trip, later, stalls) in
        [(5, 1, false), (40, 7, false), (40, 7, true), (40, 0, false)]
    {
        let store = MemoryStore::new().round_trip(ms(round_trip));
        let each = Quota::requests_per_second(20);
        let quotas = Quotas::none().with_each_account_endpoint(each);
        let layer = RequestPacingLayer::builder(quotas).shared(store.clone());
        let layer = layer.build().unwrap();
        let answers = |_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) };
        let client = layer.layer(service_fn(answers));
        let mut tasks = JoinSet::new();
        for account in 0..200 {
            let context = RequestContext::new(Operation::Write).with_endpoint("/create/");
            let context = context.with_account(account.to_string());
            let call = Request::post("/").extension(context).body(()).unwrap();
            let client = client.clone();
            tasks.spawn(async move {
                let start = Instant::now();
                client.oneshot(call).await.unwrap();
                start.elapsed()
            });
            sleep(ms(later)).await;
            if stalls && account == 50 {
                store.set_fault(Some(Fault::Stall));
            }
        }
        let longest = tasks.join_all().await.into_iter().max();
        println!("{round_trip} ms, each {later} ms: {longest:?}");
        assert!(longest <= Some(ms(51)), "{longest:?}");
    }
}

/// The first is lost and tells that the store is away; the second, beside it, is
/// lost as well, and that comes out when the store has answered again.
#[tokio::test(start_paused = true)]
async fn what_was_lost_in_an_outage_makes_no_second_one() {
    let store = MemoryStore::new().round_trip(ms(2));
    let state = SharedState::builder(store.clone()).deadline(ms(500));
    let state = state.build().unwrap();
    let each = Quota::requests_per_second(20);
    let quotas = Quotas::none().with_each_account_endpoint(each);
    let layer = RequestPacingLayer::builder(quotas).shared(state.clone());
    let layer = layer.build().unwrap();
    let answers = |_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) };
    let client = layer.layer(service_fn(answers));
    let send = |account: u32| {
        let context = RequestContext::new(Operation::Write).with_endpoint("/create/");
        let context = context.with_account(account.to_string());
        let call = Request::post("/").extension(context).body(()).unwrap();
        tokio::spawn(client.clone().oneshot(call))
    };
    send(0).await.unwrap().unwrap();
    store.set_fault(Some(Fault::Stall));
    send(1);
    sleep(ms(400)).await;
    send(2);
    sleep(ms(101)).await;
    assert!(matches!(state.snapshot().store, StoreStatus::Down { .. }));
    store.set_fault(None);
    sleep(ms(110)).await;
    assert_eq!(state.snapshot().store, StoreStatus::Up);
    for _ in 0..1_000 {
        sleep(ms(1)).await;
        assert_eq!(state.snapshot().store, StoreStatus::Up);
    }
    assert_eq!(state.snapshot().failures, 2);
}

/// "With `FailureMode::Closed`, nothing once the lease is over."
#[tokio::test(start_paused = true)]
async fn who_is_closed_sends_nothing_without_a_store() {
    let store = MemoryStore::new().round_trip(ms(2));
    let state = SharedState::builder(store.clone()).failure_mode(FailureMode::Closed);
    let layer = RequestPacingLayer::builder(Quota::requests_per_second(10));
    let layer = layer.shared(state.build().unwrap()).build().unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let count = sent.clone();
    let client = layer.layer(service_fn(move |_: Request<()>| {
        count.fetch_add(1, Relaxed);
        async { Ok::<_, Infallible>(Response::new(())) }
    }));
    for _ in 0..400 {
        tokio::spawn(client.clone().oneshot(Request::new(())));
    }
    sleep(secs(5)).await;
    store.set_fault(Some(Fault::Stall));
    sleep(secs(6)).await;
    let with_the_lease = sent.load(Relaxed);
    assert!(with_the_lease >= 80, "{with_the_lease}");
    sleep(secs(20)).await;
    assert_eq!(sent.load(Relaxed), with_the_lease);
    store.set_fault(None);
    sleep(secs(7)).await;
    let again = sent.load(Relaxed) - with_the_lease;
    assert!((45..=70).contains(&again), "{again}");
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_held_comes_back_with_its_lease() {
    let mut fleet = Fleet::new(10, 2).processes(1);
    fleet.work(0, 16, 1_000);
    sleep(secs(5)).await;
    fleet.kill().await;
    let before = fleet.outcome().done;
    fleet.start_process();
    let start = Instant::now();
    fleet.work(0, 16, 100);
    let outcome = fleet.finish().await;
    assert_eq!(outcome.done, before + 100);
    // Its lease, its window, and what may have been under way.
    assert!(
        start.elapsed() < secs(5 + 1 + 2 + 12),
        "{:?}",
        start.elapsed()
    );
    assert!(outcome.refusals <= 2, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_closes_the_scope_for_all() {
    // The second request within a minute is one too many, and brings a
    // suspension.
    let quick = server(10, 1).latency(Latency::none());
    let fleet = Fleet::at(quick, 10, 20).processes(2);
    for process in &fleet.processes {
        tokio::spawn(process.client.clone().oneshot(write(0, 0, 0)));
        sleep(ms(600)).await;
    }
    let held = |process: usize| {
        let snapshot = fleet.processes[process].handle.snapshot();
        snapshot.scopes().iter().find_map(|it| it.held_for)
    };
    let (others, own) = (held(0).unwrap(), held(1).unwrap());
    assert!(
        own > secs(250) && others.abs_diff(own) < ms(50),
        "{others:?}, {own:?}"
    );
}

/// As where many start at once on a busy machine.
#[tokio::test(start_paused = true)]
async fn a_first_exchange_that_is_lost_costs_hardly_anything() {
    for fault in [Fault::Stall, Fault::LoseReply] {
        let mut fleet = Fleet::new(50, 2).assume(4).processes(4);
        fleet.store.set_fault(Some(fault.clone()));
        (0..4).for_each(|process| fleet.work(process, 16, 250));
        sleep(ms(100)).await;
        fleet.store.set_fault(None);
        sleep(secs(1)).await;
        for process in &fleet.processes {
            let shared = process.handle.shared().unwrap();
            assert!(shared.failures > 0, "{shared:?}");
            assert_eq!(shared.store, StoreStatus::Up);
        }
        let outcome = fleet.finish().await;
        println!("{fault:?}: {outcome:?}");
        assert_eq!((outcome.refusals, outcome.suspensions), (0, 0));
        // The server's seconds while all work. One in which nothing came is none.
        let seconds = fleet.simulator.ledger().seconds;
        let used: Vec<u64> = (1..16)
            .map(|at| {
                let second = seconds[0].second + at;
                let found = seconds.iter().find(|it| it.second == second);
                found.map_or(0, |it| it.admitted)
            })
            .collect();
        assert!(used.iter().all(|admitted| *admitted >= 40), "{used:?}");
    }
}
