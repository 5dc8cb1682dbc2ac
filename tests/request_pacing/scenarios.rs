use std::{collections::VecDeque, time::Duration};

use tokio::time::sleep;
use tower_tiktok::{
    request_pacing::Quota,
    simulator::{Fault, Faults, Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
};

use crate::support::{Crew, Run, bulk, run, run_and};

pub(crate) const SEEDS: u64 = 7;

/// 3,000 requests at 10 a second.
pub(crate) const BOUND: f64 = 299.0;

pub(crate) fn latency(share: f64) -> Latency {
    Latency::lognormal(Duration::from_millis(120), 0.5).before_limiter(share)
}

pub(crate) fn server(seed: u64) -> SimulatorBuilder {
    Simulator::builder()
        .level(Level::custom(10, 600, 864_000))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(WindowKind::Sliding)
        .latency(latency(0.25))
        .seed(seed)
}

pub(crate) fn quota(second: u32) -> Quota {
    Quota::requests_per_second(second).and_requests_per_minute(60 * second)
}

/// The medians, and all suspensions.
#[derive(Debug)]
pub(crate) struct Outcome {
    ratio: f64,
    refused: f64,
    p99: f64,
    suspensions: usize,
}

/// Of so many runs, of which each needs so many seconds at the least.
pub(crate) async fn median(
    name: &str,
    (seeds, bound): (u64, f64),
    one: impl AsyncFn(u64) -> Run,
) -> Outcome {
    let mut runs = Vec::new();
    for seed in 0..seeds {
        let run = one(seed).await;
        println!(
            "{name} seed {seed}: {:.3} @ {:.3} %, p99 {:.1} s, share {:.2}",
            run.ratio(bound),
            100.0 * run.refused(),
            run.p99(),
            run.share
        );
        runs.push(run);
    }
    let outcome = Outcome {
        ratio: middle(runs.iter().map(|run| run.ratio(bound))),
        refused: middle(runs.iter().map(Run::refused)),
        p99: middle(runs.iter().map(Run::p99)),
        suspensions: runs.iter().map(|run| run.ledger.suspensions.len()).sum(),
    };
    println!("{name}: {outcome:?}");
    outcome
}

fn middle(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[track_caller]
pub(crate) fn within(outcome: &Outcome, ratio: f64, refused: f64) {
    assert!(outcome.ratio <= ratio, "ratio {:.3}", outcome.ratio);
    assert!(outcome.refused <= refused, "refused {:.4}", outcome.refused);
    assert_eq!(outcome.suspensions, 0);
}

#[tokio::test(start_paused = true)]
async fn s1_a_known_limit_is_used_to_the_full() {
    let one = async |seed| run(server(seed), quota(10), bulk(3_000)).await;
    let outcome = median("S1", (SEEDS, BOUND), one).await;
    within(&outcome, 1.04, 0.003);
    assert!(outcome.p99 <= 10.0, "{}", outcome.p99);
}

#[tokio::test(start_paused = true)]
async fn s1p_a_minute_is_never_overrun() {
    let one = async |seed| {
        let phase = Duration::from_millis(7_919 * (seed + 1));
        let server = server(seed).window(WindowKind::Fixed { phase });
        run(server.count_refused(true), quota(10), bulk(3_000)).await
    };
    within(&median("S1p", (SEEDS, BOUND), one).await, 1.05, 0.003);
}

#[tokio::test(start_paused = true)]
async fn s4_one_large_account_does_not_starve_the_others() {
    let mut crews = vec![Crew {
        workers: 15,
        jobs: std::iter::repeat_n(0, 900).collect(),
    }];
    for account in 1..50 {
        let jobs: VecDeque<u32> = (0..2_100)
            .filter(|n| n % 49 == account - 1)
            .map(|_| account)
            .collect();
        crews.push(Crew { workers: 1, jobs });
    }
    let one = async |seed| {
        let run = run(server(seed), quota(10), crews.clone()).await;
        let (jain, small) = (jain_at_half_time(&run), small_done(&run));
        println!("S4 jain {jain:.4}, median small done at {small:.3}");
        assert!(jain >= 0.99, "{jain}");
        assert!(small <= 0.80, "{small}");
        run
    };
    within(&median("S4", (SEEDS, BOUND), one).await, 1.04, 0.003);
}

fn jain_at_half_time(run: &Run) -> f64 {
    let half: Vec<f64> = (0..50)
        .map(|account| {
            let of = run.done.iter().filter(|done| done.account == account);
            let early = of.filter(|done| done.to.as_secs_f64() <= BOUND / 2.0);
            early.count() as f64
        })
        .collect();
    half.iter().sum::<f64>().powi(2) / (50.0 * half.iter().map(|x| x * x).sum::<f64>())
}

/// When the median of the small accounts was done, of the bound.
fn small_done(run: &Run) -> f64 {
    let end = |account| {
        let of = run.done.iter().filter(move |done| done.account == account);
        of.map(|done| done.to.as_secs_f64()).fold(0.0, f64::max)
    };
    middle((1..50).map(end)) / BOUND
}

#[tokio::test(start_paused = true)]
async fn s5_refused_calls_that_count_do_not_matter() {
    let one = async |seed| run(server(seed).count_refused(true), quota(10), bulk(3_000)).await;
    within(&median("S5", (SEEDS, BOUND), one).await, 1.04, 0.003);
}

#[tokio::test(start_paused = true)]
async fn s6_calendar_seconds_of_any_phase_are_used_to_the_full() {
    let one = async |seed| {
        let phase = Duration::from_millis(7_919 * (seed + 1));
        let server = server(seed).window(WindowKind::Fixed { phase });
        run(server, quota(10), bulk(3_000)).await
    };
    within(&median("S6", (SEEDS, BOUND), one).await, 1.03, 0.002);
}

fn stalls() -> Faults {
    Faults::none().with(Fault::Stall(Duration::from_secs(10)), 0.01)
}

#[tokio::test(start_paused = true)]
async fn s7_calls_that_stall_cost_little() {
    let one = async |seed| {
        let server = server(seed).faults(stalls());
        run(server, quota(10), bulk(3_000)).await
    };
    within(&median("S7 stalls", (SEEDS, BOUND), one).await, 1.06, 0.005);
}

#[tokio::test(start_paused = true)]
async fn s7_nor_does_a_latency_that_grows_fivefold() {
    let slower = Latency::lognormal(Duration::from_millis(600), 0.5).before_limiter(0.25);
    let one = async |seed| {
        let server = server(seed).faults(stalls());
        let change = |simulator: Simulator| async move {
            sleep(Duration::from_secs(150)).await;
            simulator.set_latency(slower).unwrap();
        };
        run_and(server, quota(10), bulk(3_000), change).await
    };
    // NOTE: the goal is 1.06, which no client is known to reach. See README.
    within(&median("S7", (SEEDS, BOUND), one).await, 1.10, 0.005);
}
