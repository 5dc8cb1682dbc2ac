//! What part of a limit is real, when one process has learned it.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tower_tiktok::{
    request_pacing::Scope,
    shared_state::{
        Exchange, ExchangeFuture, MemoryStore, Notice, SharedState, SharedStore, StoreStatus,
    },
    simulator::Level,
};

use crate::fleet::{Fleet, Process, ms, secs, server};

const MINUTE: u64 = 100_000;

/// What each second of the endpoint admits, as the process has learned.
fn learned(process: &Process) -> Option<u32> {
    let learned = process.handle.learned();
    let mut limits = learned.iter();
    let second = limits.find(|it| it.scope == endpoint() && it.time == secs(1));
    second?.requests
}

fn endpoint() -> Scope {
    Scope::endpoint("/campaign/create/")
}

/// How many a second each may send.
fn parts(fleet: &Fleet) -> Vec<u32> {
    let parts = fleet.processes.iter().map(|process| {
        let snapshot = process.handle.snapshot();
        let windows = snapshot.scope(&endpoint()).map(|it| it.windows[0].requests);
        windows.unwrap_or(0)
    });
    parts.collect()
}

fn all_know(fleet: &Fleet) -> bool {
    let mut known = fleet.processes.iter().map(learned);
    let first = known.next().flatten();
    first.is_some() && known.all(|it| it == first)
}

/// What one has found just now, the others know two round trips later. Of two that
/// tell something at the same moment one may miss the other's notice, and hear of
/// it with its next exchange.
const AGREE: Duration = Duration::from_millis(2 * 5 + 3_334 + 5);

async fn all_will_know(fleet: &Fleet, within: Duration) {
    let agree = async {
        while !all_know(fleet) {
            sleep(ms(1)).await;
        }
    };
    let agreed = timeout(within, agree).await;
    let known: Vec<_> = fleet.processes.iter().map(learned).collect();
    assert!(agreed.is_ok(), "{known:?} after {within:?}");
}

/// One more begins, and knows with its first lease.
async fn knows_from_the_start(fleet: &mut Fleet, workers: usize, requests: usize) {
    let newcomer = fleet.processes.len();
    fleet.start_process();
    fleet.work(newcomer, workers, requests);
    sleep(ms(100)).await;
    assert!(learned(&fleet.processes[newcomer]).is_some());
    all_will_know(fleet, AGREE).await;
}

#[tokio::test(start_paused = true)]
async fn what_one_has_learned_another_keeps_to_from_the_start() {
    // Somebody else uses half of what the table allows.
    let mut fleet = Fleet::at(server(20, MINUTE), 40, 5).processes(1);
    fleet.work(0, 32, 2_000);
    sleep(secs(30)).await;
    let before = fleet.outcome().refusals;
    assert!(before >= 20, "it had to learn");
    knows_from_the_start(&mut fleet, 32, 2_000).await;
    sleep(secs(10)).await;
    let parts = parts(&fleet);
    assert!(parts.iter().all(|part| *part >= 8), "{parts:?}");
    assert!(parts.iter().sum::<u32>() <= 22, "{parts:?}");
    // One that is tried for more may be refused, two or three times; and so may
    // some while the first hands over a half.
    let refusals = fleet.outcome().refusals - before;
    assert!(refusals <= 10, "{refusals}");
}

/// The server admits less from now on. Do all know so long after the first has
/// noticed?
async fn spreads(fleet: &Fleet, within: Duration) {
    fleet
        .simulator
        .set_level(Level::custom(20, MINUTE, 100_000_000));
    becomes_known(fleet, within, |limit| limit.is_some()).await;
}

/// One comes to know such a limit. Do all, so long after?
async fn becomes_known(fleet: &Fleet, within: Duration, is: impl Fn(Option<u32>) -> bool) {
    let first = async {
        while !fleet.processes.iter().any(|it| is(learned(it))) {
            sleep(ms(1)).await;
        }
    };
    timeout(secs(20), first).await.expect("one learns it");
    sleep(within).await;
    let known: Vec<_> = fleet.processes.iter().map(learned).collect();
    assert!(known.iter().all(|it| is(*it)), "{known:?} after {within:?}");
}

#[tokio::test(start_paused = true)]
async fn what_one_learns_is_known_to_all_at_once() {
    for round_trip in [1, 5, 50] {
        for seed in 0..3 {
            one_learns(round_trip, seed).await;
        }
    }
}

async fn one_learns(round_trip: u64, seed: u64) {
    let server = server(40, MINUTE).seed(seed);
    let mut fleet = Fleet::at(server, 40, round_trip).processes(4);
    // The others have nothing that could be refused any more.
    (1..4).for_each(|process| fleet.work(process, 1, 1));
    fleet.work(0, 32, 2_000);
    sleep(secs(10)).await;
    assert_eq!(fleet.processes.iter().find_map(learned), None);
    // An exchange that may be under way, and its own: less than 250 ms.
    let within = ms(2 * round_trip + 2);
    spreads(&fleet, within).await;
    // That more is admitted is known as soon, where it stays so.
    fleet
        .simulator
        .set_level(Level::custom(40, MINUTE, 100_000_000));
    let less = learned(&fleet.processes[0]);
    let is_more = |limit: Option<u32>| limit.is_none_or(|it| Some(it) > less);
    becomes_known(&fleet, within, is_more).await;
}

/// A store that tells nothing but what it is asked.
#[derive(Debug)]
struct Silent(MemoryStore);

