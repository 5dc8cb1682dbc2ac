//! Requests that count as several.

use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use tokio::time::Instant;
use tower_tiktok::{
    error::is_unsent,
    extensions::Priority,
    request_pacing::{Inadmissible, Quota, Quotas, Scope},
};

use crate::server::{Client, build, context, go, secs, spawn, with};

fn costing(account: &str, endpoint: &str, cost: u32) -> Request<u64> {
    let context = context(account, endpoint);
    with(context.with_cost(cost.try_into().unwrap()), 0)
}

/// When each of them goes, in seconds.
async fn order(client: &Client, costs: &[u32]) -> Vec<u64> {
    let start = Instant::now();
    let calls = costs.iter().enumerate().map(async |(n, cost)| {
        let account = n.to_string();
        go(client, costing(&account, "/a", *cost)).await.unwrap();
        start.elapsed().as_secs()
    });
    join_all(calls).await
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_as_many_slots_as_it_costs() {
    let quota = Quota::requests_per_second(10).and_requests_per_minute(25);
    let (layer, client) = build(quota);
    let went = order(&client, &[4, 4, 4, 10, 3, 1]).await;
    assert_eq!(went, [0, 0, 1, 2, 3, 60]);
    let app = layer.handle().snapshot();
    let used = |n: usize| app.scope(&Scope::app()).unwrap().windows[n].used;
    assert_eq!((used(0), used(1)), (1, 18));
}

#[tokio::test(start_paused = true)]
async fn a_costly_one_is_not_starved_by_cheap_ones() {
    let (_layer, client) = build(Quota::requests_per_second(10));
    go(&client, costing("x", "/a", 1)).await.unwrap();
    let start = Instant::now();
    let costly = spawn(&client, costing("x", "/a", 10)).await;
    let mut cheap = Vec::new();
    for n in 0..100 {
        cheap.push(spawn(&client, costing(&n.to_string(), "/a", 1)).await);
    }
    let went = costly.await.unwrap() - start;
    assert_eq!(went, secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_account_has_its_turns_by_what_they_cost() {
    let (_layer, client) = build(Quota::requests_per_second(4));
    go(&client, costing("z", "/a", 4)).await.unwrap();
    let start = Instant::now();
    let (mut costly, mut cheap) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        costly.push(spawn(&client, costing("x", "/a", 3)).await);
        cheap.push(spawn(&client, costing("y", "/a", 1)).await);
    }
    let mut early = 0;
    for call in cheap {
        early += u32::from(call.await.unwrap() - start <= secs(10));
    }
    // Of the forty slots, and not one request for one.
    assert!((15..=25).contains(&early), "{early}");
}

#[tokio::test(start_paused = true)]
async fn one_that_costs_more_than_a_window_admits_is_turned_away() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(10).and_requests_per_minute(100))
        .with_each_endpoint(Quota::requests_per_second(5));
    let (_layer, client) = build(quotas);
    let error = go(&client, costing("x", "/a", 6)).await.unwrap_err();
    let told = Inadmissible::Cost {
        scope: Scope::endpoint("/a"),
        cost: 6,
        most: 5,
    };
    assert!(is_unsent(&*error));
    assert_eq!(error.downcast_ref(), Some(&told));
    go(&client, costing("x", "/a", 5)).await.unwrap();
}

/// A hold ends long before there is room for the costly one.
async fn goes_when_the_hold_ends(quotas: Quotas, scope: Scope) {
    let (layer, client) = build(quotas);
    let start = Instant::now();
    go(&client, costing("x", "/a", 1)).await.unwrap();
    let low = context("x", "/a").with_priority(Priority::Low);
    let costly = with(low.with_cost(2.try_into().unwrap()), 0);
    let costly = spawn(&client, costly).await;
    layer.handle().hold_until(scope, start + secs(5));
    let cheap = spawn(&client, costing("x", "/a", 1)).await;
    assert_eq!(cheap.await.unwrap() - start, secs(5));
    assert!(costly.await.unwrap() - start >= secs(105));
}

#[tokio::test(start_paused = true)]
async fn a_cheap_one_does_not_wait_for_the_room_of_a_costly_one() {
    let two = Quota::requests_in_any(2, secs(100));
    goes_when_the_hold_ends(Quotas::none().with_app(two.clone()), Scope::app()).await;
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(10))
        .with_each_account_endpoint(two);
    goes_when_the_hold_ends(quotas, Scope::account_endpoint("x", "/a")).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_when_its_quota_is_lowered_goes_alone() {
    let (layer, client) = build(Quota::requests_in_any(5, secs(10)));
    let start = Instant::now();
    go(&client, costing("x", "/a", 1)).await.unwrap();
    let waits = spawn(&client, costing("x", "/a", 5)).await;
    let lower = Quota::requests_in_any(3, secs(10));
    layer.handle().set_quota(Scope::app(), lower).unwrap();
    assert_eq!(waits.await.unwrap() - start, secs(10));
    assert!(go(&client, costing("x", "/a", 5)).await.is_err());
    assert_eq!(start.elapsed(), secs(10) + Duration::ZERO);
}
