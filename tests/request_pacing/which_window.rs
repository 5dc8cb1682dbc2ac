//! Which window an answer speaks of that does not say.

use std::time::Duration;

use tokio::time::sleep;
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

/// They are one event, and none of them tells more than the first.
#[tokio::test(start_paused = true)]
async fn refusals_together_after_an_empty_second_are_the_minutes() {
    let quota = Quota::requests_per_second(20).and_requests_per_minute(150);
    for together in [2, 8, 20] {
        let (server, layer) = (Small::new(100, 60, unnamed()), layer(quota.clone()));
        assert_eq!(server.take(100, &layer).await, 0);
        sleep(Duration::from_secs(5)).await;
        let refused = server.take(together, &layer).await;
        println!("{together}: {refused} refused, {:?}", windows(&layer));
        // The others of the burst went once more before all had told.
        assert!(refused < 2 * together, "{refused} of {together}");
        assert_eq!(windows(&layer), [(20, false), (97, true)]);
        assert_eq!(server.take(300, &layer).await, 0);
    }
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
