use tokio::time::sleep;

use super::fleet::Fleet;
use crate::{
    fleet::{LIMIT, ms, redis},
    server::Server,
};

/// Four processes on one account, whose permits all wait for.
async fn at_work(server: &Server) -> Fleet {
    let fleet = Fleet::new(LIMIT, 2_400, 2_400).assume(4);
    let (fleet, url) = (fleet.slow(ms(300), 8), server.url());
    let fleet = fleet.goes_to_work(|| redis(&url), 600, 1).await;
    assert_eq!(fleet.most_in_work(), 8, "all are in use");
    fleet
}

/// The store is there again: nobody has had more than there are.
async fn goes_on(mut fleet: Fleet) {
    fleet.are_up().await;
    sleep(ms(6_000)).await;
    fleet.said_once(1);
    fleet.send_no_more();
    fleet.finish().await;
    fleet.permits_held();
    fleet.ends_well(u64::from(LIMIT));
}

#[tokio::test]
async fn permits_are_held_with_a_server_that_is_killed() {
    let mut server = Server::start(&[]).await;
    let fleet = at_work(&server).await;
    server.kill();
    sleep(ms(8_000)).await;
    server.restart().await;
    goes_on(fleet).await;
}

#[tokio::test]
async fn permits_are_held_with_a_server_that_is_stopped() {
    let server = Server::start(&[]).await;
    let fleet = at_work(&server).await;
    server.signal("STOP");
    sleep(ms(8_000)).await;
    server.signal("CONT");
    goes_on(fleet).await;
}
