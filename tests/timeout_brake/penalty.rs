//! TikTok's penalties on the timeouts of reports, as the simulator has them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tower::{BoxError, Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    simulator::{Fault, Faults, Latency, Level, Script, Simulator},
    tiktok::{AccessLevel, TikTok, TikTokLayer, reports},
    timeout_brake::TimedOutTooOften,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Half of all reports time out, after two seconds.
fn overloaded() -> Simulator {
    Simulator::builder()
        .level(Level::Ultimate)
        .advertiser_qps(None)
        .latency(Latency::fixed(secs(2)))
        .faults(Faults::none().with(Fault::GatewayTimeout { applied: false }, 0.5))
        .seed(11)
        .build()
        .unwrap()
}

fn client(simulator: &Simulator, is_braked: bool) -> TikTok<Simulator> {
    let mut layer = TikTokLayer::builder().access_level(AccessLevel::Ultimate);
    if is_braked {
        layer = layer.timeout_brake(reports::timeout_brake().build().unwrap());
    }
    layer.build().layer(simulator.clone())
}

async fn report(client: &TikTok<Simulator>, advertiser: u32) -> Result<ErrorClass, BoxError> {
    let uri = format!(
        "/open_api/v1.3/report/integrated/get/?advertiser_id={advertiser}&report_type=BASIC\
        &dimensions=%5B%22advertiser_id%22%5D&query_lifetime=true"
    );
    let request = Request::get(uri).header("access-token", "secret");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let response = client.clone().oneshot(request).await?;
    Ok(ErrorClass::of(&response))
}

#[tokio::test(start_paused = true)]
async fn no_penalty_is_met_however_many_reports_time_out() {
    let simulator = overloaded();
    let braked = client(&simulator, true);
    let answers = join_all((0..150).map(|n| report(&braked, n))).await;
    let ledger = simulator.ledger();
    assert!(ledger.total.received > 200, "{}", ledger.total.received);
    assert_eq!(ledger.total.refused.penalty, 0);
    // Whatever ended otherwise timed out three times.
    let mut good = 0;
    for answer in answers {
        match answer {
            Ok(class) => good += usize::from(class == ErrorClass::Success),
            Err(error) => assert!(error.is::<TimedOutTooOften>(), "{error}"),
        }
    }
    assert!(good >= 110, "{good}");

    // Without the brake TikTok cuts the rate, and blocks.
    let simulator = overloaded();
    let free = client(&simulator, false);
    join_all((0..150).map(|n| report(&free, n))).await;
    assert!(simulator.ledger().total.refused.penalty > 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_timed_out_thrice_is_not_repeated_by_backoff() {
    let simulator = Simulator::builder()
        .faults(Faults::none().with(Fault::GatewayTimeout { applied: false }, 1.0))
        .build()
        .unwrap();
    let client = client(&simulator, true);
    let start = Instant::now();
    let error = report(&client, 1).await.unwrap_err();
    let refusal = error.downcast_ref::<TimedOutTooOften>().unwrap();
    let left = refusal.earliest() - Instant::now();
    assert!(left > secs(590) && left <= secs(600), "{left:?}");
    for _ in 0..50 {
        assert!(
            report(&client, 1)
                .await
                .unwrap_err()
                .is::<TimedOutTooOften>()
        );
    }
    assert!(start.elapsed() < secs(60));
    let ledger = simulator.ledger();
    assert_eq!(ledger.total.received, 3);
    assert_eq!(ledger.total.refused.penalty, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_between_timeouts_lifts_no_block() {
    let late = || Script::new(Fault::GatewayTimeout { applied: false });
    let simulator = Simulator::builder()
        .script(late().times(2))
        .script(late().skip(3))
        .build()
        .unwrap();
    let client = client(&simulator, true);
    // Two timeouts, and an answer.
    assert_eq!(report(&client, 1).await.unwrap(), ErrorClass::Success);
    assert_eq!(simulator.ledger().total.received, 3);
    for _ in 0..2 {
        // One more timeout, and it is not asked for again.
        let error = report(&client, 1).await.unwrap_err();
        assert!(error.is::<TimedOutTooOften>(), "{error}");
    }
    let ledger = simulator.ledger();
    assert_eq!(ledger.total.received, 4);
    assert_eq!(ledger.total.refused.penalty, 0);
}
