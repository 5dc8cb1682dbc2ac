use tokio::time::sleep;

use super::{fleet::Fleet, sharing::all_learn_a_half};
use crate::{
    cable::Cable,
    cluster::Cluster,
    fleet::{LIMIT, ms, redis},
    nodes::clustered,
    server::Server,
};

/// The refusals of one second.
const SECOND: u64 = LIMIT as u64;

#[tokio::test]
async fn nothing_is_lost_with_a_server_that_is_killed() {
    let mut server = Server::start(&[]).await;
    let url = server.url();
    let mut fleet = Fleet::at_work(|| redis(&url), 2_400, 150).await;
    server.kill();
    fleet.is_joined_without_a_store(redis(&url)).await;
    sleep(ms(4_000)).await;
    server.restart().await;
    fleet.are_up().await;
    fleet.said_once(1);
    fleet.finish().await;
    fleet.ends_well(SECOND);
}

#[tokio::test]
async fn no_minute_is_overrun_while_the_server_is_stopped() {
    let server = Server::start(&[]).await;
    let url = server.url();
    // The minute is full when the server goes on. Who wakes without a store takes
    // one, that nobody has reserved for it, and sends no more.
    let mut fleet = Fleet::at_work_within(900, 900 + 1, || redis(&url), 245).await;
    server.signal("STOP");
    fleet.is_joined_without_a_store(redis(&url)).await;
    sleep(ms(20_000)).await;
    server.signal("CONT");
    fleet.are_up().await;
    fleet.said_once(1);
    fleet.finish().await;
    fleet.ends_well(SECOND);
}

#[tokio::test]
async fn nothing_is_lost_on_a_cable_that_is_cut() {
    let server = Server::start(&[]).await;
    let cable = Cable::to(server.port).await;
    let url = cable.url();
    let mut fleet = Fleet::at_work(|| redis(&url), 2_400, 200).await;
    cable.cut(true);
    fleet.is_joined_without_a_store(redis(&url)).await;
    fleet.are_down().await;
    cable.cut(false);
    fleet.are_up().await;
    fleet.said_once(1);
    fleet.finish().await;
    fleet.ends_well(SECOND);
}

#[tokio::test]
async fn nothing_is_lost_with_a_server_that_is_slow_for_long() {
    let server = Server::start(&[]).await;
    let cable = Cable::to(server.port).await;
    let url = cable.url();
    let fleet = Fleet::new(LIMIT, 2_400, 2_400).within(ms(50));
    let mut fleet = fleet.goes_to_work(|| redis(&url), 200, 50).await;
    cable.slow(ms(40));
    sleep(ms(5_000)).await;
    cable.slow(ms(80));
    fleet.are_down().await;
    sleep(ms(3_000)).await;
    cable.slow(ms(0));
    fleet.are_up().await;
    fleet.finish().await;
    fleet.ends_well(SECOND);
}

#[tokio::test]
async fn nothing_is_lost_with_a_node_that_is_stopped_and_forgets() {
    let cluster = Cluster::start().await;
    let store = clustered(&cluster);
    // More than is done by the end: the time ends it, however slow the machine.
    let mut fleet = Fleet::at_work(&store, 2_400, 600).await;
    let (_, owner) = cluster.slot_of("7011").await;
    let owner = &cluster.nodes[owner];
    owner.signal("STOP");
    fleet.is_joined_without_a_store(store()).await;
    sleep(ms(6_000)).await;
    owner.signal("CONT");
    fleet.are_up().await;
    fleet.said_once(1);
    owner.tell("FLUSHALL").await;
    owner.tell("SCRIPT FLUSH").await;
    // All hear notices again.
    sleep(ms(2_000)).await;
    fleet.overran_by_at_most(SECOND);
    all_learn_a_half(&fleet).await;
    fleet.send_no_more();
    fleet.finish().await;
    // The outage; and the event itself, its narrowing down, and what is beyond a
    // half until all know of it.
    fleet.ends_well(SECOND + 3 * SECOND);
}

#[tokio::test]
async fn a_server_that_forgets_is_no_outage() {
    let server = Server::start(&[]).await;
    let url = server.url();
    let mut fleet = Fleet::at_work(|| redis(&url), 2_400, 150).await;
    for _ in 0..3 {
        server.tell("FLUSHALL").await;
        server.tell("SCRIPT FLUSH").await;
        sleep(ms(2_000)).await;
    }
    fleet.finish().await;
    fleet.said_once(0);
    fleet.ends_well(SECOND);
}

#[tokio::test]
async fn nothing_is_lost_with_a_server_that_is_read_only_full_or_garbled() {
    let server = Server::start(&[]).await;
    let other = Server::start(&[]).await;
    let url = server.url();
    // Enough that all still speak when the last fault comes.
    let mut fleet = Fleet::at_work(|| redis(&url), 2_400, 320).await;
    let key = "{pacing:default}:scope:app";
    let replica = format!("REPLICAOF 127.0.0.1 {}", other.port);
    let [set, unset] = [format!("SET {key} garbage"), format!("DEL {key}")];
    for (breaks, mends) in [(&*replica, "REPLICAOF NO ONE"), (&*set, &*unset)] {
        server.tell(breaks).await;
        fleet.are_down().await;
        server.tell(mends).await;
        fleet.are_up().await;
    }
    fleet.said_once(2);
    // A new scope cannot be made, and what cannot be read is not there. The limits
    // are, so a newcomer waits for its part of them.
    server.tell("CONFIG SET maxmemory 1").await;
    fleet.is_joined(redis(&url)).await;
    server.tell(&format!("HSET {key} s garbage")).await;
    sleep(ms(2_000)).await;
    server.tell("CONFIG SET maxmemory 0").await;
    fleet.are_up().await;
    fleet.finish().await;
    fleet.ends_well(2 * SECOND);
}
