use crate::{cluster::Cluster, fleet::Fleet, nodes::clustered, server::Server};

#[tokio::test]
async fn four_processes_use_one_limit_and_no_more() {
    let server = Server::start(&[]).await;
    let fleet = Fleet::on(&server).await;
    fleet.uses(0.8, 6).await;
    fleet.overran_by_at_most(0);
    for process in &fleet.processes {
        assert_eq!(process.state.snapshot().instances, 4);
    }
    fleet.missed_nothing();
}

#[tokio::test]
async fn four_processes_on_a_cluster_of_three() {
    let cluster = Cluster::start().await;
    let fleet = Fleet::at_work(clustered(&cluster)).await;
    fleet.uses(0.8, 6).await;
    fleet.overran_by_at_most(0);
    fleet.shares_a_hold().await;
    fleet.missed_nothing();
}

#[cfg(feature = "redis-tls")]
#[tokio::test]
async fn over_tls_and_only_with_a_certificate_that_is_known() {
    use tokio::time::sleep;
    use tower_tiktok::shared_state::{RedisState, StoreStatus};

    use crate::{
        fleet::{Process, ms, redis},
        server, tls,
    };

    let certificate = tls::Certificate::make();
    let port = server::free_port();
    let server = certificate.server(port).await;
    let url = format!("rediss://127.0.0.1:{port}");
    let known = |root: Vec<u8>| {
        let redis = RedisState::connect(&url).connect_timeout(ms(10_000));
        redis.root_certificate(root).build()
    };
    let root = std::fs::read(certificate.file("cert.pem")).expect("it was made");
    let fleet = Fleet::at_work(|| known(root.clone()).expect("good settings")).await;
    // To make the connection may take longer than a deadline, but only that.
    fleet.uses(0.6, 3).await;
    fleet.missed_nothing();
    fleet.shares_a_hold().await;
    // Nobody of this system has signed it.
    let stranger = Process::on(redis(&url));
    stranger.send_one().await;
    stranger.is_shut_out().await;
    sleep(ms(3_000)).await;
    assert!(matches!(stranger.status(), StoreStatus::Down { .. }));
    drop(server);
}
