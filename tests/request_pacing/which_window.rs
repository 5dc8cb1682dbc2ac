//! Which window an answer speaks of that does not say.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_tiktok::{
    classify::{Throttle, ThrottleScope, ThrottleWindow},
    request_pacing::{Quota, RequestPacingLayer, Scope},
};

use crate::small::{Small, layer};

fn unnamed() -> Throttle {
    Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown)
}

/// What each window of the app admits, and whether that was learned.
fn windows(layer: &RequestPacingLayer) -> Vec<(u32, bool)> {
    let snapshot = layer.handle().snapshot();
    let windows = &snapshot.scope(&Scope::app()).unwrap().windows;
    let windows = windows.iter().map(|it| (it.requests, it.learned));
    windows.collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_empty_second_is_the_minutes() {
    let quota = Quota::requests_per_second(20).and_requests_per_minute(150);
    let (server, layer) = (Small::new(100, 60, unnamed()), layer(quota));
    assert_eq!(server.take(100, &layer).await, 0);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(server.take(1, &layer).await, 1);
    // A little fewer than the hundred: whether the refused one counts is not
    // known.
    assert_eq!(windows(&layer), [(20, false), (97, true)]);
    assert_eq!(server.take(300, &layer).await, 0);
}

/// They are one event, and none of them tells more than the first. Some of it
/// may be admitted: the last of the minute.
#[tokio::test(start_paused = true)]
async fn refusals_together_after_an_idle_second_are_the_minutes() {
    let quota = Quota::requests_per_second(20).and_requests_per_minute(150);
    for (before, together) in [(100, 2), (100, 8), (100, 20), (99, 2), (99, 20), (97, 20)] {
        let (server, layer) = (Small::new(100, 60, unnamed()), layer(quota.clone()));
        assert_eq!(server.take(before, &layer).await, 0);
        sleep(Duration::from_secs(5)).await;
        let refused = server.take(together, &layer).await;
        // The others of the burst went once more before all had told.
        let most = 2 * together;
        assert!(refused < most, "{before} + {together}: {refused} refused");
        assert_eq!(
            windows(&layer),
            [(20, false), (97, true)],
            "{before} + {together}"
        );
        assert_eq!(server.take(300, &layer).await, 0);
    }
}

/// Ten seconds may be full while the last of them was idle.
#[tokio::test(start_paused = true)]
async fn refusals_after_an_idle_second_may_be_of_ten_seconds() {
    let ten = Duration::from_secs(10);
    let quota = Quota::requests_per_second(20).and_requests_in_any(100, ten);
    for together in [1, 2, 8] {
        let layer = layer(quota.clone().and_requests_per_minute(140));
        let server = Small::new(75, 10, unnamed());
        assert_eq!(server.take(75, &layer).await, 0);
        sleep(Duration::from_secs(2)).await;
        server.take(together, &layer).await;
        assert_eq!(
            windows(&layer),
            [(20, false), (75, true), (140, false)],
            "{together}"
        );
    }
}

/// Another has filled the second, and nothing is known of a minute.
#[tokio::test(start_paused = true)]
async fn where_nothing_is_known_a_refusal_is_the_seconds() {
    for together in [1, 2, 4] {
        let server = Small::new(10, 1, unnamed());
        let (own, other) = (
            layer(Quota::unknown()),
            layer(Quota::requests_per_second(1_000)),
        );
        assert_eq!(server.take(4, &own).await, 0);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(server.take(10, &other).await, 0);
        let start = Instant::now();
        server.take(together + 60, &own).await;
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{:?}",
            start.elapsed()
        );
    }
}

/// What it had admitted contradicts the new quota no more.
#[tokio::test(start_paused = true)]
async fn a_quota_that_was_lowered_meanwhile_is_not_exceeded() {
    let quota = Quota::requests_per_second(20).and_requests_per_minute(150);
    let (server, layer) = (Small::new(100, 60, unnamed()), layer(quota));
    assert_eq!(server.take(100, &layer).await, 0);
    sleep(Duration::from_secs(5)).await;
    let later = async {
        sleep(Duration::from_millis(30)).await;
        server.take(1, &layer).await
    };
    let lowers = async {
        sleep(Duration::from_millis(90)).await;
        let low = Quota::requests_per_second(20).and_requests_per_minute(60);
        layer.handle().set_quota(Scope::app(), low).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(windows(&layer)[1].0 <= 60, "{:?}", windows(&layer));
    };
    tokio::join!(server.take(1, &layer), later, lowers);
}

/// The second is full, though the ten seconds are not.
#[tokio::test(start_paused = true)]
async fn of_three_windows_a_refusal_by_the_second_is_the_seconds() {
    let ten = Duration::from_secs(10);
    let quota = Quota::requests_per_second(10).and_requests_in_any(80, ten);
    let (server, layer) = (
        Small::new(8, 1, unnamed()),
        layer(quota.and_requests_per_minute(300)),
    );
    for _ in 0..200 {
        assert_eq!(server.take(1, &layer).await, 0);
        sleep(Duration::from_millis(70)).await;
    }
    sleep(Duration::from_secs(11)).await;
    server.take(10, &layer).await;
    assert_eq!(windows(&layer), [(8, true), (80, false), (300, false)]);
}

/// There is no other.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_minutes_where_there_is_no_second() {
    let says = unnamed().with_waits([1, 5, 300].map(Duration::from_secs));
    let quota = Quota::requests_per_minute(30);
    let (server, layer) = (Small::new(20, 60, says), layer(quota));
    assert!(server.take(100, &layer).await <= 10);
    assert_eq!(windows(&layer), [(20, true)]);
}

fn second_and_ten() -> RequestPacingLayer {
    let ten = Duration::from_secs(10);
    layer(Quota::requests_per_second(20).and_requests_in_any(100, ten))
}

#[tokio::test(start_paused = true)]
async fn of_two_short_windows_the_fuller_is_cut_if_it_is_the_shorter() {
    let (server, layer) = (Small::new(8, 1, unnamed()), second_and_ten());
    assert_eq!(server.take(20, &layer).await, 12);
    assert_eq!(windows(&layer), [(8, true), (100, false)]);
}

#[tokio::test(start_paused = true)]
async fn of_two_short_windows_the_fuller_is_cut_if_it_is_the_longer() {
    let (server, layer) = (Small::new(75, 10, unnamed()), second_and_ten());
    let mut refused = 0;
    for _ in 0..90 {
        refused += server.take(1, &layer).await;
        // With the answer's time, eight a second.
        sleep(Duration::from_millis(45)).await;
    }
    assert_eq!(refused, 1);
    assert_eq!(windows(&layer), [(20, false), (75, true)]);
}
