//! The last answer is served for a while, where that is asked for.

use http::header::AGE;
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit};

use crate::support::{Server, builder, get, report, secs, text};

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_served_with_its_age() {
    let server = Server::default();
    let client = server.batched(builder().keep_for(secs(60)));
    let first = client.clone().oneshot(report(1, "")).await.unwrap();
    assert!(first.headers().get(AGE).is_none());
    sleep(secs(59)).await;
    let again = client.clone().oneshot(report(1, "")).await.unwrap();
    assert_eq!(again.headers()[AGE], "59");
    assert_eq!(text(again).await, "answer 1");
    sleep(secs(1)).await;
    let anew = client.oneshot(report(1, "")).await.unwrap();
    assert_eq!(text(anew).await, "answer 2");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_kept() {
    let server = Server::failing();
    let client = server.batched(builder().keep_for(secs(60)));
    for _ in 0..2 {
        assert!(client.clone().oneshot(report(1, "")).await.is_err());
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_reports_are_kept() {
    let server = Server::default();
    let client = server.batched(builder().keep_for(secs(60)));
    for path in [
        "/campaign/get/?advertiser_id=1",
        "/report/task/check/?task_id=1",
    ] {
        let before = server.calls();
        for _ in 0..2 {
            client.clone().oneshot(get(path)).await.unwrap();
        }
        assert_eq!(server.calls() - before, 2, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_reports_keeps_few() {
    let server = Server::default();
    let client = server.batched(builder().keep_for(secs(10_000)).max_kept_answers(10));
    for n in 0..50 {
        client.clone().oneshot(report(n, "")).await.unwrap();
    }
    let before = server.calls();
    for n in 40..50 {
        client.clone().oneshot(report(n, "")).await.unwrap();
    }
    assert_eq!(server.calls(), before);
    client.oneshot(report(39, "")).await.unwrap();
    assert_eq!(server.calls(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_holds_no_place_of_the_service_inside() {
    let layer = builder().keep_for(secs(60)).build().unwrap();
    let client = layer.layer(ConcurrencyLimit::new(Server::default(), 1));
    client.clone().oneshot(report(1, "")).await.unwrap();
    let mut idle = client.clone();
    idle.ready().await.unwrap();
    idle.call(report(1, "")).await.unwrap();
    let other = client.oneshot(report(2, ""));
    assert!(tokio::time::timeout(secs(5), other).await.is_ok());
}
