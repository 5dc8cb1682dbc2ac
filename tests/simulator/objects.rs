use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::advance;
use tower_tiktok::simulator::{Fault, Script, Simulator, SimulatorBuilder};

use crate::client::{ROOT, get, get_request, post, send};

fn sim() -> SimulatorBuilder {
    Simulator::builder()
        .vary(false)
        .level(tower_tiktok::simulator::Level::Ultimate)
}

fn campaign(name: &str) -> Value {
    json!({"advertiser_id": "7", "campaign_name": name, "objective_type": "TRAFFIC"})
}

async fn upload(sim: &Simulator, name: &str) -> crate::client::Reply {
    let body = json!({"advertiser_id": "7", "upload_type": "UPLOAD_BY_URL",
        "video_url": "https://example.com/v.mp4", "file_name": name});
    post(sim, "/file/video/ad/upload/", body).await
}

fn query(path: &str, parameters: &[(&str, Value)]) -> String {
    let mut query = format!("{path}?advertiser_id=7");
    for (name, value) in parameters {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        query.push_str(&format!("&{name}={escaped}"));
    }
    query
}

#[tokio::test(start_paused = true)]
async fn a_campaign_is_launched_from_top_to_bottom() {
    let sim = sim().build().unwrap();
    let campaign_id =
        post(&sim, "/campaign/create/", campaign("c")).await.data()["campaign_id"].clone();
    let body = json!({"advertiser_id": "7", "campaign_id": campaign_id, "adgroup_name": "g"});
    let adgroup_id = post(&sim, "/adgroup/create/", body).await.data()["adgroup_id"].clone();
    let video_id = upload(&sim, "v.mp4").await.data()[0]["video_id"].clone();
    let ads = json!({"advertiser_id": "7", "adgroup_id": adgroup_id,
        "creatives": [{"ad_name": "a1", "video_id": video_id}, {"ad_name": "a2"}]});

    assert_eq!(post(&sim, "/ad/create/", ads.clone()).await.code(), 40_901);
    advance(Duration::from_secs(60)).await;
    let created = post(&sim, "/ad/create/", ads).await;
    assert_eq!(created.data()["ad_ids"].as_array().unwrap().len(), 2);

    let ads = get(
        &sim,
        &query(
            "/ad/get/",
            &[("filtering", json!({"campaign_ids": [campaign_id]}))],
        ),
    )
    .await;
    assert_eq!(ads.data()["page_info"]["total_number"], 2);
    assert_eq!(ads.data()["list"][1]["ad_name"], "a2");
    assert_eq!(ads.data()["list"][0]["adgroup_id"], adgroup_id);
    let total = sim.ledger().total;
    assert_eq!(
        (
            total.applied,
            total.created,
            total.duplicated,
            total.rejected
        ),
        (4, 5, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn objects_are_found_by_name_and_in_pages() {
    let sim = sim().build().unwrap();
    for n in 0..25 {
        advance(Duration::from_millis(100)).await;
        post(&sim, "/campaign/create/", campaign(&format!("c{n}"))).await;
    }
    let named = query(
        "/campaign/get/",
        &[("filtering", json!({"campaign_name": "c17"}))],
    );
    let found = get(&sim, &named).await;
    assert_eq!(found.data()["list"][0]["campaign_name"], "c17");
    assert_eq!(found.data()["page_info"]["total_number"], 1);
    let found = get(
        &sim,
        &query(
            "/campaign/get/",
            &[("page", json!(3)), ("page_size", json!(10))],
        ),
    )
    .await;
    assert_eq!(found.data()["list"].as_array().unwrap().len(), 5);
    assert_eq!(found.data()["page_info"]["total_page"], 3);
    let other = get(&sim, "/campaign/get/?advertiser_id=8").await;
    assert_eq!(other.data()["page_info"]["total_number"], 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_not_listed() {
    let sim = sim().build().unwrap();
    let id = post(&sim, "/campaign/create/", campaign("c")).await.data()["campaign_id"].clone();
    let body = json!({"advertiser_id": "7", "campaign_ids": [id], "operation_status": "DELETE"});
    assert_eq!(post(&sim, "/campaign/status/update/", body).await.code(), 0);
    let listed = get(&sim, "/campaign/get/?advertiser_id=7").await;
    assert_eq!(listed.data()["list"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_request_id_is_remembered_for_ten_seconds() {
    let sim = sim().build().unwrap();
    let mut body = campaign("c");
    body["request_id"] = json!("123");
    for (after, code) in [
        (0, 0),
        (0, 40_050),
        (9_999, 40_050),
        (1, 0),
        (9_999, 40_050),
    ] {
        advance(Duration::from_millis(after)).await;
        assert_eq!(
            post(&sim, "/campaign/create/", body.clone()).await.code(),
            code
        );
    }
    let total = sim.ledger().total;
    assert_eq!(
        (total.applied, total.deduplicated, total.duplicated),
        (2, 3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_id_is_remembered_though_its_answer_was_lost() {
    let fault = Script::new(Fault::LostAnswer);
    let sim = sim().script(fault).build().unwrap();
    let mut body = campaign("c");
    body["request_id"] = json!("123");
    let request = crate::client::post_request("/campaign/create/", &body);
    assert!(send(&sim, request).await.is_err());
    assert_eq!(post(&sim, "/campaign/create/", body).await.code(), 40_050);
}

#[tokio::test(start_paused = true)]
async fn the_ads_endpoint_remembers_no_request_id() {
    let sim = sim().build().unwrap();
    let campaign_id =
        post(&sim, "/campaign/create/", campaign("c")).await.data()["campaign_id"].clone();
    let body = json!({"advertiser_id": "7", "campaign_id": campaign_id, "adgroup_name": "g"});
    let adgroup_id = post(&sim, "/adgroup/create/", body).await.data()["adgroup_id"].clone();
    let ad = json!({"advertiser_id": "7", "adgroup_id": adgroup_id, "request_id": "1",
        "creatives": [{"ad_name": "a"}]});
    for _ in 0..2 {
        assert_eq!(post(&sim, "/ad/create/", ad.clone()).await.code(), 0);
    }
    assert_eq!(sim.ledger().endpoints["/ad/create/"].duplicated, 1);
}

#[tokio::test(start_paused = true)]
async fn a_video_is_hidden_until_it_can_be_used() {
    let sim = sim().transcoding(Duration::from_secs(30)).build().unwrap();
    let id = upload(&sim, "v.mp4").await.data()[0]["video_id"].clone();
    let info = query("/file/video/ad/info/", &[("video_ids", json!([id]))]);
    let search = query(
        "/file/video/ad/search/",
        &[("filtering", json!({"video_ids": [id]}))],
    );
    for (after, videos) in [(29, 0), (1, 1)] {
        advance(Duration::from_secs(after)).await;
        for path in [&info, &search] {
            let listed = get(&sim, path).await;
            assert_eq!(listed.data()["list"].as_array().unwrap().len(), videos);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_name_is_taken_once_for_each_advertiser() {
    let sim = sim().build().unwrap();
    assert_eq!(upload(&sim, "v.mp4").await.code(), 0);
    assert_eq!(upload(&sim, "v.mp4").await.code(), 40_911);
    let check = query(
        "/file/name/check/",
        &[(
            "files",
            json!([{"file_name": "v.mp4"}, {"file_name": "w.mp4"}]),
        )],
    );
    let checked = get(&sim, &check).await;
    assert_eq!(checked.data()["duplicate_file_names"], json!(["v.mp4"]));
    let form = "--b\r\nContent-Disposition: form-data; name=\"advertiser_id\"\r\n\r\n8\r\n\
        --b\r\nContent-Disposition: form-data; name=\"video_signature\"\r\n\r\nmd5\r\n\
        --b\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"v.mp4\"\r\n\r\n...\r\n--b--\r\n";
    let request = Request::post(format!("{ROOT}/file/video/ad/upload/"))
        .header("access-token", "t")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Full::from(form))
        .unwrap();
    assert_eq!(send(&sim, request).await.unwrap().code(), 0);
    assert_eq!(sim.ledger().total.duplicated, 0);
    assert_eq!(sim.ledger().advertisers["8"].created, 1);
}

#[tokio::test(start_paused = true)]
async fn an_asynchronous_report_takes_its_time() {
    let sim = sim().build().unwrap();
    let body = json!({"advertiser_id": "7", "report_type": "BASIC",
        "dimensions": ["advertiser_id"], "metrics": ["spend"], "query_lifetime": true});
    for (fails, end, code) in [(false, "SUCCESS", -1), (true, "FAILED", 40_200)] {
        if fails {
            sim.script(Script::new(Fault::TaskFailure).path("/report/task/create/"));
        }
        advance(Duration::from_secs(1)).await;
        let task = post(&sim, "/report/task/create/", body.clone())
            .await
            .data()["task_id"]
            .clone();
        let check = query("/report/task/check/", &[("task_id", task.clone())]);
        let download = query("/report/task/download/", &[("task_id", task)]);
        for (after, status) in [
            (4, "QUEUING"),
            (1, "PROCESSING"),
            (24, "PROCESSING"),
            (1, end),
        ] {
            advance(Duration::from_secs(after)).await;
            let checked = get(&sim, &check).await;
            assert_eq!(
                (checked.code(), &checked.data()["status"]),
                (0, &json!(status))
            );
            if status != end {
                assert_eq!(get(&sim, &download).await.code(), 40_201);
            }
        }
        assert_eq!(get(&sim, &download).await.code(), code);
    }
    assert_eq!(sim.ledger().total.faults(Fault::TaskFailure), 1);
}

#[tokio::test(start_paused = true)]
async fn a_report_has_a_row_for_each_account_and_day() {
    let sim = sim().build().unwrap();
    let report = |dimensions: Value, end: &str| {
        query(
            "/report/integrated/get/",
            &[
                ("advertiser_ids", json!(["7", "8"])),
                ("report_type", json!("BASIC")),
                ("dimensions", dimensions),
                ("metrics", json!(["spend", "clicks"])),
                ("start_date", json!("2025-12-30")),
                ("end_date", json!(end)),
            ],
        )
    };
    let daily = json!(["advertiser_id", "stat_time_day"]);
    let reply = get(&sim, &report(daily.clone(), "2026-01-02")).await;
    assert_eq!(reply.data()["page_info"]["total_number"], 8);
    let row = &reply.data()["list"][3];
    assert_eq!(row["dimensions"]["stat_time_day"], "2026-01-02 00:00:00");
    assert!(row["metrics"]["spend"].is_string());
    assert_eq!(get(&sim, &report(daily, "2026-01-29")).await.code(), 40_067);
    let whole = get(&sim, &report(json!(["advertiser_id"]), "2026-01-29")).await;
    assert_eq!(whole.data()["page_info"]["total_number"], 2);
    assert_eq!(sim.ledger().advertisers["8"].received, 3);
}

#[tokio::test(start_paused = true)]
async fn events_are_deduplicated_by_their_id() {
    let sim = sim().build().unwrap();
    let body = json!({"event_source": "web", "event_source_id": "P",
        "data": [{"event": "Buy", "event_id": "1"}, {"event": "Buy", "event_id": "2"}]});
    for _ in 0..2 {
        assert_eq!(post(&sim, "/event/track/", body.clone()).await.code(), 0);
    }
    let total = sim.ledger().total;
    assert_eq!(
        (total.created, total.deduplicated, total.duplicated),
        (2, 2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn tokens_are_missing_wrong_expired_and_revoked() {
    let sim = sim().tokens(["good"]).build().unwrap();
    sim.issue_token("brief", Some(Duration::from_secs(60)));
    let with = async |token: &str| {
        let mut request = get_request("/user/info/");
        request
            .headers_mut()
            .insert("access-token", token.parse().unwrap());
        send(&sim, request).await.unwrap().code()
    };
    assert_eq!(with("").await, 40_104);
    assert_eq!(with("bad").await, 40_105);
    assert_eq!(with("Bearer good").await, 40_105);
    assert_eq!(with("good").await, 0);
    assert_eq!(with("brief").await, 0);
    advance(Duration::from_secs(60)).await;
    assert_eq!(with("brief").await, 40_102);
    sim.revoke_token("good");
    assert_eq!(with("good").await, 40_105);
    assert_eq!(sim.ledger().total.rejected, 5);
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_is_good_and_the_old_refresh_token_is_not() {
    let builder = sim().tokens(["old"]).refresh_tokens(["r0"]);
    let sim = builder
        .token_lifetime(Duration::from_secs(100))
        .build()
        .unwrap();
    let refresh = |token: &str| {
        let body = json!({"client_id": "c", "client_secret": "s",
            "grant_type": "refresh_token", "refresh_token": token});
        post(&sim, "/tt_user/oauth2/refresh_token/", body)
    };
    let reply = refresh("r0").await;
    assert_eq!(reply.data()["expires_in"], 100);
    let token = reply.data()["access_token"].as_str().unwrap();
    let mut request = get_request("/user/info/");
    request
        .headers_mut()
        .insert("access-token", token.parse().unwrap());
    assert_eq!(send(&sim, request.clone()).await.unwrap().code(), 0);
    assert_eq!(refresh("r0").await.code(), 40_107);
    assert_eq!(
        refresh(reply.data()["refresh_token"].as_str().unwrap())
            .await
            .code(),
        0
    );
    advance(Duration::from_secs(100)).await;
    assert_eq!(send(&sim, request).await.unwrap().code(), 40_102);
}

#[tokio::test(start_paused = true)]
async fn unknown_advertisers_and_missing_parameters_are_told_so() {
    let sim = sim().advertisers(["7"]).build().unwrap();
    assert_eq!(get(&sim, "/campaign/get/?advertiser_id=7").await.code(), 0);
    assert_eq!(
        get(&sim, "/campaign/get/?advertiser_id=8").await.code(),
        40_300
    );
    let missing = get(&sim, "/campaign/get/").await;
    assert_eq!(
        missing.message(),
        "Missing required field(s): advertiser_id."
    );
    let missing = post(&sim, "/campaign/create/", json!({"advertiser_id": 7})).await;
    assert_eq!(
        missing.message(),
        "Missing required field(s): campaign_name."
    );
    let orphan = json!({"advertiser_id": "7", "campaign_id": "1", "adgroup_name": "g"});
    assert_eq!(post(&sim, "/adgroup/create/", orphan).await.code(), 40_007);
    let listed = get(&sim, "/oauth2/advertiser/get/?app_id=1&secret=2").await;
    assert_eq!(listed.data()["list"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn any_other_endpoint_answers_and_counts_its_writes() {
    let sim = sim().build().unwrap();
    assert_eq!(
        get(&sim, "/tool/language/?advertiser_id=7").await.data(),
        &json!({})
    );
    let body = json!({"advertiser_id": "7", "custom_audience_name": "x"});
    for _ in 0..2 {
        assert_eq!(
            post(&sim, "/dmp/custom_audience/create/", body.clone())
                .await
                .code(),
            0
        );
    }
    assert_eq!(post(&sim, "/tool/targeting/info/", body).await.code(), 0);
    let total = sim.ledger().total;
    assert_eq!((total.applied, total.created, total.duplicated), (2, 2, 1));
}
