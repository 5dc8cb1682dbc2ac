//! The same with a user and a password over TLS, single and Cluster.

mod certificate;

use tokio::time::sleep;
use tower_tiktok::shared_state::{RedisState, StoreErrorKind, StoreStatus};
use tracing::Level;

use self::certificate::Certificate;
use crate::{
    cable::Cable,
    cluster::Cluster,
    fleet::{Fleet, Process, ms, redis, shares_a_hold},
    log::Log,
    server::Server,
};

fn url(password: &str, port: u16) -> String {
    format!("rediss://pacer:{password}@127.0.0.1:{port}")
}

async fn lets_a_pacer_in(server: &Server) {
    let made = server
        .tell("ACL SETUSER pacer on >s3cret ~* &* +@all")
        .await;
    assert!(made.contains("OK"), "{made}");
}

fn says_no_secret(text: &str) {
    assert!(
        !text.contains("s3cret") && !text.contains("wr0ng"),
        "{text}"
    );
}

#[tokio::test]
async fn who_is_let_in_shares_and_who_is_not_goes_on() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let certificate = Certificate::make();
    let server = certificate.server().await;
    lets_a_pacer_in(&server).await;
    let process = |password| {
        let redis = RedisState::connect(url(password, server.port));
        let redis = redis.root_certificate(certificate.root());
        let store = redis.clone().build().expect("good settings");
        says_no_secret(&format!("{redis:?}{store:?}"));
        Process::on(store)
    };
    let (one, other) = (process("s3cret"), process("s3cret"));
    for process in [&one, &other] {
        process.send_one().await;
        process.is_up().await;
    }
    server.is_heard_by("default", 2).await;
    shares_a_hold(&[&one, &other]).await;
    let bad = process("wr0ng");
    bad.send_one().await;
    bad.is_down(StoreErrorKind::Refused, None).await;
    let stranger = Process::on(redis(&url("s3cret", server.port)));
    stranger.send_one().await;
    stranger.is_down(StoreErrorKind::Unreachable, None).await;
    sleep(ms(3_000)).await;
    for process in [&bad, &stranger] {
        assert!(matches!(process.status(), StoreStatus::Down { .. }));
        says_no_secret(&format!("{:?}{:?}", process.state, process.status()));
    }
    let broken = RedisState::connect("rediss://pacer:s3cret@:port").build();
    let error = broken.as_ref().expect_err("no address");
    says_no_secret(&format!("{broken:?}{error}"));
    says_no_secret(&log.take());
}

/// Whoever listens takes the connection and says nothing.
#[tokio::test]
async fn a_handshake_that_hangs() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let certificate = Certificate::make();
    let server = certificate.server().await;
    lets_a_pacer_in(&server).await;
    let cable = Cable::to(server.port).await;
    let store = || {
        let redis = RedisState::connect(url("s3cret", cable.port));
        let redis = redis.root_certificate(certificate.root());
        redis.build().expect("good settings")
    };
    let fleet = Fleet::at_work(store).await;
    // To make the connection may take longer than a deadline, but only that.
    fleet.uses(0.6, 3).await;
    fleet.missed_nothing();
    cable.cut(true);
    let newcomer = fleet.is_joined_without_a_store(store()).await;
    newcomer.is_down(StoreErrorKind::Timeout, None).await;
    fleet.are_down(StoreErrorKind::Timeout, None).await;
    fleet.uses(0.6, 5).await;
    cable.cut(false);
    fleet.goes_on_with(&newcomer, Some(&server)).await;
    says_no_secret(&log.take());
}

fn clustered(certificate: &Certificate, cluster: &Cluster) -> impl Fn() -> RedisState + use<> {
    let url = |it: &Server| url("s3cret", it.port);
    let urls: Vec<String> = cluster.nodes.iter().map(url).collect();
    let root = certificate.root();
    move || {
        let redis = RedisState::cluster(urls.clone()).root_certificate(root.clone());
        redis.app("7011").build().expect("good settings")
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_is_killed_and_started_anew() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let certificate = Certificate::make();
    let mut cluster = certificate.cluster().await;
    for node in &cluster.nodes {
        lets_a_pacer_in(node).await;
    }
    let store = clustered(&certificate, &cluster);
    says_no_secret(&format!("{:?}", store()));
    let fleet = Fleet::at_work(&store).await;
    fleet.shares_a_hold().await;
    let (_, owner) = cluster.slot_of("7011").await;
    cluster.nodes[owner].kill();
    let newcomer = fleet.is_joined_without_a_store(store()).await;
    cluster.restart(owner).await;
    // It has forgotten everybody.
    sleep(ms(2_000)).await;
    lets_a_pacer_in(&cluster.nodes[owner]).await;
    fleet.goes_on_with(&newcomer, None).await;
    let log = log.take();
    assert!(log.contains("redis::cluster"), "its client logs too: {log}");
    says_no_secret(&log);
}
