//! Reports that differ in the advertiser only are merged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{ApiCode, ErrorClass},
    extensions::Deadline,
    simulator::{Latency, Simulator, SimulatorBuilder},
    tiktok::{TikTokLayer, token::LongTermTokens},
    token_refresh::{Token, TokenVerdict},
};

use crate::support::{Body, Server, builder, json, report, secs, world};

const LINGER: Duration = Duration::from_millis(20);

fn slow() -> SimulatorBuilder {
    Simulator::builder().latency(Latency::fixed(secs(1)))
}

/// What each of these gets that asks alone.
async fn alone(advertisers: impl Iterator<Item = u32>, more: &str) -> Vec<Value> {
    let world = world(slow(), None);
    let reports = advertisers.map(|advertiser| world.ask(report(advertiser, more)));
    let answers = join_all(reports).await;
    answers
        .iter()
        .map(|body| json(body)["data"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn fifty_reports_are_ten_calls_and_each_gets_exactly_its_rows() {
    for more in ["", "&page_size=3", "&page=1&page_size=1000"] {
        let world = world(slow(), Some(builder().merge_within(LINGER)));
        let reports = (1..=50).map(|advertiser| world.ask(report(advertiser, more)));
        let answers = join_all(reports).await;
        assert_eq!(world.reports(), 10);
        let expected = alone(1..=50, more).await;
        for (answer, expected) in answers.iter().zip(expected) {
            let answer = json(answer);
            assert_eq!(answer["code"], 0);
            assert_eq!(answer["data"], expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_report_twice_counts_once() {
    let world = world(slow(), Some(builder().merge_within(LINGER)));
    let reports = (1..=10).map(|n| world.ask(report(n.min(5), "")));
    let answers = join_all(reports).await;
    assert_eq!(world.reports(), 1);
    assert!(answers[4..].iter().all(|answer| *answer == answers[4]));
}

#[tokio::test(start_paused = true)]
async fn merging_is_off_by_default() {
    let world = world(slow(), Some(builder()));
    join_all((1..=5).map(|n| world.ask(report(n, "")))).await;
    assert_eq!(world.reports(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_differs_in_more_is_not_merged() {
    let world = world(slow(), Some(builder().merge_within(LINGER)));
    join_all((1..=4).map(|n| world.ask(report(n, &format!("&order_type={n}"))))).await;
    assert_eq!(world.reports(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_does_not_spoil_the_others() {
    let closed = slow().advertisers(["1", "2", "3", "4"]);
    let world = world(closed, Some(builder().merge_within(LINGER)));
    let answers = join_all((1..=5).map(|n| world.ask(report(n, "")))).await;
    // One for all, and one for each.
    assert_eq!(world.reports(), 6);
    let codes: Vec<_> = answers
        .iter()
        .map(|body| json(body)["code"].clone())
        .collect();
    assert_eq!(codes, [0, 0, 0, 0, 40_300]);
    let expected = alone(1..=4, "").await;
    for (answer, expected) in answers.iter().zip(expected) {
        assert_eq!(json(answer)["data"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_merged_report_that_is_throttled_is_not_six_calls() {
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |_: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok::<_, BoxError>(response)
        }
    });
    let layer = builder().merge_within(LINGER).build().unwrap();
    let client = layer.layer(inner);
    let reports = (1..=5).map(|n| client.clone().oneshot(report(n, "")));
    for answer in join_all(reports).await {
        let status = answer.unwrap().status();
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_merged_than_tiktok_takes() {
    let most = builder().merge_within(LINGER).max_merged(6);
    let world = world(slow(), Some(most));
    join_all((1..=50).map(|n| world.ask(report(n, "")))).await;
    assert_eq!(world.reports(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_must_go_before_the_others_can_come_goes_alone() {
    let server = Server::default();
    let client = server.batched(builder().merge_within(secs(10)));
    let mut hasty = report(1, "");
    hasty.extensions_mut().insert(Deadline::within(secs(5)));
    let start = tokio::time::Instant::now();
    client.oneshot(hasty).await.unwrap();
    assert_eq!(start.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_captain_that_goes_away_takes_nobody_along() {
    let world = world(slow(), Some(builder().merge_within(LINGER)));
    for abort_after in [LINGER / 2, LINGER * 2, secs(1)] {
        let ask = |n| {
            let world = world.clone();
            tokio::spawn(async move { world.ask(report(n, "")).await })
        };
        let captain = ask(1);
        tokio::task::yield_now().await;
        let sailors: Vec<_> = (2..=4).map(ask).collect();
        tokio::time::sleep(abort_after).await;
        captain.abort();
        for sailor in sailors {
            let answer = sailor.await.unwrap();
            assert_eq!(json(&answer)["code"], 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_nobody_joins_is_late_by_the_linger_only() {
    let world = world(slow(), Some(builder().merge_within(LINGER)));
    let start = tokio::time::Instant::now();
    world.ask(report(1, "")).await;
    assert!(
        start.elapsed() <= secs(1) + LINGER * 2,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(world.reports(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_merge_stops_the_token_of_nobody() {
    let closed = slow()
        .tokens(["good"])
        .advertisers(["1", "2", "3", "4"])
        .vary(false);
    let tiktok = closed.build().unwrap();
    let tokens = LongTermTokens::builder().token(Token::new("good").unwrap());
    // In TikTok's stead: who may not be asked may not be asked about.
    let tokens = tokens.judge(|found| match found.code().and_then(ApiCode::as_number) {
        Some(40_300) => TokenVerdict::StopAccount,
        _ => TokenVerdict::Good,
    });
    let layer = TikTokLayer::builder()
        .report_batching(builder().merge_within(LINGER).build().unwrap())
        .tokens(tokens.build().unwrap())
        .build();
    let client = layer.layer(tiktok.clone());
    let ask = |n| client.clone().oneshot(report(n, ""));
    for _ in 0..2 {
        let answers = join_all((1..=5).map(ask)).await;
        let good = answers.into_iter().take(4);
        for answer in good {
            assert_eq!(ErrorClass::of(&answer.unwrap()), ErrorClass::Success);
        }
    }
}
