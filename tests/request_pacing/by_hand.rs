//! What is said of single scopes while requests are under way.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower_tiktok::request_pacing::{Quota, Quotas, Scope};

use crate::server::{SECOND, build, by, go, request, secs, slow, spawn};

#[tokio::test(start_paused = true)]
async fn a_quota_set_for_a_scope_that_had_none_paces_it() {
    for scope in [
        Scope::app(),
        Scope::endpoint("/a"),
        Scope::account_endpoint("x", "/a"),
    ] {
        let (layer, client) = build(Quotas::none());
        let handle = layer.handle();
        let quota = Quota::requests_per_second(1);
        handle.set_quota(scope.clone(), quota).unwrap();
        let start = Instant::now();
        for _ in 0..5 {
            go(&client, request("x", "/a")).await.unwrap();
        }
        assert_eq!(start.elapsed(), secs(4));
        handle.reset_quota(scope);
        go(&client, request("x", "/a")).await.unwrap();
        assert_eq!(start.elapsed(), secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_had_no_quota_is_held() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let start = Instant::now();
    let until = start + secs(30);
    layer.handle().hold_until(Scope::endpoint("/a"), until);
    go(&client, request("x", "/b")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(start.elapsed(), secs(30));
}

#[tokio::test(start_paused = true)]
async fn nothing_passes_a_scope_that_is_paused_and_all_else_goes() {
    let (layer, client) = build(Quota::requests_per_second(10));
    let (handle, start) = (layer.handle(), Instant::now());
    handle.pause_scope(Scope::endpoint("/a"));
    let waits = spawn(&client, request("x", "/a")).await;
    go(&client, request("x", "/b")).await.unwrap();
    sleep(secs(1_000)).await;
    let snapshot = handle.snapshot();
    let paused = snapshot.scope(&Scope::endpoint("/a")).unwrap();
    assert_eq!((paused.paused, paused.queued), (true, 1));
    handle.resume_scope(Scope::endpoint("/a"));
    assert_eq!(waits.await.unwrap() - start, secs(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_a_scope_keeps_deadlines() {
    let (layer, client) = build(Quota::requests_per_second(10));
    layer.handle().pause_scope(Scope::app());
    let start = Instant::now();
    let late = go(&client, by(request("x", "/a"), start + secs(5))).await;
    assert!(late.is_err());
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_paused_scope_is_not_forgotten() {
    let quotas = Quotas::none().with_each_endpoint(Quota::requests_per_second(10));
    let (layer, client) = build(quotas);
    layer.handle().pause_scope(Scope::endpoint("/a"));
    for n in 0..100 {
        go(&client, request("x", &format!("/b{n}"))).await.unwrap();
        sleep(secs(600)).await;
    }
    let waits = timeout(secs(600), go(&client, request("x", "/a")));
    assert!(waits.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_minute_window_that_is_put_back_knows_what_was_sent() {
    let second = Quota::requests_per_second(10);
    let both = second.clone().and_requests_per_minute(20);
    let (layer, client) = build(both.clone());
    let handle = layer.handle();
    let start = Instant::now();
    for _ in 0..10 {
        go(&client, request("x", "/a")).await.unwrap();
    }
    handle.set_quota(Scope::app(), second).unwrap();
    for _ in 0..10 {
        go(&client, request("x", "/a")).await.unwrap();
    }
    let snapshot = handle.snapshot();
    assert_eq!(snapshot.scope(&Scope::app()).unwrap().windows.len(), 1);
    handle.set_quota(Scope::app(), both).unwrap();
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_day_that_is_put_back_knows_what_was_sent() {
    let day = Quota::requests_per_day_utc(20);
    let (layer, client) = build(day.clone());
    let handle = layer.handle();
    for _ in 0..15 {
        go(&client, request("x", "/a")).await.unwrap();
    }
    handle.set_quota(Scope::app(), Quota::unknown()).unwrap();
    for _ in 0..5 {
        go(&client, request("x", "/a")).await.unwrap();
        sleep(SECOND).await;
    }
    handle.set_quota(Scope::app(), day).unwrap();
    let full = timeout(SECOND, go(&client, slow("x", "/a", 0)));
    assert!(full.await.is_err());
}
