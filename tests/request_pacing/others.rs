//! Processes that use one limit and do not know of each other.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    jittered_backoff::JitteredBackoffLayer,
    request_pacing::{Quota, RequestPacingLayer, Scope},
    simulator::{Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
    tiktok::{
        TikTokErrorClassifierLayer, TikTokLayer,
        quotas::{AccessLevel, Limits},
    },
};

use crate::support::{attempts, write};

const SEEDS: u64 = 11;

fn server(seed: u64, before_limiter: f64) -> SimulatorBuilder {
    let latency = Latency::lognormal(Duration::from_millis(120), 0.5);
    Simulator::builder()
        .level(Level::custom(10, 600, 864_000))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(WindowKind::Sliding)
        .latency(latency.before_limiter(before_limiter))
        .suspension(None)
        .seed(seed)
}

/// The whole stack of one process.
fn stack(seed: u64) -> TikTokLayer {
    let [second, minute] = [10, 600].map(|n| NonZeroU32::new(n).unwrap());
    let backoff = JitteredBackoffLayer::builder()
        .max_attempts(u32::MAX)
        .max_elapsed(Duration::from_secs(1_000_000))
        .no_budget()
        .seed(seed);
    TikTokLayer::builder()
        .backoff(backoff.build().unwrap())
        .access_level(AccessLevel::Custom(Limits::new(
            second,
            minute,
            NonZeroU32::MAX,
        )))
        .build()
}

/// Writes at 10/s + 600/min, by processes with 16 workers each: how long it
/// took, over what it must, and the share of calls that were refused.
async fn run(simulator: &Simulator, seed: u64, writes: &[u32]) -> (f64, f64) {
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for (process, writes) in (0..).zip(writes) {
        let client = stack(u64::from(process) << 32 | seed).layer(simulator.clone());
        let left = Arc::new(AtomicU32::new(*writes));
        for _ in 0..16 {
            let (client, left) = (client.clone(), left.clone());
            workers.spawn(async move {
                let less = |left: u32| left.checked_sub(1);
                let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
                while let Ok(left) = next() {
                    let answer = client.clone().oneshot(write(100 * process + left % 12));
                    answer.await.unwrap();
                }
            });
        }
    }
    while workers.join_next().await.transpose().unwrap().is_some() {}
    let writes = f64::from(writes.iter().sum::<u32>());
    let refused = simulator.ledger().total.refused.total() as f64;
    let ratio = start.elapsed().as_secs_f64() / (writes / 10.0 - 1.0);
    (ratio, refused / (writes + refused))
}

async fn law(name: &str, writes: &[u32]) {
    let (mut ratios, mut refused) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let simulator = server(seed, 0.25).build().unwrap();
        let run = run(&simulator, seed, writes).await;
        println!("{name} seed {seed}: {:.3} @ {:.2} %", run.0, 100.0 * run.1);
        ratios.push(run.0);
        refused.push(run.1);
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (ratio, refused) = (median(ratios), median(refused));
    println!("{name}: {ratio:.3} @ {:.2} %", 100.0 * refused);
    assert!(ratio <= 1.12, "{name}: ratio {ratio:.3}");
    assert!(refused <= 0.03, "{name}: refused {refused:.4}");
}

#[tokio::test(start_paused = true)]
async fn s3_each_of_four_learns_its_part() {
    law("S3", &[750; 4]).await;
}

#[tokio::test(start_paused = true)]
async fn s3u_what_one_leaves_the_others_take() {
    law("S3u", &[1_500, 750, 500, 250]).await;
}

/// A minute that is overrun costs five, and what is refused counts in it and
/// prolongs it. That the minute is too much for all together, the first
/// suspension tells.
async fn is_suspended_once_at_most(writes: &[u32]) {
    for seed in 0..4 {
        for is_fixed in [false, true] {
            let phase = Duration::from_millis(7_919 * (seed + 1));
            let window = match is_fixed {
                true => WindowKind::Fixed { phase },
                false => WindowKind::Sliding,
            };
            let server = server(seed, 0.25).window(window).count_refused(true);
            let server = server.suspension(Some(Duration::from_secs(300)));
            let simulator = server.build().unwrap();
            let (ratio, refused) = run(&simulator, seed, writes).await;
            let suspensions = simulator.ledger().suspensions.len();
            let run =
                format!("{writes:?} seed {seed}, fixed {is_fixed}: {ratio:.3} @ {refused:.3}");
            println!("{run}, {suspensions} suspensions");
            assert!(suspensions <= 1, "{run}");
            // Five minutes of suspension in five of work, and their return.
            assert!(ratio <= 1.35 + 1.3 * suspensions as f64, "{run}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s3p_four_that_learn_alone_overrun_one_minute_at_most() {
    is_suspended_once_at_most(&[750; 4]).await;
}

#[tokio::test(start_paused = true)]
async fn s3up_with_unequal_work_as_well() {
    is_suspended_once_at_most(&[1_500, 750, 500, 250]).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_alone_learns_of_nobody() {
    let simulator = server(3, 0.9).build().unwrap();
    let quota = Quota::requests_per_second(10).and_requests_per_minute(600);
    let layer = RequestPacingLayer::builder(quota).build().unwrap();
    let classifier = TikTokErrorClassifierLayer::builder().build().unwrap();
    let (client, sent) = (
        layer.layer(classifier.layer(simulator.clone())),
        AtomicU64::new(0),
    );
    let all = (0..3_000).map(|n| attempts(&client, n % 50, &sent));
    futures_util::future::join_all(all).await;
    assert!(simulator.ledger().total.refused.total() > 0);
    let learned = layer.handle().learned();
    let of_app = learned.iter().filter(|it| it.scope == Scope::app());
    assert!(
        of_app.clone().all(|it| it.requests.is_none()),
        "{learned:?}"
    );
}
