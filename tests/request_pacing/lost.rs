//! Calls whose answer nobody sees.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::{Request, Response};
use tokio::time::{Instant, sleep, sleep_until};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    error::NotSent,
    request_pacing::{Quota, RequestPacingLayer},
    simulator::{Fault, Faults, Latency, Level, Sharing, Simulator, SimulatorBuilder, WindowKind},
    tiktok::TikTokErrorClassifierLayer,
};

use crate::{
    server::{SECOND, Server, at_utc, go, request, secs, slow, spawn},
    support::write,
};

/// The most that arrived in any stretch of `length`.
fn most(arrivals: &Mutex<Vec<Instant>>, length: Duration) -> usize {
    let arrivals = arrivals.lock().unwrap();
    let inside = |last: &Instant| {
        let inside = arrivals.iter().filter(|at| *at <= last);
        inside.filter(|at| **at + length > *last).count()
    };
    arrivals.iter().map(inside).max().unwrap_or(0)
}

/// What was sent arrives whether or not anybody waits for it: those from the
/// twentieth to the fortieth only after so long.
fn far_server(
    stall: Duration,
    seen: Arc<Mutex<Vec<Instant>>>,
) -> impl Service<Request<u64>, Response = Response<()>, Error = Infallible, Future: Send> + Clone {
    let count = Arc::new(AtomicUsize::new(0));
    service_fn(move |_: Request<u64>| {
        let stalls = (20..40).contains(&count.fetch_add(1, Ordering::Relaxed));
        let arrives = if stalls {
            stall
        } else {
            Duration::from_millis(50)
        };
        let (seen, now) = (seen.clone(), Instant::now());
        let call = tokio::spawn(async move {
            sleep_until(now + arrives).await;
            seen.lock().unwrap().push(Instant::now());
            sleep(Duration::from_millis(50)).await;
        });
        async move {
            call.await.unwrap();
            Ok::<_, Infallible>(Response::new(()))
        }
    })
}

