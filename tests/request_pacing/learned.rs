use std::time::Duration;

use tokio::time::sleep;
use tower_tiktok::{
    classify::{Throttle, ThrottleScope, ThrottleWindow},
    request_pacing::{InvalidLearned, LearnedLimit, Quota, RequestPacingLayer, Scope},
    simulator::{Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
};

use crate::{
    small::{Small, layer, second},
    support::{Run, bulk, run_and},
};

const SEEDS: u64 = 7;

fn server(seed: u64, second: u64) -> SimulatorBuilder {
    let latency = Latency::lognormal(Duration::from_millis(120), 0.5);
    Simulator::builder()
        .level(level(second))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(WindowKind::Sliding)
        .latency(latency.before_limiter(0.25))
        .seed(seed)
}

fn level(second: u64) -> Level {
    Level::custom(second, 1_200, 864_000)
}

fn twenty() -> Quota {
    Quota::requests_per_second(20).and_requests_per_minute(1_200)
}

/// 3,000 writes, while the limit of a second changes. The median ratio to
/// `bound` seconds and share of refused calls are no larger than that.
async fn law(
    name: &str,
    quota: &Quota,
    limits: [(u64, u64); 2],
    server: impl Fn(u64, u64) -> SimulatorBuilder,
    bound: f64,
    (ratio, refused): (f64, f64),
) {
    let mut runs: Vec<Run> = Vec::new();
    for seed in 0..SEEDS {
        let server = server(seed, limits[0].1);
        let change = |simulator: Simulator| async move {
            sleep(Duration::from_secs(limits[1].0)).await;
            simulator.set_level(level(limits[1].1));
        };
        runs.push(run_and(server, quota.clone(), bulk(3_000), change).await);
    }
    let median = |of: &dyn Fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let found = (median(&|run| run.ratio(bound)), median(&Run::refused));
    println!("{name}: {:.3} @ {:.2} %", found.0, 100.0 * found.1);
    assert!(found.0 <= ratio, "{name}: ratio {:.3}", found.0);
    assert!(found.1 <= refused, "{name}: refused {:.4}", found.1);
    assert!(runs.iter().all(|run| run.ledger.suspensions.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn s2_a_limit_that_drops_is_found() {
    // 1,500 in 75 seconds, and as many at 8/s.
    let bound = 75.0 + 1_500.0 / 8.0 - 1.0;
    law(
        "S2",
        &twenty(),
        [(0, 20), (75, 8)],
        server,
        bound,
        (1.07, 0.015),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn s2u_a_limit_that_rises_is_found() {
    // 808 in 100 seconds, and the others at 20/s.
    let bound = 100.0 + 2_192.0 / 20.0 - 1.0;
    law(
        "S2u",
        &twenty(),
        [(0, 8), (100, 20)],
        server,
        bound,
        (1.08, 0.015),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn s1_with_nothing_known() {
    let unknown = Quota::unknown();
    law(
        "S1 unknown",
        &unknown,
        [(0, 10), (0, 10)],
        server,
        299.0,
        (1.10, 0.02),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn s5_with_nothing_known() {
    let counted = |seed, second| server(seed, second).count_refused(true);
    let unknown = Quota::unknown();
    law(
        "S5 unknown",
        &unknown,
        [(0, 10), (0, 10)],
        counted,
        299.0,
        (1.12, 0.02),
    )
    .await;
}

/// How many a second of the app admits, if that was learned.
fn per_second(layer: &RequestPacingLayer) -> Option<u32> {
    layer.handle().learned().first()?.requests
}

#[tokio::test(start_paused = true)]
async fn one_event_cuts_once_and_to_the_limit() {
    let (server, layer) = (Small::new(8, 1, second()), layer(twenty()));
    assert_eq!(server.take(20, &layer).await, 12);
    assert_eq!(per_second(&layer), Some(8));
    let snapshot = layer.handle().snapshot();
    let app = snapshot.scope(&Scope::app()).unwrap();
    assert_eq!((app.windows[0].requests, app.windows[0].learned), (8, true));
    assert_eq!(
        (app.windows[1].requests, app.windows[1].learned),
        (1_200, false)
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_never_above_the_quota() {
    let (server, layer) = (Small::new(50, 1, second()), layer(twenty()));
    server.take(20, &layer).await;
    let handle = layer.handle();
    // It drops, and rises far above the quota.
    Small::new(8, 1, second()).take(400, &layer).await;
    assert!(per_second(&layer).is_some_and(|requests| requests <= 9));
    assert_eq!(server.take(1_000, &layer).await, 0);
    assert_eq!(per_second(&layer), None);
    let snapshot = handle.snapshot();
    let windows = &snapshot.scope(&Scope::app()).unwrap().windows;
    assert_eq!((windows[0].requests, windows[0].learned), (20, false));
    // A quota below what was learned holds at once.
    Small::new(8, 1, second()).take(40, &layer).await;
    let less = Quota::requests_per_second(3);
    handle.set_quota(Scope::app(), less).unwrap();
    assert_eq!(
        handle.snapshot().scope(&Scope::app()).unwrap().windows[0].requests,
        3
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_can_be_kept() {
    let (server, first) = (Small::new(8, 1, second()), layer(twenty()));
    assert!(server.take(100, &first).await >= 12);
    let kept = first.handle().learned();
    assert_eq!(kept[0].requests, Some(8));

    sleep(Duration::from_secs(2)).await;
    let again = RequestPacingLayer::builder(twenty())
        .learned(kept.clone())
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(again.handle().learned(), kept);
    assert!(server.take(40, &again).await <= 1);

    // The quota says less by now.
    let less = Quota::requests_per_second(5);
    let lower = RequestPacingLayer::builder(less)
        .learned(kept.clone())
        .unwrap();
    let lower = lower.build().unwrap();
    assert_eq!(per_second(&lower), None);
    // And what is too old is past.
    let mut old = kept;
    old[0].age = Duration::MAX;
    let fresh = layer(twenty());
    fresh.handle().set_learned(old.clone()).unwrap();
    assert_eq!(per_second(&fresh), None);

    old[0].requests = Some(0);
    let error = fresh.handle().set_learned(old).unwrap_err();
    assert_eq!(error, InvalidLearned::NoRequests);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_the_limit_is_believed() {
    let (server, layer) = (
        Small::new(8, 1, second().with_limit(Some(8))),
        layer(twenty()),
    );
    assert_eq!(server.take(9, &layer).await, 1);
    assert_eq!(per_second(&layer), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_minute_that_nobody_told_of_is_learned_at_its_first_refusal() {
    let minute = Throttle::new(ThrottleScope::App, ThrottleWindow::Minute)
        .with_waits([Duration::from_secs(60)]);
    let (server, layer) = (Small::new(100, 60, minute), layer(Quota::unknown()));
    let first = server.take(150, &layer).await;
    assert!(first <= 64, "{first}");
    assert_eq!(server.take(500, &layer).await, 0);
    let snapshot = layer.handle().snapshot();
    let windows = &snapshot.scope(&Scope::app()).unwrap().windows;
    let minute = windows
        .iter()
        .find(|window| window.requests > 90 && window.requests <= 100);
    assert!(minute.is_some_and(|minute| minute.learned), "{windows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_that_was_learned_is_kept_too() {
    let quota = || Quota::requests_per_second(20).and_requests_per_minute(600);
    let learned = |requests, time| {
        let mut kept = LearnedLimit::new(Scope::app(), Duration::from_secs(time));
        kept.requests = Some(requests);
        kept.age = Duration::from_secs(10);
        kept
    };
    let (second, kept) = (learned(12, 1), learned(400, 60));
    let layer = RequestPacingLayer::builder(quota())
        .learned([kept.clone(), second.clone()])
        .unwrap()
        .build()
        .unwrap();
    let snapshot = layer.handle().snapshot();
    let windows = &snapshot.scope(&Scope::app()).unwrap().windows;
    let limits: Vec<_> = windows.iter().map(|it| (it.requests, it.learned)).collect();
    assert_eq!(limits, [(12, true), (400, true)]);
    assert_eq!(layer.handle().learned(), [second, kept]);
}
