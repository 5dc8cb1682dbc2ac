use std::time::Duration;

use tower_tiktok::{
    request_pacing::Quota,
    simulator::{Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
};

use crate::support::{Run, bulk, run_and};

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
            tokio::time::sleep(Duration::from_secs(limits[1].0)).await;
            simulator.set_level(level(limits[1].1));
        };
        runs.push(run_and(server, quota.clone(), bulk(3_000), change).await);
    }
    let median = |of: &dyn Fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let found = (
        median(&|run| run.elapsed.as_secs_f64() / bound),
        median(&Run::refused),
    );
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
