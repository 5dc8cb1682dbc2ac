use tokio::time::sleep;
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    request_pacing::{Quota, Quotas, Scope},
};

use crate::server::{build, go, request, secs, slow, spawn, with};

/// An endpoint whose second has long passed is evicted while somebody waits
/// for his account and will need the endpoint next.
#[tokio::test(start_paused = true)]
async fn a_scope_that_a_waiting_request_will_need_is_not_evicted() {
    let quotas = Quotas::none()
        .with_each_endpoint(Quota::requests_per_second(10))
        .with_each_account_endpoint(Quota::requests_per_minute(1));
    let (_layer, client) = build(quotas);
    go(&client, request("x", "/a")).await.unwrap();
    let without = || with(RequestContext::new(Operation::Write).with_endpoint("/b"), 0);
    go(&client, without()).await.unwrap();
    let waits = spawn(&client, request("x", "/a")).await;
    sleep(secs(5)).await;
    // Another comes by, and what is idle is evicted.
    go(&client, without()).await.unwrap();
    waits.await.expect("it must not panic");
}

/// As above, but another scope has moved into the freed place.
#[tokio::test(start_paused = true)]
async fn a_waiting_request_is_not_counted_in_a_foreign_scope() {
    let quotas = Quotas::none()
        .with_each_endpoint(Quota::requests_per_second(1))
        .with_each_account_endpoint(Quota::requests_per_minute(1));
    let (layer, client) = build(quotas);
    go(&client, request("x", "/a")).await.unwrap();
    let waits = spawn(&client, slow("x", "/a", 5_000)).await;
    sleep(secs(5)).await;
    for n in 0..4 {
        go(&client, request(&format!("y{n}"), &format!("/b{n}")))
            .await
            .unwrap();
    }
    sleep(secs(57)).await;
    let now = layer.handle().snapshot();
    let a = now.scope(&Scope::endpoint("/a"));
    assert_eq!(a.map(|a| a.in_flight), Some(1), "{now:#?}");
    waits.await.unwrap();
}
