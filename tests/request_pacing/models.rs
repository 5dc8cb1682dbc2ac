//! The law holds for other latencies and other rates as well, and where the
//! refused calls count.

use std::time::Duration;

use tower_tiktok::{
    request_pacing::Quota,
    simulator::{Latency, Level},
};

use crate::{
    scenarios::{BOUND, Outcome, SEEDS, latency, median, quota, server, within},
    support::{bulk, run},
};

const FEW: u64 = 3;

async fn with(name: &str, seeds: u64, latency: Latency, count_refused: bool) -> Outcome {
    let one = async |seed| {
        let server = server(seed).latency(latency).count_refused(count_refused);
        run(server, quota(10), bulk(3_000)).await
    };
    let name = format!("{name}, count_refused {count_refused}");
    median(&name, (seeds, BOUND), one).await
}

#[tokio::test(start_paused = true)]
async fn wherever_in_the_round_trip_the_call_is_counted() {
    for (share, ratio) in [(0.1, 1.03), (0.9, 1.11)] {
        for (seeds, count_refused) in [(SEEDS, false), (FEW, true)] {
            let name = format!("a share of {share}");
            let outcome = with(&name, seeds, latency(share), count_refused).await;
            within(&outcome, ratio, 0.003);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn however_the_latency_is_spread() {
    let ms = Duration::from_millis;
    let uniform = Latency::uniform(ms(40), ms(200)).before_limiter(0.25);
    let bimodal = Latency::bimodal(ms(80), ms(480), 0.1).before_limiter(0.25);
    for count_refused in [false, true] {
        let outcome = with("uniform", FEW, uniform, count_refused).await;
        within(&outcome, 1.04, 0.003);
        let outcome = with("bimodal", FEW, bimodal, count_refused).await;
        within(&outcome, 1.04, 0.003);
    }
}

#[tokio::test(start_paused = true)]
async fn at_a_tenth_of_the_rate() {
    // Ten minutes' worth of requests: thirty in the first half of each.
    let bound = 569.0;
    for count_refused in [false, true] {
        let one = async |seed| {
            let server = server(seed).level(Level::custom(1, 30, 1_000));
            let quota = Quota::requests_per_second(1).and_requests_per_minute(30);
            run(server.count_refused(count_refused), quota, bulk(300)).await
        };
        let name = format!("1/s, count_refused {count_refused}");
        within(&median(&name, (SEEDS, bound), one).await, 1.02, 0.003);
    }
}

#[tokio::test(start_paused = true)]
async fn at_ten_times_the_rate() {
    // Five minutes' worth where refused calls count: it needs a while to learn
    // how early they arrive.
    for (count_refused, seeds, requests) in [(false, FEW, 15_000), (true, 1, 30_000)] {
        let one = async |seed| {
            let server = server(seed).level(Level::custom(100, 6_000, 8_640_000));
            let server = server.count_refused(count_refused);
            run(server, quota(100), bulk(requests)).await
        };
        let bound = f64::from(requests) / 100.0 - 1.0;
        let name = format!("100/s, count_refused {count_refused}");
        within(&median(&name, (seeds, bound), one).await, 1.04, 0.003);
    }
}
