//! Campaigns and ad groups, read back from a server that loses answers.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    jittered_backoff::TransportErrors,
    per_account_concurrency::{FromContext, PerAccountConcurrencyLayer},
    reconcile::ReconcileLayer,
    simulator::{Fault, Level, Script, Simulator},
    tiktok::{TikTok, TikTokLayer, reconcile::ReadBackByName},
};

use crate::support::{End, campaign, create, end, secs};

const CAMPAIGN: &str = "/campaign/create/";
const ADGROUP: &str = "/adgroup/create/";

fn simulator() -> Simulator {
    let level = Level::custom(1_000, 60_000, 10_000_000);
    Simulator::builder()
        .level(level)
        .advertiser_qps(None)
        .build()
        .unwrap()
}

/// One write and one read at a time.
fn client(
    simulator: &Simulator,
) -> TikTok<Simulator, TransportErrors, FromContext, ReadBackByName> {
    let one = PerAccountConcurrencyLayer::builder()
        .max_writes(1)
        .max_reads(1);
    TikTokLayer::builder()
        .concurrency(one.build().unwrap())
        .reconcile(ReconcileLayer::new(ReadBackByName::new()))
        .build()
        .layer(simulator.clone())
}

async fn create_campaign(simulator: &Simulator, body: &Value) -> End {
    let result = client(simulator).oneshot(create(CAMPAIGN, body)).await;
    end(result, "campaign_id").await
}

/// What the server has created, and how much of it twice.
fn created(simulator: &Simulator) -> (u64, u64) {
    let total = simulator.ledger().total;
    (total.created, total.duplicated)
}

