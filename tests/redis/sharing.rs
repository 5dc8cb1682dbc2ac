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
