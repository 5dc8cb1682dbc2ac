use tokio::time::sleep;
use tower_tiktok::shared_state::{RedisState, StoreErrorKind};

use crate::{
    cable::Cable,
    fleet::{Fleet, LIMIT, Process, ms, redis},
    server::Server,
};

#[tokio::test]
async fn killed_and_started_anew() {
    let mut server = Server::start(&[]).await;
    let fleet = Fleet::on(&server).await;
    server.kill();
    let newcomer = fleet.is_joined_without_a_store(redis(&server.url())).await;
    fleet.uses(0.6, 3).await;
    server.restart().await;
    fleet.goes_on_with(&newcomer, Some(&server)).await;
}

#[tokio::test]
async fn stopped_for_twenty_seconds() {
    let server = Server::start(&[]).await;
    let fleet = Fleet::on(&server).await;
    server.signal("STOP");
    let newcomer = fleet.is_joined_without_a_store(redis(&server.url())).await;
    fleet.uses(0.8, 20).await;
    server.signal("CONT");
    fleet.goes_on_with(&newcomer, Some(&server)).await;
}

#[tokio::test]
async fn cut_off_and_joined_again() {
    let server = Server::start(&[]).await;
    let cable = Cable::to(server.port).await;
    let url = cable.url();
    let fleet = Fleet::at_work(|| redis(&url)).await;
    cable.cut(true);
    let newcomer = fleet.is_joined_without_a_store(redis(&url)).await;
    fleet.are_down(StoreErrorKind::Timeout, None).await;
    fleet.uses(0.8, 10).await;
    cable.cut(false);
    fleet.goes_on_with(&newcomer, Some(&server)).await;
}

/// Each exchange is answered, first in time by a little, then too late by a little.
#[tokio::test]
async fn slow_for_long() {
    let server = Server::start(&[]).await;
    let cable = Cable::to(server.port).await;
    let url = cable.url();
    let fleet = Fleet::at_work_within(ms(50), || redis(&url)).await;
    cable.slow(ms(40));
    fleet.uses(0.6, 6).await;
    fleet.are_up().await;
    cable.slow(ms(80));
    fleet.are_down(StoreErrorKind::Timeout, None).await;
    let newcomer = fleet.is_joined_without_a_store(redis(&url)).await;
    fleet.uses(0.6, 6).await;
    cable.slow(ms(0));
    fleet.goes_on_with(&newcomer, Some(&server)).await;
}

#[tokio::test]
async fn forgotten_and_flushed_scripts_and_all() {
    let server = Server::start(&[]).await;
    let fleet = Fleet::on(&server).await;
    for _ in 0..3 {
        server.tell("FLUSHALL").await;
        server.tell("SCRIPT FLUSH").await;
        sleep(ms(2_000)).await;
    }
    fleet.nobody_was_shut_out();
    fleet.overran_by_at_most(0);
    fleet.missed_nothing();
}

#[tokio::test]
async fn full_read_only_slow_and_garbled() {
    let server = Server::start(&["--enable-debug-command", "yes"]).await;
    let other = Server::start(&[]).await;
    let url = server.url();
    let fleet = Fleet::on(&server).await;
    let refused = StoreErrorKind::Refused;
    let replica = format!("REPLICAOF 127.0.0.1 {}", other.port);
    let key = "{pacing:default}:scope:app";
    let [set, unset] = [format!("SET {key} garbage"), format!("DEL {key}")];
    let faults = [
        (&*replica, "REPLICAOF NO ONE", "READONLY"),
        (&*set, &*unset, "WRONGTYPE"),
    ];
    for (breaks, mends, code) in faults {
        server.tell(breaks).await;
        fleet.are_down(refused, Some(code)).await;
        server.tell(mends).await;
        fleet.are_up().await;
    }
    // A state that is there can still be changed, but none be made.
    server.tell("CONFIG SET maxmemory 1").await;
    let new = RedisState::connect(&url).app("new");
    let new = Process::on(new.build().expect("good settings"));
    new.send_one().await;
    new.is_down(refused, Some("OOM")).await;
    server.tell("CONFIG SET maxmemory 0").await;
    new.is_up().await;
    // What it cannot read is not there.
    server.tell(&format!("HSET {key} s garbage")).await;
    sleep(ms(1_000)).await;
    let timeouts = fleet.are_down(StoreErrorKind::Timeout, None);
    tokio::join!(server.tell("DEBUG SLEEP 5"), timeouts);
    fleet.are_up().await;
    fleet.nobody_was_shut_out();
    fleet.overran_by_at_most(LIMIT);
}