/// A campaign that is there already.
async fn with_campaign(simulator: &Simulator, name: &str) -> String {
    let request = create(CAMPAIGN, &campaign("7", name));
    let response = simulator.clone().oneshot(request).await;
    match end(response.map_err(Into::into), "campaign_id").await {
        End::Created(id) => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_answer_was_lost_is_found() {
    for fault in [
        Fault::LostAnswer,
        Fault::GatewayTimeout { applied: true },
        Fault::ServerError {
            code: 50_000,
            applied: true,
        },
        Fault::LateWrite(secs(20)),
    ] {
        let simulator = simulator();
        with_campaign(&simulator, "spring").await;
        simulator.script(Script::new(fault).path(CAMPAIGN));
        let ended = create_campaign(&simulator, &campaign("7", "spring 17")).await;
        assert!(matches!(ended, End::Reconciled(_)), "{fault}: {ended:?}");
        assert_eq!(created(&simulator), (2, 0), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_created_is_sent_again() {
    for fault in [
        Fault::GatewayTimeout { applied: false },
        Fault::ServerError {
            code: 50_002,
            applied: false,
        },
        Fault::Reset,
    ] {
        let simulator = simulator();
        simulator.script(Script::new(fault).path(CAMPAIGN));
        let ended = create_campaign(&simulator, &campaign("7", "a")).await;
        assert!(matches!(ended, End::Created(_)), "{fault}: {ended:?}");
        assert_eq!(created(&simulator), (1, 0), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ad_group_is_found_in_its_campaign() {
    let simulator = simulator();
    let (one, other) = (
        with_campaign(&simulator, "one").await,
        with_campaign(&simulator, "other").await,
    );
    let adgroup = |campaign: &str| json!({"advertiser_id": "7", "campaign_id": campaign, "adgroup_name": "a"});
    // Of the same name, at the same time, elsewhere.
    let request = create(ADGROUP, &adgroup(&other));
    assert!(client(&simulator).oneshot(request).await.is_ok());

    simulator.script(Script::new(Fault::LostAnswer).path(ADGROUP));
    let result = client(&simulator)
        .oneshot(create(ADGROUP, &adgroup(&one)))
        .await;
    let body = result.unwrap().into_body().collect().await.unwrap();
    let answer: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
    assert_eq!(answer["code"], 0);
    assert_eq!(answer["data"]["campaign_id"], one.as_str());
    assert_eq!(answer["data"]["adgroup_name"], "a");
    assert!(answer["data"]["adgroup_id"].is_string());
    assert_eq!(simulator.ledger().endpoints[ADGROUP].created, 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_object_of_the_same_name_is_not_taken_for_the_new_one() {
    for (fault, applied) in [
        (Fault::LostAnswer, true),
        (
            Fault::ServerError {
                code: 50_000,
                applied: false,
            },
            false,
        ),
    ] {
        let simulator = simulator();
        let old = with_campaign(&simulator, "a").await;
        sleep(Duration::from_secs(86_400)).await;
        simulator.script(Script::new(fault).path(CAMPAIGN));
        match create_campaign(&simulator, &campaign("7", "a")).await {
            End::Reconciled(id) if applied => assert_ne!(id, old),
            End::Created(id) if !applied => assert_ne!(id, old),
            other => panic!("{fault}: {other:?}"),
        }
        assert_eq!(created(&simulator), (2, 1), "each was asked for once");
    }
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_at_one_time_cannot_be_told_apart() {
    let simulator = simulator();
    simulator.script(Script::new(Fault::LostAnswer).path(CAMPAIGN));
    let body = campaign("7", "a");
    let ours = create_campaign(&simulator, &body);
    let theirs = async {
        sleep(Duration::from_millis(500)).await;
        with_campaign(&simulator, "a").await
    };
    let (ours, _) = tokio::join!(ours, theirs);
    assert_eq!(ours, End::Unknown);
}

#[tokio::test(start_paused = true)]
async fn one_created_just_before_may_or_may_not_be_ours() {
    let simulator = simulator();
    with_campaign(&simulator, "a").await;
    sleep(secs(30)).await;
    let fault = Fault::ServerError {
        code: 50_000,
        applied: false,
    };
    simulator.script(Script::new(fault).path(CAMPAIGN));
    assert_eq!(
        create_campaign(&simulator, &campaign("7", "a")).await,
        End::Unknown
    );
    assert_eq!(created(&simulator), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_many_contain_is_looked_for_on_every_page() {
    let simulator = simulator();
    for number in 0..250 {
        with_campaign(&simulator, &format!("a {number}")).await;
    }
    simulator.script(Script::new(Fault::LostAnswer).path(CAMPAIGN));
    let ended = create_campaign(&simulator, &campaign("7", "a")).await;
    assert!(matches!(ended, End::Reconciled(_)), "{ended:?}");
    assert_eq!(simulator.ledger().endpoints["/campaign/get/"].received, 3);
}

#[tokio::test(start_paused = true)]
async fn what_reads_back_is_sent_again_like_any_other_read() {
    let simulator = simulator();
    simulator.script(Script::new(Fault::LostAnswer).path(CAMPAIGN));
    for fault in [
        Fault::Throttle,
        Fault::LostAnswer,
        Fault::ServerError {
            code: 50_000,
            applied: false,
        },
    ] {
        simulator.script(Script::new(fault).path("/campaign/get/"));
    }
    let ended = create_campaign(&simulator, &campaign("7", "a")).await;
    assert!(matches!(ended, End::Reconciled(_)), "{ended:?}");
    let reads = &simulator.ledger().endpoints["/campaign/get/"];
    assert_eq!(reads.received, 4);
}

#[tokio::test(start_paused = true)]
async fn a_request_id_is_sent_again_at_once_and_its_id_is_found() {
    let simulator = simulator();
    simulator.script(Script::new(Fault::LostAnswer).path(CAMPAIGN));
    let mut body = campaign("7", "a");
    body["request_id"] = json!("17");
    // The copy is recognised, and answers 40050, without an id.
    let ended = create_campaign(&simulator, &body).await;
    assert!(matches!(ended, End::Reconciled(_)), "{ended:?}");
    let total = simulator.ledger().total;
    assert_eq!((total.created, total.deduplicated), (1, 1));

    // Not applied: the copy inside the memory is the first.
    let simulator = self::simulator();
    let fault = Fault::ServerError {
        code: 50_000,
        applied: false,
    };
    simulator.script(Script::new(fault).path(CAMPAIGN));
    let ended = create_campaign(&simulator, &body).await;
    assert!(matches!(ended, End::Created(_)), "{ended:?}");
    assert!(!simulator.ledger().endpoints.contains_key("/campaign/get/"));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_is_not_there_stays_unknown() {
    let simulator = simulator();
    let mut body = campaign("7", "a");
    body["request_id"] = json!("17");
    assert!(matches!(
        create_campaign(&simulator, &body).await,
        End::Created(_)
    ));
    // Another object with the id of the first: the server takes it for a copy.
    body["campaign_name"] = json!("b");
    assert_eq!(create_campaign(&simulator, &body).await, End::Unknown);
    assert_eq!(created(&simulator), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_comes_later_than_the_settle_time_is_what_remains_uncertain() {
    let simulator = simulator();
    simulator.script(Script::new(Fault::LateWrite(secs(300))).path(CAMPAIGN));
    let ended = create_campaign(&simulator, &campaign("7", "a")).await;
    assert!(matches!(ended, End::Created(_)), "{ended:?}");
    sleep(secs(600)).await;
    assert_eq!(created(&simulator), (2, 1), "as the documentation says");
}
