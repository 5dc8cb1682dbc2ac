//! What becomes of a state that is in one node of a Cluster.

use tokio::time::sleep;
use tower_tiktok::shared_state::RedisState;

use crate::{
    cluster::Cluster,
    fleet::{Fleet, LIMIT, Process, ms},
};

pub(crate) fn clustered(cluster: &Cluster) -> impl Fn() -> RedisState + use<> {
    let urls = cluster.urls();
    move || {
        let redis = RedisState::cluster(urls.clone()).app("7011");
        redis.build().expect("good settings")
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_is_killed_and_started_anew() {
    let mut cluster = Cluster::start().await;
    let store = clustered(&cluster);
    let fleet = Fleet::at_work(&store).await;
    let (_, owner) = cluster.slot_of("7011").await;
    cluster.nodes[owner].kill();
    let newcomer = fleet.is_joined_without_a_store(store()).await;
    fleet.uses(0.6, 3).await;
    cluster.restart(owner).await;
    fleet.goes_on_with(&newcomer, None).await;
}

#[tokio::test]
async fn a_slot_of_a_cluster_is_moved_and_then_taken_over() {
    let mut cluster = Cluster::start().await;
    let fleet = Fleet::at_work(clustered(&cluster)).await;
    let (slot, first) = cluster.slot_of("7011").await;
    let (second, third) = ((first + 1) % 3, (first + 2) % 3);
    cluster.move_slot(slot, first, second).await;
    // All have spoken by then.
    sleep(ms(4_000)).await;
    fleet.are_up().await;
    // As after a failover to a replica that knew nothing yet.
    let gone = cluster.nodes[second].id().await;
    cluster.nodes[second].kill();
    cluster.take_slot(slot, &gone, third, first).await;
    sleep(ms(4_000)).await;
    fleet.are_up().await;
    fleet.uses(0.6, 3).await;
    fleet.nobody_was_shut_out();
    fleet.overran_by_at_most(LIMIT);
}

#[tokio::test]
async fn a_node_of_a_cluster_forgets_and_is_then_stopped() {
    let cluster = Cluster::start().await;
    let store = clustered(&cluster);
    let fleet = Fleet::at_work(&store).await;
    let (_, owner) = cluster.slot_of("7011").await;
    let owner = &cluster.nodes[owner];
    for _ in 0..2 {
        owner.tell("FLUSHALL").await;
        owner.tell("SCRIPT FLUSH").await;
        sleep(ms(2_000)).await;
    }
    fleet.overran_by_at_most(0);
    fleet.missed_nothing();
    owner.signal("STOP");
    let newcomer = fleet.is_joined_without_a_store(store()).await;
    fleet.uses(0.6, 6).await;
    owner.signal("CONT");
    fleet.goes_on_with(&newcomer, None).await;
}

/// It has nothing to do with this app, but whoever begins does not know that yet.
#[tokio::test]
async fn another_node_of_a_cluster_is_stopped() {
    let cluster = Cluster::start().await;
    let store = clustered(&cluster);
    let (_, owner) = cluster.slot_of("7011").await;
    let other = &cluster.nodes[(owner + 1) % 3];
    other.signal("STOP");
    let newcomer = Process::on(store());
    newcomer.send_one().await;
    newcomer.is_up().await;
}
