use std::time::Duration;

use serde_json::json;
use tokio::time::{advance, sleep};
use tower_tiktok::simulator::{
    Fault, InvalidSimulator, Latency, Level, Limits, Refusals, Script, Sharing, Simulator,
    SimulatorBuilder, WindowKind,
};

use crate::client::{burst, get, post};

const CAMPAIGNS: &str = "/campaign/get/?advertiser_id=7";
const ADS: &str = "/ad/get/?advertiser_id=7";

fn sim() -> SimulatorBuilder {
    Simulator::builder().vary(false)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn the_first_refused_call_is_one_over_the_limit() {
    let sim = sim().app_id("42").build().unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 10).await.0, 10);
    for _ in 0..3 {
        let refused = get(&sim, CAMPAIGNS).await;
        assert_eq!(refused.code(), 40_100);
        assert_eq!(
            refused.message(),
            "App 42 reaches the QPS limit 10, current QPS is 11"
        );
        assert_eq!(refused.response.status(), 200);
        assert!(refused.response.headers().get("retry-after").is_none());
    }
    assert_eq!(sim.ledger().total.refused.second, 3);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_lets_twice_the_limit_through_at_its_edge() {
    let phase = Duration::from_millis(300);
    let sim = sim().window(WindowKind::Fixed { phase }).build().unwrap();
    advance(Duration::from_millis(1_299)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
    advance(Duration::from_millis(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_does_not() {
    let sim = sim().window(WindowKind::Sliding).build().unwrap();
    advance(Duration::from_millis(999)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
    advance(Duration::from_millis(999)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 1).await.0, 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn endpoints_share_as_they_are_told() {
    for (sharing, left) in [
        (Sharing::AppWide, 2),
        (Sharing::PerEndpoint, 10),
        (Sharing::Both, 2),
    ] {
        let sim = sim().sharing(sharing).build().unwrap();
        assert_eq!(burst(&sim, CAMPAIGNS, 8).await.0, 8);
        assert_eq!(burst(&sim, ADS, 12).await.0, left, "{sharing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn levels_have_their_limits() {
    let levels = [
        (Level::Basic, 10),
        (Level::Advanced, 20),
        (Level::Premium, 30),
        (Level::Ultimate, 50),
        (Level::Sandbox, 1),
        (Level::custom(3, 100, 1_000), 3),
    ];
    for (level, limit) in levels {
        let sim = sim().level(level).advertiser_qps(None).build().unwrap();
        assert_eq!(burst(&sim, CAMPAIGNS, 60).await.0, limit, "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_shares_nothing() {
    let sim = sim()
        .level(Level::Sandbox)
        .sharing(Sharing::AppWide)
        .build()
        .unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 2).await.0, 1);
    assert_eq!(burst(&sim, ADS, 2).await.0, 1);
    let refused = get(&sim, ADS).await;
    assert!(
        refused
            .message()
            .ends_with("the QPS limit 1, current QPS is 2.")
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_a_limit_of_its_own() {
    let sim = sim().build().unwrap();
    let create = |_| {
        let body = json!({"advertiser_id": "7", "report_type": "BASIC",
            "dimensions": ["advertiser_id"], "query_lifetime": true});
        post(&sim, "/report/task/create/", body)
    };
    assert_eq!(create(0).await.code(), 0);
    let refused = create(1).await;
    assert!(refused.message().contains("QPS limit 1, current QPS is 2"));
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 9);
}

#[tokio::test(start_paused = true)]
async fn events_have_room_that_the_app_has_not() {
    let sim = sim().build().unwrap();
    let body = json!({"event_source": "web", "event_source_id": "P", "data": [{"event": "x"}]});
    for _ in 0..1_000 {
        assert_eq!(post(&sim, "/event/track/", body.clone()).await.code(), 0);
    }
    assert_eq!(post(&sim, "/event/track/", body).await.code(), 40_100);
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn an_endpoints_limit_can_be_set() {
    let sim = sim()
        .endpoint("ad/get", Limits::new(2, 100, 100))
        .build()
        .unwrap();
    assert_eq!(burst(&sim, ADS, 5).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn an_advertiser_over_its_limit_leaves_the_others_alone() {
    let sim = sim().advertiser_qps(Some(4)).build().unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 4).await.0, 4);
    let refused = get(&sim, CAMPAIGNS).await;
    assert_eq!(refused.code(), 40_133);
    assert_eq!(
        refused.message(),
        "Advertiser (7)'s QPS (5) reaches QPS limit 4 for current path, request is temporarily restricted."
    );
    assert_eq!(burst(&sim, "/campaign/get/?advertiser_id=8", 4).await.0, 4);
    assert_eq!(burst(&sim, ADS, 2).await.0, 2);
    assert_eq!(sim.ledger().advertisers["7"].refused.advertiser, 1);
}

#[tokio::test(start_paused = true)]
async fn a_pixel_over_its_limit_leaves_the_others_alone() {
    let sim = sim().field_qps(Some(2)).build().unwrap();
    let track = |pixel: &str| {
        post(
            &sim,
            "/pixel/track/",
            json!({"pixel_code": pixel, "event": "x"}),
        )
    };
    for _ in 0..2 {
        assert_eq!(track("A").await.code(), 0);
    }
    assert_eq!(track("A").await.code(), 40_132);
    assert_eq!(track("B").await.code(), 0);
    assert_eq!(sim.ledger().total.refused.field, 1);
}

/// Uses up the minute without going over it.
async fn fill_the_minute(sim: &Simulator) {
    for _ in 0..59 {
        assert_eq!(burst(sim, CAMPAIGNS, 10).await.0, 10);
        advance(seconds(1)).await;
    }
    assert_eq!(burst(sim, CAMPAIGNS, 10).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn a_minute_overrun_costs_five() {
    let sim = sim().build().unwrap();
    fill_the_minute(&sim).await;
    let refused = get(&sim, ADS).await;
    assert_eq!(refused.code(), 40_100);
    assert_eq!(
        refused.message(),
        "Due to too many requests, requests from App 7055107885017071618 are temporarily restricted."
    );
    advance(seconds(299)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 20).await.0, 0);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 10).await.0, 10);

    let ledger = sim.ledger();
    assert_eq!(
        (ledger.total.refused.minute, ledger.total.refused.suspended),
        (1, 20)
    );
    assert_eq!(ledger.suspensions.len(), 1);
    let suspension = &ledger.suspensions[0];
    assert_eq!(
        (suspension.from, suspension.until),
        (seconds(59), seconds(359))
    );
    assert_eq!((suspension.path, suspension.for_the_day), (None, false));
}

#[tokio::test(start_paused = true)]
async fn without_suspensions_a_minute_overrun_costs_one_call() {
    let sim = sim().suspension(None).build().unwrap();
    fill_the_minute(&sim).await;
    let refused = get(&sim, ADS).await;
    assert_eq!(refused.code(), 40_100);
    assert!(!refused.message().contains("restricted"));
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 10).await.0, 10);
    let ledger = sim.ledger();
    assert_eq!(ledger.total.refused.minute, 1);
    assert!(ledger.suspensions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_the_overrun_endpoint_is_suspended_if_endpoints_count_apart() {
    let sim = sim().sharing(Sharing::PerEndpoint).build().unwrap();
    fill_the_minute(&sim).await;
    assert_eq!(get(&sim, CAMPAIGNS).await.code(), 40_100);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, ADS, 5).await.0, 5);
    assert_eq!(burst(&sim, CAMPAIGNS, 5).await.0, 0);
    assert_eq!(sim.ledger().suspensions[0].path, Some("/campaign/get/"));
}

#[tokio::test(start_paused = true)]
async fn refused_calls_count_if_they_are_told_to() {
    let sim = sim()
        .level(Level::custom(2, 5, 100))
        .count_refused(true)
        .build()
        .unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 5).await.0, 2);
    // The five of the minute are used up, by three that were refused.
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 1).await.0, 0);
    assert_eq!(sim.ledger().suspensions.len(), 1);
    // Knocking on the door keeps it shut.
    advance(seconds(200)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 1).await.0, 0);
    advance(seconds(299)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 1).await.0, 0);
    advance(seconds(300)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 2).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_day_overrun_lasts_until_midnight_utc() {
    let sim = sim().level(Level::custom(10, 100, 15)).build().unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 10).await.0, 10);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 10).await.0, 5);
    // It began at 08:00:00.
    advance(seconds(16 * 3_600 - 2)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 3).await.0, 0);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 3).await.0, 3);
    let ledger = sim.ledger();
    assert_eq!(ledger.total.refused.day, 8);
    assert_eq!(ledger.suspensions[0].until, seconds(16 * 3_600));
}

