//! Reports that nobody waits for fill what writes leave free.

use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use tokio::time::{Instant, sleep};
use tower_tiktok::{
    extensions::Priority,
    simulator::{Latency, Simulator},
};

use crate::support::{Body, World, builder, report, secs, world};

fn busy() -> World {
    let simulator = Simulator::builder().latency(Latency::fixed(Duration::from_millis(50)));
    world(simulator, Some(builder()))
}

/// Four writes a second, of the ten requests that the limit admits. From five
/// on, reports that have aged would have every second turn.
async fn writes(world: &World, secs: u32) -> Vec<Duration> {
    let writes = (0..secs * 4).map(|n| async move {
        sleep(Duration::from_secs(1) * n / 4).await;
        let body = format!(
            r#"{{"advertiser_id":"{}","campaign_name":"{n}","objective_type":"TRAFFIC"}}"#,
            n % 20
        );
        let request = Request::post("/open_api/v1.3/campaign/create/")
            .header("access-token", "secret")
            .header("content-type", "application/json")
            .body(Body::from(body));
        let start = Instant::now();
        world.ask(request.unwrap()).await;
        start.elapsed()
    });
    let mut took = join_all(writes).await;
    took.sort_unstable();
    took
}

#[tokio::test(start_paused = true)]
async fn reports_fill_what_writes_leave_free() {
    const SECS: u32 = 50;
    let alone = writes(&busy(), SECS).await;

    let world = busy();
    let reports = async {
        // Far more than there is room for meanwhile.
        let reports = (0..1_000).map(|n| world.ask(report(n, "")));
        tokio::time::timeout(secs(SECS.into()), join_all(reports)).await
    };
    let (took, reports) = tokio::join!(writes(&world, SECS), reports);
    assert!(reports.is_err(), "there was room for all reports");

    // What was left was used, within the limit of ten a second ...
    let ledger = world.tiktok.ledger();
    assert_eq!(ledger.total.refused.total(), 0);
    let room = u64::from(SECS) * 6;
    let filled = ledger.endpoints["/report/integrated/get/"].admitted;
    assert!(
        (room * 9 / 10..=room + 10).contains(&filled),
        "{filled} of {room}"
    );
    // ... and no write was later for it by more than the second that reports
    // had filled before it came.
    let (before, after) = (alone[alone.len() - 1], took[took.len() - 1]);
    let later = after.saturating_sub(before);
    assert!(later <= secs(1) * 11 / 10, "{before:?}, then {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_that_somebody_waits_for_goes_first() {
    let world = busy();
    let many = (0..200).map(|n| world.ask(report(n, "")));
    let urgent = async {
        sleep(secs(3)).await;
        let mut report = report(500, "");
        report.extensions_mut().insert(Priority::High);
        let start = Instant::now();
        world.ask(report).await;
        start.elapsed()
    };
    let (_, urgent) = tokio::join!(join_all(many), urgent);
    // A place, and a turn; in the line it would wait for the other 170.
    assert!(urgent <= secs(2), "{urgent:?}");
}
