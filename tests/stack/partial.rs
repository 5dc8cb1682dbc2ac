//! What failed in part is not lost on the way to the caller.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    extensions::PartialFailure,
    simulator::{Fault, Script, Simulator},
    tiktok::TikTokLayer,
};

use crate::support::post;

async fn id(simulator: &Simulator, path: &str, body: &Value, field: &str) -> String {
    let request = post(path, Full::<Bytes>::from(body.to_string()));
    let response = simulator.clone().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["data"][field].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn only_the_items_that_failed_are_sent_again() {
    let simulator = Simulator::builder().vary(false).build().unwrap();
    let campaign = json!({"advertiser_id": "7", "campaign_name": "a", "objective_type": "TRAFFIC"});
    let campaign = id(&simulator, "/campaign/create/", &campaign, "campaign_id").await;
    let mut adgroups = Vec::new();
    for name in ["a", "b", "c"] {
        let adgroup = json!({"advertiser_id": "7", "campaign_id": campaign, "adgroup_name": name});
        adgroups.push(id(&simulator, "/adgroup/create/", &adgroup, "adgroup_id").await);
    }
    let client = TikTokLayer::builder().build().layer(simulator.clone());
    let pause = |ids: &[&str]| {
        let body = json!({"advertiser_id": "7", "adgroup_ids": ids,
            "operation_status": "DISABLE", "allow_partial_success": true});
        post(
            "/adgroup/status/update/",
            Full::<Bytes>::from(body.to_string()),
        )
    };
    let all: Vec<&str> = adgroups.iter().map(String::as_str).collect();

    for fault in [Fault::ErrorList, Fault::PartialSuccess] {
        simulator.script(Script::new(fault).path("/adgroup/status/update/"));
        let response = client.clone().oneshot(pause(&all)).await.unwrap();
        assert_eq!(
            ErrorClass::of(&response),
            ErrorClass::PartialSuccess,
            "{fault}"
        );
        let found: &Classification = response.extensions().get().unwrap();
        assert!(found.remedy().contains("send only those again"));
        let failed: &PartialFailure = response.extensions().get().unwrap();
        assert!(failed.is_listed());
        let left: Vec<&str> = failed.failed_ids().collect();
        assert_eq!(left, [all[2]], "{fault}");

        let response = client.clone().oneshot(pause(&left)).await.unwrap();
        assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
        assert!(response.extensions().get::<PartialFailure>().is_none());
    }
}