#[tokio::test(start_paused = true)]
async fn reports_that_time_out_slow_reporting_down() {
    let report = "/report/integrated/get/?advertiser_id=7&report_type=BASIC&dimensions=%5B%22advertiser_id%22%5D&query_lifetime=true";
    let timeout = Fault::ServerError {
        code: 51_010,
        applied: false,
    };
    let script = Script::new(timeout)
        .path("/report/integrated/get/")
        .times(10);
    let sim = sim().script(script).build().unwrap();
    for n in 0..10 {
        let report = format!("{report}&order_type={n}");
        assert_eq!(burst(&sim, &report, 1).await.0, 0);
    }
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, report, 8).await.0, 5);
    assert_eq!(sim.ledger().total.refused.penalty, 3);
    advance(seconds(300)).await;
    assert_eq!(burst(&sim, report, 8).await.0, 8);
}

#[tokio::test(start_paused = true)]
async fn the_same_report_is_blocked_once_it_timed_out_three_times() {
    let report = "/report/integrated/get/?advertiser_id=7&report_type=BASIC&dimensions=%5B%22advertiser_id%22%5D&query_lifetime=true";
    let script = Script::new(Fault::GatewayTimeout { applied: false });
    let script = script.path("/report/integrated/get/").times(3);
    let sim = sim().script(script).build().unwrap();
    for _ in 0..3 {
        get(&sim, report).await;
    }
    advance(seconds(599)).await;
    assert_eq!(burst(&sim, report, 5).await.0, 0);
    assert_eq!(sim.ledger().total.refused.penalty, 5);
    let other = format!("{report}&order_type=1");
    assert_eq!(burst(&sim, &other, 1).await.0, 1);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, report, 5).await.0, 5);
}