fn layer(quota: Quota) -> RequestPacingLayer {
    RequestPacingLayer::builder(quota).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_not_overrun_by_calls_whose_callers_gave_up() {
    let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
    let service = far_server(secs(50), arrivals.clone());
    let client = layer(Quota::requests_per_minute(20)).layer(service);
    let mut tasks = Vec::new();
    for _ in 0..80 {
        tasks.push(tokio::spawn(client.clone().oneshot(request("x", "/a"))));
        sleep(Duration::from_millis(10)).await;
    }
    sleep(secs(70)).await;
    // The twenty that stall are under way; their callers go away.
    tasks[20..40].iter().for_each(|task| task.abort());
    sleep(secs(600)).await;
    assert_eq!(arrivals.lock().unwrap().len(), 80);
    assert_eq!(most(&arrivals, secs(60)), 20);
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_not_overrun_by_calls_that_time_out_and_arrive_late() {
    for stall in [50, 119] {
        let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
        let service = far_server(secs(stall), arrivals.clone());
        let service = tower::timeout::Timeout::new(service, secs(5));
        let client = layer(Quota::requests_per_minute(20)).layer(service);
        join_all((0..80).map(|_| client.clone().oneshot(request("x", "/a")))).await;
        sleep(secs(600)).await;
        assert_eq!(arrivals.lock().unwrap().len(), 80);
        assert_eq!(most(&arrivals, secs(60)), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_a_lost_call_may_be_under_way_can_be_said() {
    for (time, free) in [(0, 60), (30, 90), (600, 660)] {
        let layer = RequestPacingLayer::builder(Quota::requests_per_minute(1))
            .lost_after(secs(time))
            .build()
            .unwrap();
        let client = layer.layer(Server);
        // So much is usual that a slow one would have arrived at once.
        let start = Instant::now();
        let lost = spawn(&client, slow("x", "/a", 1_000)).await;
        sleep(Duration::from_millis(500)).await;
        lost.abort();
        go(&client, request("x", "/a")).await.unwrap();
        let free = secs(free).max(secs(70));
        assert_eq!(start.elapsed().as_secs(), free.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn what_certainly_never_left_takes_no_slot() {
    fn refused() -> tower::BoxError {
        io::Error::from(io::ErrorKind::ConnectionRefused).into()
    }
    let errors: [fn() -> tower::BoxError; 2] = [refused, || NotSent.into()];
    for error in errors {
        let layer = layer(Quota::requests_per_second(1).and_requests_per_minute(2));
        let broken = layer.layer(service_fn(move |_: Request<u64>| async move {
            Err::<Response<()>, _>(error())
        }));
        let start = Instant::now();
        for _ in 0..5 {
            assert!(broken.clone().oneshot(request("x", "/a")).await.is_err());
        }
        go(&layer.layer(Server), request("x", "/a")).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_broke_proves_nothing() {
    let layer = layer(Quota::requests_per_minute(1));
    let broken = layer.layer(service_fn(|_: Request<u64>| async {
        Err::<Response<()>, _>(io::Error::from(io::ErrorKind::ConnectionReset))
    }));
    let start = Instant::now();
    assert!(broken.oneshot(request("x", "/a")).await.is_err());
    go(&layer.layer(Server), request("x", "/a")).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 180);
}

/// Long round trips, and one that is lost a minute and a half before midnight.
#[tokio::test(start_paused = true)]
async fn a_lost_call_does_not_turn_the_page_before_midnight() {
    let start = Instant::now();
    let layer = RequestPacingLayer::builder(Quota::requests_per_day_utc(20))
        .date(at_utc(23, 0, 0))
        .build()
        .unwrap();
    let client = layer.layer(Server);
    let midnight = start + secs(3_600);
    join_all((0..18).map(|_| go(&client, slow("x", "/a", 180_000)))).await;
    sleep_until(midnight - secs(90)).await;
    let lost = spawn(&client, slow("x", "/a", 180_000)).await;
    sleep(secs(5)).await;
    lost.abort();
    sleep(SECOND).await;
    // One of twenty is left. It is 23:58:36.
    let mut sent = 19;
    while Instant::now() < midnight - secs(60) {
        let call = spawn(&client, request("x", "/a")).await;
        sleep(SECOND).await;
        match call.is_finished() {
            true => sent += 1,
            false => call.abort(),
        }
    }
    assert_eq!(sent, 20);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_before_midnight_counts_in_both_days() {
    let start = Instant::now();
    let layer = RequestPacingLayer::builder(Quota::requests_per_day_utc(2))
        .date(at_utc(23, 0, 0))
        .build()
        .unwrap();
    let client = layer.layer(Server);
    let midnight = start + secs(3_600);
    for before in [300, 90] {
        sleep_until(midnight - secs(before)).await;
        let lost = spawn(&client, slow("x", "/a", 600_000)).await;
        sleep(secs(5)).await;
        lost.abort();
    }
    // Only the second may arrive tomorrow.
    sleep_until(midnight + secs(61)).await;
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(Instant::now(), midnight + secs(61));
    go(&client, request("x", "/a")).await.unwrap();
    assert_eq!(Instant::now(), midnight + secs(86_400 + 60));
}

/// A client that gives up early, and its server.
struct Hasty {
    simulator: SimulatorBuilder,
    quota: Quota,
    patience: Duration,
    lost_after: u64,
}

/// How long 3,000 requests took, and how often they led to a suspension.
async fn run(hasty: Hasty) -> (Duration, usize) {
    let simulator = hasty.simulator.build().unwrap();
    let classifier = TikTokErrorClassifierLayer::builder().build().unwrap();
    let service = classifier.layer(simulator.clone());
    let service = tower::timeout::Timeout::new(service, hasty.patience);
    let layer = RequestPacingLayer::builder(hasty.quota)
        .lost_after(secs(hasty.lost_after))
        .build()
        .unwrap();
    let (client, start) = (layer.layer(service), Instant::now());
    join_all((0..3_000).map(|n| client.clone().oneshot(write(n % 50)))).await;
    let elapsed = start.elapsed();
    sleep(secs(60)).await;
    (elapsed, simulator.ledger().suspensions.len())
}

fn simulator(per_second: u64, seed: u64) -> SimulatorBuilder {
    Simulator::builder()
        .level(Level::custom(per_second, 600, 864_000))
        .sharing(Sharing::AppWide)
        .advertiser_qps(None)
        .window(WindowKind::Sliding)
        .seed(seed)
}

#[tokio::test(start_paused = true)]
async fn timeouts_lead_to_no_suspension() {
    let latency = Latency::lognormal(Duration::from_millis(120), 0.8).before_limiter(0.9);
    for (seed, per_second) in [(0, 1_000), (1, 1_000), (0, 10), (1, 10)] {
        let (_, suspensions) = run(Hasty {
            simulator: simulator(per_second.into(), seed).latency(latency),
            quota: Quota::requests_per_second(per_second).and_requests_per_minute(600),
            // A quarter of all calls takes longer.
            patience: Duration::from_millis(250),
            lost_after: 120,
        })
        .await;
        assert_eq!(suspensions, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_lost_call_in_a_hundred_costs_less_than_one_percent() {
    let latency = Latency::lognormal(Duration::from_millis(120), 0.5).before_limiter(0.25);
    let ratio = async |lost_after: u64, share: f64| {
        let stalls = Faults::none().with(Fault::Stall(secs(10)), share);
        let (elapsed, suspensions) = run(Hasty {
            simulator: simulator(10, 1).latency(latency).faults(stalls),
            quota: Quota::requests_per_second(10).and_requests_per_minute(600),
            patience: secs(5),
            lost_after,
        })
        .await;
        assert_eq!(suspensions, 0);
        let ratio = elapsed.as_secs_f64() / 299.0;
        println!("{lost_after} s, {:.0} % lost: {ratio:.3}", 100.0 * share);
        ratio
    };
    let [none, default] = [ratio(0, 0.01).await, ratio(120, 0.01).await];
    assert!(default <= none + 0.01, "{none} {default}");
    for (time, share) in [(300, 0.01), (0, 0.05), (120, 0.05), (300, 0.05)] {
        ratio(time, share).await;
    }
}
