use std::{collections::VecDeque, time::Duration};

use tower_tiktok::{
    request_pacing::Quota,
    simulator::{Fault, Faults, Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
};

use crate::support::{Crew, Run, bulk, run};

const SEEDS: u64 = 7;

fn latency(share: f64) -> Latency {
    Latency::lognormal(Duration::from_millis(120), 0.5).before_limiter(share)
}

fn server(seed: u64) -> SimulatorBuilder {
    Simulator::builder()
        .level(Level::custom(10, 600, 864_000))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(WindowKind::Sliding)
        .latency(latency(0.25))
        .seed(seed)
}

fn quota(second: u32) -> Quota {
    Quota::requests_per_second(second).and_requests_per_minute(60 * second)
}

/// The median ratio and share of refused calls.
struct Outcome {
    ratio: f64,
    refused: f64,
    suspensions: usize,
}

async fn median(name: &str, per_second: u32, one: impl AsyncFn(u64) -> Run) -> Outcome {
    let (mut ratios, mut refused, mut suspensions) = (Vec::new(), Vec::new(), 0);
    for seed in 0..SEEDS.min(if per_second > 10 { 3 } else { SEEDS }) {
        let run = one(seed).await;
        println!(
            "{name} seed {seed}: {:.3} @ {:.3} %, share {:.2}",
            run.ratio(per_second),
            100.0 * run.refused(),
            run.share
        );
        ratios.push(run.ratio(per_second));
        refused.push(run.refused());
        suspensions += run.ledger.suspensions.len();
    }
    ratios.sort_by(f64::total_cmp);
    refused.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    let outcome = Outcome {
        ratio: ratios[middle],
        refused: refused[middle],
        suspensions,
    };
    println!(
        "{name}: {:.3} @ {:.2} %, {suspensions} suspensions",
        outcome.ratio,
        100.0 * outcome.refused
    );
    outcome
}

#[track_caller]
fn within(outcome: &Outcome, ratio: f64, refused: f64) {
    assert!(outcome.ratio <= ratio, "ratio {:.3}", outcome.ratio);
    assert!(outcome.refused <= refused, "refused {:.4}", outcome.refused);
    assert_eq!(outcome.suspensions, 0);
}

#[tokio::test(start_paused = true)]
async fn s1_a_known_limit_is_used_to_the_full() {
    let one = async |seed| run(server(seed), quota(10), bulk(3_000)).await;
    within(&median("S1", 10, one).await, 1.04, 0.003);
}

#[tokio::test(start_paused = true)]
async fn s1_wherever_in_the_round_trip_the_call_is_counted() {
    for (share, ratio) in [(0.1, 1.03), (0.9, 1.11)] {
        let server = |seed| server(seed).latency(latency(share));
        let one = async |seed| run(server(seed), quota(10), bulk(3_000)).await;
        within(
            &median(&format!("S1 at {share}"), 10, one).await,
            ratio,
            0.003,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn s1p_a_minute_is_never_overrun() {
    let one = async |seed| {
        let phase = Duration::from_millis(7_919 * (seed + 1));
        let server = server(seed).window(WindowKind::Fixed { phase });
        run(server.count_refused(true), quota(10), bulk(3_000)).await
    };
    within(&median("S1p", 10, one).await, 1.05, 0.003);
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
    let run = run(server(0), quota(10), crews).await;
    let bound = 299.0;
    let half: Vec<f64> = (0..50)
        .map(|account| {
            let early = run
                .done
                .iter()
                .filter(|(at, of)| *of == account && at.as_secs_f64() <= bound / 2.0);
            early.count() as f64
        })
        .collect();
    let jain = half.iter().sum::<f64>().powi(2) / (50.0 * half.iter().map(|x| x * x).sum::<f64>());
    let mut ends: Vec<f64> = (1..50)
        .map(|account| {
            let of = run.done.iter().filter(|(_, of)| *of == account);
            of.map(|(at, _)| at.as_secs_f64()).fold(0.0, f64::max)
        })
        .collect();
    ends.sort_by(f64::total_cmp);
    let median = ends[ends.len() / 2] / bound;
    println!(
        "S4: jain {jain:.4}, median small done at {median:.3}, ratio {:.3} @ {:.2} %",
        run.ratio(10),
        100.0 * run.refused()
    );
    assert!(jain >= 0.99, "{jain}");
    assert!(median <= 0.80, "{median}");
    assert!(run.ratio(10) <= 1.05, "{}", run.ratio(10));
}

#[tokio::test(start_paused = true)]
async fn s5_refused_calls_that_count_do_not_matter() {
    let one = async |seed| run(server(seed).count_refused(true), quota(10), bulk(3_000)).await;
    within(&median("S5", 10, one).await, 1.04, 0.003);
}

#[tokio::test(start_paused = true)]
async fn s6_calendar_seconds_of_any_phase_are_used_to_the_full() {
    let one = async |seed| {
        let phase = Duration::from_millis(7_919 * (seed + 1));
        let server = server(seed).window(WindowKind::Fixed { phase });
        run(server, quota(10), bulk(3_000)).await
    };
    within(&median("S6", 10, one).await, 1.03, 0.002);
}

#[tokio::test(start_paused = true)]
async fn s7_calls_that_stall_cost_little() {
    let faults = Faults::none().with(Fault::Stall(Duration::from_secs(10)), 0.01);
    let one = async |seed| {
        let server = server(seed).faults(faults.clone());
        run(server, quota(10), bulk(3_000)).await
    };
    within(&median("S7 stalls", 10, one).await, 1.06, 0.005);
}

#[tokio::test(start_paused = true)]
async fn s1_at_a_tenth_and_at_ten_times_the_rate() {
    let one = async |seed| {
        let server = server(seed).level(Level::custom(1, 30, 1_000));
        let quota = Quota::requests_per_second(1).and_requests_per_minute(30);
        run(server, quota, bulk(300)).await
    };
    // Ten minutes' worth of requests: the first that is refused takes the
    // place of one, which goes in the eleventh minute.
    within(&median("S1 at 1/s", 1, one).await, 2.03, 0.01);

    let one = async |seed| {
        let server = server(seed).level(Level::custom(100, 6_000, 8_640_000));
        run(server, quota(100), bulk(15_000)).await
    };
    within(&median("S1 at 100/s", 100, one).await, 1.04, 0.003);
}