#[tokio::test(start_paused = true)]
async fn the_level_changes_while_it_runs() {
    let sim = sim().advertiser_qps(None).build().unwrap();
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
    sim.set_level(Level::Advanced);
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
    sim.set_level(Level::Basic);
    advance(seconds(1)).await;
    assert_eq!(burst(&sim, CAMPAIGNS, 12).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_when_they_arrive() {
    let latency = Latency::fixed(Duration::from_millis(1_000)).before_limiter(0.6);
    let sim = sim().latency(latency).build().unwrap();
    let early: Vec<_> = (0..10).map(|_| tokio::spawn(call(sim.clone()))).collect();
    sleep(Duration::from_millis(500)).await;
    let late: Vec<_> = (0..10).map(|_| tokio::spawn(call(sim.clone()))).collect();
    let mut codes = Vec::new();
    for call in early.into_iter().chain(late) {
        codes.push(call.await.unwrap());
    }
    // Sent in one second, counted in two.
    assert_eq!(codes, [0; 20]);
    let seconds: Vec<_> = sim
        .ledger()
        .seconds
        .iter()
        .map(|s| (s.second, s.admitted))
        .collect();
    assert_eq!(seconds, [(0, 10), (1, 10)]);
}

#[tokio::test(start_paused = true)]
async fn the_latency_changes_while_it_runs() {
    let sim = sim().build().unwrap();
    sim.set_latency(Latency::fixed(seconds(2))).unwrap();
    let before = tokio::time::Instant::now();
    get(&sim, CAMPAIGNS).await;
    assert_eq!(before.elapsed(), seconds(2));
    assert_eq!(
        sim.set_latency(Latency::uniform(seconds(2), seconds(1))),
        Err(InvalidSimulator::Latency)
    );
    get(&sim, CAMPAIGNS).await;
    assert_eq!(before.elapsed(), seconds(4));
}

async fn call(sim: Simulator) -> i64 {
    get(&sim, CAMPAIGNS).await.code()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_can_carry_its_wait() {
    let level = Level::custom(100, 1, 100);
    let sim = sim()
        .level(level)
        .refusals(Refusals::RetryAfter)
        .build()
        .unwrap();
    get(&sim, CAMPAIGNS).await;
    for (after, wait) in [(0, "300"), (100, "200")] {
        advance(seconds(after)).await;
        let refused = get(&sim, CAMPAIGNS).await;
        assert_eq!(refused.code(), 40_100);
        assert_eq!(refused.response.headers()["retry-after"], wait);
    }
}

#[tokio::test(start_paused = true)]
async fn an_edge_refuses_with_429() {
    let sim = sim().refusals(Refusals::Edge).build().unwrap();
    burst(&sim, CAMPAIGNS, 10).await;
    let refused = get(&sim, CAMPAIGNS).await;
    assert_eq!(refused.response.status(), 429);
    assert_eq!(refused.response.headers()["retry-after"], "1");
    assert_eq!(&refused.response.body()[..], b"Too Many Requests");
}

#[test]
fn senseless_settings_are_refused() {
    let error = |builder: SimulatorBuilder| builder.build().unwrap_err();
    assert_eq!(
        error(sim().level(Level::custom(0, 1, 1))),
        InvalidSimulator::ZeroLimit
    );
    assert_eq!(
        error(sim().advertiser_qps(Some(0))),
        InvalidSimulator::ZeroLimit
    );
    assert_eq!(
        error(sim().latency(Latency::none().before_limiter(2.0))),
        InvalidSimulator::Latency
    );
    let unknown = error(sim().endpoint("/moon/get/", Limits::new(1, 1, 1)));
    assert_eq!(unknown.to_string(), "there is no endpoint /moon/get/");
}
