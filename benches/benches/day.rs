//! A whole day at full rate, 864,000 calls through the whole stack, in paused
//! time: nobody is suspended, hardly anything is refused, and a day that is
//! used up is held to 00:00 UTC and goes on.
//!
//! `cargo bench -p tower-tiktok-benches --bench day` fails where that is not
//! so. It is no test because it takes minutes without optimisation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::{runtime::Builder, task::JoinSet, time::Instant};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    request_pacing::RequestPacingLayer,
    simulator::{Latency, Ledger, Level, Simulator, WindowKind},
    tiktok::{AccessLevel, TikTokLayer, TikTokQuotas},
};

const WORKERS: u64 = 64;
const ACCOUNTS: u64 = 50;
const DAY: u64 = 86_400;
/// 2026-01-05T00:00:00Z
const MIDNIGHT: u64 = 1_767_571_200;

struct Done {
    succeeded: u64,
    elapsed: Duration,
    /// When each call was answered, counted in the half hours of the run.
    half_hours: Vec<u64>,
    ledger: Ledger,
}

/// Sends so many reads through the whole stack, as fast as it lets them.
async fn send(limits: [u32; 3], calls: u64, start: SystemTime) -> Done {
    let [second, minute, day] = limits;
    let simulator = Simulator::builder()
        .level(Level::custom(second.into(), minute.into(), day.into()))
        .window(WindowKind::Fixed {
            phase: Duration::from_millis(370),
        })
        .count_refused(true)
        .latency(Latency::lognormal(Duration::from_millis(120), 0.5).before_limiter(0.25))
        .start(start)
        .seed(7)
        .build()
        .expect("a level that makes sense");
    let level: AccessLevel = format!("{second}/{minute}/{day}")
        .parse()
        .expect("three limits");
    let pacing = RequestPacingLayer::builder(TikTokQuotas::new(level))
        .date(start)
        .build()
        .expect("a date of our time");
    let client = TikTokLayer::builder().pacing(pacing).build();
    let client = client.layer(simulator.clone());

    let begin = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (client, next) = (client.clone(), next.clone());
        workers.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let call = next.fetch_add(1, Ordering::Relaxed);
                if call >= calls {
                    return answers;
                }
                let account = 7_000 + call % ACCOUNTS;
                let request = Request::get(format!(
                    "/open_api/v1.3/campaign/get/?advertiser_id={account}"
                ))
                .header("access-token", "token")
                .body(Full::<Bytes>::default())
                .expect("a request");
                let response = client
                    .clone()
                    .oneshot(request)
                    .await
                    .expect("nothing fails but by refusals");
                let succeeded = ErrorClass::of(&response).is_success();
                let half_hour = begin.elapsed().as_secs() / 1_800;
                answers.push((succeeded, usize::try_from(half_hour).expect("two days")));
            }
        });
    }
    let (mut succeeded, mut half_hours) = (0, vec![0; 96]);
    while let Some(answers) = workers.join_next().await {
        for (success, half_hour) in answers.expect("no worker panics") {
            succeeded += u64::from(success);
            half_hours[half_hour] += 1;
        }
    }
    Done {
        succeeded,
        elapsed: begin.elapsed(),
        half_hours,
        ledger: simulator.ledger(),
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

async fn a_day_at_full_rate_is_never_suspended() {
    let done = send([10, 600, 864_000], 864_000, at(MIDNIGHT)).await;
    let (total, suspensions) = (&done.ledger.total, &done.ledger.suspensions);
    let refused = total.refused.total() as f64 / total.received as f64;
    let ratio = done.elapsed.as_secs_f64() / DAY as f64;
    println!("a day at full rate: ratio {ratio:.4}, refused {refused:.4}");
    assert_eq!(done.succeeded, 864_000);
    assert_eq!(suspensions.len(), 0);
    assert!(refused <= 0.003, "{refused}");
    assert!(ratio <= 1.06, "{ratio}");
}

async fn a_day_that_is_used_up_is_held_to_midnight_and_goes_on() {
    // At 08:00 UTC, and fast enough to be through before midnight.
    let done = send([20, 1_200, 864_000], 869_000, at(MIDNIGHT + 8 * 3_600)).await;
    let (total, suspensions) = (&done.ledger.total, &done.ledger.suspensions);
    let refused = total.refused.total() as f64 / total.received as f64;
    println!("a used-up day: refused {refused:.4}, {:?}", done.elapsed);
    assert_eq!(done.succeeded, 869_000);
    assert_eq!(suspensions.len(), 0);
    assert!(refused <= 0.003, "{refused}");
    // The whole day's limit was used, nothing went until 16 hours later, and
    // the rest after that.
    let before: u64 = done.half_hours[..30].iter().sum();
    assert!(
        (863_900 - total.refused.total()..=864_000).contains(&before),
        "{before}"
    );
    assert_eq!(done.half_hours[30..32].iter().sum::<u64>(), 0);
    assert_eq!(done.half_hours[32..].iter().sum::<u64>(), 869_000 - before);
    assert!(done.elapsed > Duration::from_secs(16 * 3_600));
}

fn main() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread");
    runtime.block_on(async {
        a_day_at_full_rate_is_never_suspended().await;
        a_day_that_is_used_up_is_held_to_midnight_and_goes_on().await;
    });
}
