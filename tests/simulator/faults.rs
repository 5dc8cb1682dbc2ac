use std::{io::ErrorKind, time::Duration};

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::{Instant, advance, timeout};
use tower_tiktok::simulator::{
    Fault, Faults, InvalidSimulator, Latency, Ledger, Level, Script, Simulator, SimulatorBuilder,
};

use crate::client::{ROOT, get, get_request, post, post_request, send};

const CREATE: &str = "/campaign/create/";
const CAMPAIGNS: &str = "/campaign/get/?advertiser_id=7";

fn campaign(name: &str) -> Value {
    json!({"advertiser_id": "7", "campaign_name": name, "objective_type": "TRAFFIC"})
}

fn forcing(fault: Fault) -> Simulator {
    let sim = Simulator::builder().vary(false);
    sim.script(Script::new(fault))
        .build()
        .expect("the settings are sound")
}

async fn create(sim: &Simulator, name: &str) -> Result<crate::client::Reply, ErrorKind> {
    let sent = send(sim, post_request(CREATE, &campaign(name))).await;
    sent.map_err(|error| error.kind())
}

/// The fault happened once; this was applied, and the caller was not told.
#[track_caller]
fn assert_truth(sim: &Simulator, fault: Fault, applied: u64, lost: u64) {
    let total = sim.ledger().total;
    assert_eq!(total.faults(fault), 1, "{fault}");
    assert_eq!(
        (total.applied, total.created),
        (applied, applied),
        "{fault}"
    );
    assert_eq!(total.lost_answers, lost, "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_answers_with_html() {
    let timed_out = |applied| Fault::GatewayTimeout { applied };
    for (fault, status, applied) in [
        (Fault::BadGateway, 502, 0),
        (timed_out(false), 504, 0),
        (timed_out(true), 504, 1),
    ] {
        let sim = forcing(fault);
        let reply = create(&sim, "a").await.unwrap();
        assert_eq!(reply.response.status(), status);
        assert!(reply.response.body().starts_with(b"<html>"));
        assert!(reply.response.headers().contains_key("date"));
        assert_truth(&sim, fault, applied, applied);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_breaks_before_or_after_the_write() {
    for (fault, applied) in [
        (Fault::Reset, 0),
        (Fault::LostAnswer, 1),
        (Fault::CutBody, 1),
    ] {
        let sim = forcing(fault);
        assert_eq!(
            create(&sim, "a").await.err(),
            Some(ErrorKind::ConnectionReset)
        );
        assert_truth(&sim, fault, applied, applied);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_error_says_nothing_of_the_write() {
    for code in [50_000, 50_002, 51_010] {
        for applied in [false, true] {
            let fault = Fault::ServerError { code, applied };
            let sim = forcing(fault);
            assert_eq!(create(&sim, "a").await.unwrap().code(), code);
            assert_truth(&sim, fault, applied.into(), applied.into());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_careless_retry_is_a_duplicate() {
    let sim = forcing(Fault::LostAnswer);
    assert!(create(&sim, "a").await.is_err());
    assert_eq!(create(&sim, "a").await.unwrap().code(), 0);
    let total = sim.ledger().total;
    assert_eq!(
        (total.applied, total.duplicated, total.lost_answers),
        (2, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_and_maintenance_apply_nothing() {
    for (fault, code) in [(Fault::WriteConflict, 40_202), (Fault::Maintenance, 60_001)] {
        let sim = forcing(fault);
        assert_eq!(create(&sim, "a").await.unwrap().code(), code);
        assert_truth(&sim, fault, 0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_does_not_fit_does_not_happen() {
    let sim = forcing(Fault::WriteConflict);
    assert_eq!(get(&sim, CAMPAIGNS).await.code(), 0);
    assert!(sim.ledger().total.faults.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_an_answer_that_comes_late() {
    let fault = Fault::Stall(Duration::from_secs(40));
    let sim = forcing(fault);
    let begin = Instant::now();
    assert_eq!(create(&sim, "a").await.unwrap().code(), 0);
    assert_eq!(begin.elapsed(), Duration::from_secs(40));
    assert_truth(&sim, fault, 1, 0);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_has_still_written() {
    let sim = forcing(Fault::Stall(Duration::from_secs(40)));
    let waited = timeout(Duration::from_secs(30), create(&sim, "a")).await;
    assert!(waited.is_err());
    let total = sim.ledger().total;
    assert_eq!(
        (total.applied, total.abandoned, total.lost_answers),
        (1, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_arrives_without_its_caller() {
    let latency = Latency::fixed(Duration::from_secs(10)).before_limiter(0.5);
    let sim = Simulator::builder().latency(latency).build().unwrap();
    assert!(
        timeout(Duration::from_secs(1), create(&sim, "a"))
            .await
            .is_err()
    );
    assert_eq!(sim.ledger().total.received, 0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ledger = sim.ledger();
    let total = &ledger.total;
    assert_eq!(
        (total.applied, total.abandoned, total.lost_answers),
        (1, 1, 1)
    );
    assert_eq!(ledger.seconds[0].second, 5);
}

#[tokio::test(start_paused = true)]
async fn an_edge_throttle_has_a_retry_after() {
    let retry_after = Duration::from_secs(7);
    let sim = forcing(Fault::EdgeThrottle { retry_after });
    let reply = create(&sim, "a").await.unwrap();
    assert_eq!(reply.response.status(), 429);
    assert_eq!(reply.response.headers()["retry-after"], "7");
    assert_eq!(reply.code(), -1);
    assert_eq!(sim.ledger().total.admitted, 0);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_write_fails_under_code_0_or_20001() {
    for (fault, code) in [(Fault::ErrorList, 0), (Fault::PartialSuccess, 20_001)] {
        let sim = Simulator::builder().vary(false).build().unwrap();
        let mut ids = Vec::new();
        for name in ["a", "b"] {
            ids.push(create(&sim, name).await.unwrap().data()["campaign_id"].clone());
        }
        sim.script(Script::new(fault));
        let body =
            json!({"advertiser_id": "7", "campaign_ids": ids, "operation_status": "DISABLE"});
        let reply = post(&sim, "/campaign/status/update/", body).await;
        assert_eq!(reply.code(), code);
        assert_eq!(reply.data()["error_list"][0]["campaign_id"], ids[1]);
        let listed = get(&sim, CAMPAIGNS).await;
        let status = |n: usize| listed.data()["list"][n]["operation_status"].clone();
        assert_eq!((status(0), status(1)), (json!("DISABLE"), json!("ENABLE")));
    }
}

#[tokio::test(start_paused = true)]
async fn maintenance_has_a_beginning_and_an_end() {
    let hour = Duration::from_secs(3_600);
    let sim = Simulator::builder()
        .maintenance(hour, hour / 2)
        .build()
        .unwrap();
    for (after, code) in [(3_599, 0), (1, 60_001), (1_799, 60_001), (1, 0)] {
        advance(Duration::from_secs(after)).await;
        assert_eq!(get(&sim, CAMPAIGNS).await.code(), code);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_urls_and_methods_are_not_json() {
    let sim = Simulator::builder().build().unwrap();
    let path = |method: Method, path: String| {
        let request = Request::builder().method(method).uri(path);
        send(&sim, request.body(Full::default()).unwrap())
    };
    let reply = path(Method::GET, "/open_api/v1.3/moon/get/".into())
        .await
        .unwrap();
    assert_eq!(
        (reply.response.status().as_u16(), &reply.response.body()[..]),
        (404, &b"Not Found"[..])
    );
    let reply = path(Method::GET, format!("{ROOT}/campaign/get"))
        .await
        .unwrap();
    assert_eq!(&reply.response.body()[..], b"404 page not found");
    let reply = path(Method::GET, format!("{ROOT}{CREATE}")).await.unwrap();
    assert_eq!(reply.response.status(), 405);
    assert!(reply.response.body().starts_with(b"<html>"));
    assert_eq!(sim.ledger().total.rejected, 3);
}

#[tokio::test(start_paused = true)]
async fn events_can_answer_with_real_statuses() {
    let sim = Simulator::builder().vary(false).events_status(true);
    let sim = sim.endpoint(
        "/event/track/",
        tower_tiktok::simulator::Limits::new(1, 9, 9),
    );
    let sim = sim.build().unwrap();
    let event = json!({"event_source": "web", "event_source_id": "P", "data": [{"event": "x"}]});
    assert_eq!(
        post(&sim, "/event/track/", event.clone())
            .await
            .response
            .status(),
        200
    );
    let refused = post(&sim, "/event/track/", event).await;
    assert_eq!(
        (refused.response.status().as_u16(), refused.code()),
        (401, 40_100)
    );
}

#[tokio::test(start_paused = true)]
async fn answers_vary_and_stay_readable() {
    let sim = Simulator::builder()
        .advertiser_qps(None)
        .level(Level::custom(1_000, 1_000, 1_000));
    let sim = sim.build().unwrap();
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let reply = get(&sim, CAMPAIGNS).await;
        assert_eq!(reply.code(), 0);
        let headers = reply.response.headers();
        let log_id = headers["x-tt-logid"].to_str().unwrap();
        assert!(log_id.starts_with("20260105080000") && log_id.len() == 34);
        assert_eq!(headers["date"], "Mon, 05 Jan 2026 08:00:00 GMT");
        assert!(headers.contains_key("x-tt-trace-id") && headers.contains_key("x-tt-trace-host"));
        firsts.insert(reply.response.body()[..5].to_vec());
    }
    assert_eq!(firsts.len(), 3);
}

/// A busy, faulty run.
async fn run(seed: u64, faults: Faults) -> Ledger {
    let latency = Latency::lognormal(Duration::from_millis(300), 0.8);
    let sim = Simulator::builder()
        .seed(seed)
        .faults(faults)
        .latency(latency);
    let sim = sim
        .level(Level::Ultimate)
        .build()
        .expect("the settings are sound");
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..2_000_u64 {
        let sim = sim.clone();
        calls.spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 25)).await;
            let request = match n % 2 {
                0 => post_request(CREATE, &campaign(&format!("c{n}"))),
                _ => get_request(CAMPAIGNS),
            };
            send(&sim, request).await.is_ok()
        });
    }
    calls.join_all().await;
    sim.ledger()
}

#[test]
fn the_same_seed_is_the_same_run() {
    let ledger = |seed| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(seed, Faults::mixed()))
    };
    let first = ledger(1);
    assert_eq!(first, ledger(1));
    assert_ne!(first, ledger(2));
    assert!(first.total.faults.len() > 5);
    assert!(first.total.lost_answers > 0);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_adds_up() {
    let faults = Faults::none()
        .with(Fault::Reset, 0.1)
        .with(Fault::LostAnswer, 0.1)
        .with(Fault::WriteConflict, 0.1);
    let ledger = run(5, faults).await;
    let total = &ledger.total;
    let edge = total.faults(Fault::Reset);
    assert_eq!(total.received, 2_000);
    assert_eq!(
        total.received,
        total.admitted + total.refused.total() + edge
    );
    let parts = |count: fn(&tower_tiktok::simulator::Tally) -> u64| -> u64 {
        ledger.endpoints.values().map(count).sum()
    };
    assert_eq!(parts(|tally| tally.received), total.received);
    assert_eq!(parts(|tally| tally.applied), total.applied);
    assert_eq!(ledger.advertisers["7"], *total);
    let seconds: u64 = ledger.seconds.iter().map(|second| second.admitted).sum();
    for (path, tally) in &ledger.endpoints {
        let seconds = ledger.endpoint_seconds.get(path).into_iter().flatten();
        let (admitted, refused) = seconds.fold((0, 0), |(admitted, refused), second| {
            (admitted + second.admitted, refused + second.refused)
        });
        assert_eq!((admitted, refused), (tally.admitted, tally.refused.total()));
    }
    assert_eq!(seconds, total.admitted);
    assert_eq!(total.duplicated, 0);
    assert_eq!(ledger.answers.len(), 1_000);
}

#[test]
fn senseless_faults_are_refused() {
    let error = |builder: SimulatorBuilder| builder.build().unwrap_err();
    let faults = Faults::none()
        .with(Fault::Reset, 0.7)
        .with(Fault::LostAnswer, 0.7);
    assert_eq!(
        error(Simulator::builder().faults(faults)),
        InvalidSimulator::Faults
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_may_come_late() {
    let sim = forcing(Fault::LateWrite(Duration::from_secs(20)));
    assert_eq!(
        create(&sim, "a").await.err(),
        Some(ErrorKind::ConnectionReset)
    );
    assert_eq!(sim.ledger().total.created, 0);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_truth(&sim, Fault::LateWrite(Duration::ZERO), 1, 1);

    // A read cannot be late.
    sim.script(Script::new(Fault::LateWrite(Duration::ZERO)));
    assert_eq!(get(&sim, CAMPAIGNS).await.code(), 0);
    assert_eq!(
        sim.ledger().total.faults(Fault::LateWrite(Duration::ZERO)),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_not_applied() {
    let sim = forcing(Fault::Throttle);
    assert_eq!(create(&sim, "a").await.unwrap().code(), 40_100);
    assert_truth(&sim, Fault::Throttle, 0, 0);
}
