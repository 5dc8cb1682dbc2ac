use std::time::Duration;

use tower::ServiceExt;
use tower_tiktok::shared_state::RedisState;

use super::fleet::{Fleet, write};
use crate::{
    cluster::Cluster,
    fleet::{ms, redis},
    machine::Machine,
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
    let store = || {
        let redis = RedisState::cluster(cluster.urls()).app("7011");
        redis.build().expect("good settings")
    };
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
        tokio::time::sleep(ms(1)).await;
    }
    let machine = Machine::watch();
    while !(0..3).all(closed) {
        tokio::time::sleep(ms(1)).await;
        assert!(machine.ran_at_most(ms(250)), "{machine:?}");
    }
}
