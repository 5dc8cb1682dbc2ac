use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;
use tower_tiktok::simulator::Level;

use super::fleet::{Fleet, write};
use crate::{
    cluster::Cluster,
    fleet::{LIMIT, ms, redis},
    machine::Machine,
    nodes::clustered,
    server::Server,
};

#[tokio::test]
async fn four_processes_use_one_app_and_its_accounts() {
    let server = Server::start(&[]).await;
    let mut fleet = Fleet::new(40, 2_400, 2_400).assume(4);
    for process in 0..4 {
        fleet.start_process(redis(&server.url()));
        // Each account is in use by all.
        fleet.work(process, 16, 100, 8);
    }
    fleet.finish().await;
    fleet.ends_well(4);
    fleet.permits_held();
    fleet.said_once(0);
}

#[tokio::test]
async fn four_processes_on_a_cluster() {
    let cluster = Cluster::start().await;
    let store = clustered(&cluster);
    let mut fleet = Fleet::new(40, 2_400, 2_400).assume(4);
    for process in 0..4 {
        fleet.start_process(store());
        fleet.work(process, 16, 100, 8);
    }
    fleet.finish().await;
    fleet.ends_well(4);
    fleet.permits_held();
}

#[tokio::test]
async fn who_has_more_to_do_gets_more_and_nobody_starves() {
    let server = Server::start(&[]).await;
    let mut fleet = Fleet::new(LIMIT, 2_400, 2_400).assume(3);
    for (process, workers) in [32, 8, 1].into_iter().enumerate() {
        fleet.start_process(redis(&server.url()));
        fleet.work(process, workers, 1_000, 50);
    }
    // Until the parts of a fresh state are settled.
    sleep(ms(4_000)).await;
    let (machine, start) = (Machine::watch(), Instant::now());
    let before = fleet.left();
    sleep(ms(10_000)).await;
    let (left, seconds) = (fleet.left(), start.elapsed().as_secs_f64());
    let done = before.iter().zip(left).map(|(before, left)| before - left);
    let rates: Vec<f64> = done.map(|done| done as f64 / seconds).collect();
    assert!(rates.is_sorted_by(|more, less| more > less), "{rates:?}");
    let allowed = |law| machine.allows_use(law, Duration::from_secs(1));
    let used = rates.iter().sum::<f64>() / f64::from(LIMIT);
    assert!(used > allowed(0.8), "{used} is used: {machine:?}");
    assert!(rates[2] > allowed(3.0), "{rates:?}: {machine:?}");
    fleet.send_no_more();
    fleet.finish().await;
    fleet.ends_well(4);
}

#[tokio::test]
async fn a_hold_that_one_meets_reaches_all() {
    let server = Server::start(&[]).await;
    // The fourth request within a minute brings a suspension.
    let mut fleet = Fleet::new(40, 2_400, 3);
    for _ in 0..4 {
        fleet.start_process(redis(&server.url()));
    }
    for process in 0..3 {
        let client = fleet.processes[process].client.clone();
        let answer = client.oneshot(write(process, 1, 0)).await;
        answer.expect("one of three");
    }
    server.is_heard_by("default", 3).await;
    let closed = |process: usize| {
        let snapshot = fleet.processes[process].pacing.snapshot();
        snapshot
            .scopes()
            .iter()
            .any(|it| it.held_for.is_some_and(|it| it > Duration::from_secs(60)))
    };
    let fourth = fleet.processes[3].client.clone();
    tokio::spawn(fourth.oneshot(write(3, 1, 0)));
    while !closed(3) {
        sleep(ms(1)).await;
    }
    let machine = Machine::watch();
    while !(0..3).all(closed) {
        sleep(ms(1)).await;
        assert!(machine.ran_at_most(ms(250)), "{machine:?}");
    }
}

/// How many a second of the endpoint admits, as the process has learned.
fn learned(fleet: &Fleet, process: usize) -> Option<u32> {
    let learned = fleet.processes[process].pacing.learned();
    let second = Duration::from_secs(1);
    learned.iter().find(|it| it.time == second)?.requests
}

/// Somebody else has a half from now on.
pub(super) async fn all_learn_a_half(fleet: &Fleet) {
    let half = Level::custom(u64::from(LIMIT) / 2, 2_400, 1_000_000);
    fleet.simulator.set_level(half);
    let first = async {
        while (0..4).all(|process| learned(fleet, process).is_none()) {
            sleep(ms(1)).await;
        }
    };
    let first = timeout(Duration::from_secs(20), first).await;
    first.expect("twice as many are refused within 20 seconds");
    let machine = Machine::watch();
    while !(0..4).all(|process| learned(fleet, process).is_some()) {
        sleep(ms(1)).await;
        assert!(machine.ran_at_most(ms(250)), "{machine:?}");
    }
}

#[tokio::test]
async fn what_one_has_learned_reaches_all() {
    let server = Server::start(&[]).await;
    // More than is done by the end: the time ends it, however slow the machine.
    let mut fleet = Fleet::at_work(|| redis(&server.url()), 2_400, 600).await;
    server.is_heard_by("default", 4).await;
    all_learn_a_half(&fleet).await;
    // By then all have told it who have found it by themselves.
    sleep(ms(500)).await;
    // Who begins now knows with its first lease. If it misses the store, it goes
    // on without, and is back within a second.
    let machine = Machine::watch();
    fleet.is_joined(redis(&server.url())).await;
    while learned(&fleet, 4).is_none() {
        sleep(ms(1)).await;
        assert!(machine.ran_until_return(ms(1_000)), "{machine:?}");
    }
    server.tell("FLUSHALL").await;
    // What was told is not told again for 5 s, and the next exchange is two thirds
    // of a lease away. Whoever is refused meanwhile has news, and tells at once.
    sleep(ms(5_000 + 3_334)).await;
    fleet.send_no_more();
    fleet.finish().await;
    // The event itself, its narrowing down, and the claims of a fresh state; and
    // what is beyond a half until the first refusal, and until all know of it.
    fleet.ends_well(2 * u64::from(LIMIT) + u64::from(LIMIT));
}