impl SharedStore for Silent {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        self.0.exchange(exchange)
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        mpsc::channel(1).1
    }
}

#[tokio::test(start_paused = true)]
async fn without_notices_it_comes_with_the_next_exchange() {
    let mut fleet = Fleet::at(server(40, MINUTE), 40, 5);
    for _ in 0..4 {
        let state = SharedState::builder(Silent(fleet.store.clone()));
        let process = fleet.process(Some(state.build().unwrap()));
        fleet.processes.push(process);
    }
    // Who is not at work has no next one, so all are.
    (0..4).for_each(|process| fleet.work(process, 16, 1_000));
    sleep(secs(10)).await;
    // It is told as above; then two thirds of a lease, and a round trip.
    spreads(&fleet, ms(2 * 5 + 3_334 + 5)).await;
}

#[tokio::test(start_paused = true)]
async fn all_together_send_no_more_than_was_learned() {
    let mut fleet = Fleet::at(server(40, MINUTE), 40, 5).processes(4);
    (0..4).for_each(|process| fleet.work(process, 16, 1_000));
    sleep(secs(10)).await;
    fleet
        .simulator
        .set_level(Level::custom(20, MINUTE, 100_000_000));
    all_will_know(&fleet, secs(20)).await;
    // News need 250 ms. What was sent before them stays in its second.
    let mut known = Vec::new();
    for at in 0..600 {
        sleep(ms(50)).await;
        known.push(fleet.processes.iter().filter_map(learned).max());
        let parts = parts(&fleet);
        let most = known.iter().rev().take(25).max().unwrap().unwrap();
        let sum: u32 = parts.iter().sum();
        assert!(at < 25 || sum <= most, "{parts:?} of {most} after {at}");
    }
    // Mostly it is the true one; now and then more is tried.
    known.sort_unstable();
    assert_eq!(known[known.len() / 2], Some(20), "{known:?}");
}

/// How long 3,000 writes take, and how many are refused, if the limit of a
/// second changes in between.
async fn changes(processes: usize, [from, to]: [u64; 2], at: u64) -> (f64, u64) {
    let mut fleet = Fleet::at(server(from, MINUTE), 20, 5).processes(processes);
    (0..processes).for_each(|it| fleet.work(it, 64 / processes, 3_000 / processes));
    sleep(secs(at)).await;
    fleet
        .simulator
        .set_level(Level::custom(to, MINUTE, 100_000_000));
    let outcome = fleet.finish().await;
    assert_eq!((outcome.done, outcome.suspensions), (3_000, 0));
    (fleet.start.elapsed().as_secs_f64(), outcome.refusals)
}

/// One alone needs 1.05 times what it must, with some 25 refusals.
#[tokio::test(start_paused = true)]
async fn a_limit_that_rises_is_found_as_soon_by_many_as_by_one() {
    // 800 in 100 seconds, and the others at 20/s.
    let bound = 100.0 + 2_200.0 / 20.0;
    for processes in [1, 4] {
        let (took, refusals) = changes(processes, [8, 20], 100).await;
        println!("{processes}: {:.3}, {refusals} refused", took / bound);
        assert!(took / bound <= 1.10, "{processes}: {took}");
        assert!(refusals <= 60, "{processes}: {refusals}");
    }
}

/// Half as much waits for what all requests pass as soon as less is learned of the
/// endpoint. Some have told of it before.
#[tokio::test(start_paused = true)]
async fn who_has_as_much_to_do_has_as_much_of_what_all_pass() {
    let mut fleet = Fleet::at(server(8, MINUTE), 20, 5).processes(4);
    (0..4).for_each(|process| fleet.work(process, 16, 1_000));
    sleep(secs(60)).await;
    let parts = fleet.processes.iter().map(|process| {
        let shared = process.handle.shared().unwrap();
        let app = shared.scopes.iter().find(|it| &*it.name == "app");
        app.unwrap().windows[0].target
    });
    let parts: Vec<u32> = parts.collect();
    assert_eq!(parts, [5; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_drops_is_found_as_soon_by_many_as_by_one() {
    let bound = 75.0 + 1_500.0 / 8.0;
    for processes in [1, 4] {
        let (took, refusals) = changes(processes, [20, 8], 75).await;
        println!("{processes}: {:.3}, {refusals} refused", took / bound);
        assert!(took / bound <= 1.10, "{processes}: {took}");
        assert!(refusals <= 120, "{processes}: {refusals}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_store_forgets_is_told_again() {
    let mut fleet = Fleet::at(server(20, MINUTE), 40, 5).processes(2);
    (0..2).for_each(|process| fleet.work(process, 16, 2_000));
    sleep(secs(20)).await;
    let before = fleet.outcome().refusals;
    fleet.store.flush();
    // Its next exchange, and the one after.
    sleep(secs(10)).await;
    all_will_know(&fleet, AGREE).await;
    knows_from_the_start(&mut fleet, 16, 1_000).await;
    let store = fleet.processes[2].handle.shared().unwrap().store;
    assert_eq!(store, StoreStatus::Up);
    sleep(secs(10)).await;
    let sum: u32 = parts(&fleet).iter().sum();
    assert!(sum <= 22, "{sum}");
    // What was told is not told again for 5 s. Until somebody is refused, who then
    // has news and tells them at once, twice as many may be sent: for a second, a
    // look and an exchange. And in 20 s some probes fail.
    let refusals = fleet.outcome().refusals - before;
    println!("{refusals} refused");
    assert!(refusals <= 30 + 20, "{refusals}");
}
