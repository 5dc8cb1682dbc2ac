use http::header::CONTENT_TYPE;
use tower_tiktok::{extensions::Operation, tiktok::TikTokRequestContextLayer};

use crate::{
    rows::form,
    support::{account, context_by, context_of, get, post},
};

#[tokio::test]
async fn ids_too_large_for_a_float_stay_whole() {
    let id = "7289374650192837465";
    for body in [
        format!(r#"{{"advertiser_id": {id}}}"#),
        format!(r#"{{"advertiser_id": "{id}"}}"#),
        format!(
            r#"{{"name": "x\"advertiser_id\": 1", "list": [{{"advertiser_id": 2}}], "advertiser_id" : {id} }}"#
        ),
    ] {
        let context = context_of(post("/ad/create/", &body)).await;
        assert_eq!(account(&context), Some(id), "{body}");
    }
}

#[tokio::test]
async fn the_same_advertisers_are_one_account_in_any_order() {
    for query in [
        "advertiser_ids=[\"7002\",\"7001\",\"70010\"]",
        "advertiser_ids=%5B%227001%22,%20%2270010%22,%227002%22%5D",
        "advertiser_ids=[7001,7002]&advertiser_id=1",
        "advertiser_id=1&advertiser_ids=[%227001%22]",
    ] {
        let query = query.replace('"', "%22");
        let context = context_of(get(&format!("/report/integrated/get/?{query}"))).await;
        assert_eq!(account(&context), Some("7001"), "{query}");
    }
    let body = r#"{"advertiser_ids": ["7002", "7001"]}"#;
    let context = context_of(post("/report/task/create/", body)).await;
    assert_eq!(account(&context), Some("7001"));
}

#[tokio::test]
async fn a_business_center_report_counts_for_its_business_center() {
    let context = context_of(get("/report/integrated/get/?report_type=BC&bc_id=55")).await;
    assert_eq!(account(&context), Some("55"));
}

#[tokio::test]
async fn a_body_that_tells_nothing_gives_no_account() {
    for body in [
        "",
        "[]",
        "not json",
        "{",
        "{\"advertiser_id\"",
        "{\"advertiser_id\": \"70",
        "{\"advertiser_id\": {}}",
        "{\"advertiser_id\": null}",
        "\u{0}",
        "\u{feff}",
    ] {
        let context = context_of(post("/ad/create/", body)).await;
        assert_eq!(account(&context), None, "{body}");
        assert_eq!(context.operation(), &Operation::Write);
    }
}

#[tokio::test]
async fn the_content_type_says_what_a_body_is() {
    let json = r#"{"advertiser_id": "7001"}"#;
    let form = form("XX", &[("advertiser_id", "7001".to_owned())]);
    for (content_type, body, found) in [
        (None, json, true),
        (Some("application/json"), json, true),
        (Some("Application/JSON;charset=utf-8"), json, true),
        (Some("text/plain"), json, false),
        (Some("application/octet-stream"), json, false),
        (Some("multipart/form-data; boundary=XX"), json, false),
        (
            Some("multipart/form-data; charset=utf-8; boundary=\"XX\""),
            &form,
            true,
        ),
        (Some("multipart/form-data; boundary=YY"), &form, false),
        (Some("multipart/form-data"), &form, false),
        (Some("application/json"), &form, false),
    ] {
        let mut request = post("/file/video/ad/upload/", body);
        request.headers_mut().remove(CONTENT_TYPE);
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        let context = context_of(request).await;
        assert_eq!(
            account(&context),
            found.then_some("7001"),
            "{content_type:?}"
        );
    }
}

#[tokio::test]
async fn what_comes_after_the_limit_is_not_found() {
    let filler = "x".repeat(16 * 1024);
    let body = format!(r#"{{"name": "{filler}", "advertiser_id": "7001"}}"#);
    let context = context_of(post("/ad/create/", &body)).await;
    assert_eq!(account(&context), None);
    let large = TikTokRequestContextLayer::builder()
        .peek_limit(32 * 1024)
        .build()
        .unwrap();
    let context = context_by(&large, post("/ad/create/", &body)).await;
    assert_eq!(account(&context), Some("7001"));
    // A limit within the id must not make another id of it.
    let body = r#"{"advertiser_id": 7001}"#;
    for limit in 0..body.len() {
        let small = TikTokRequestContextLayer::builder()
            .peek_limit(limit)
            .build()
            .unwrap();
        let context = context_by(&small, post("/ad/create/", body)).await;
        let found = account(&context);
        assert!(
            found.is_none() || found == Some("7001"),
            "{limit}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_form_that_has_its_file_first_is_looked_at_as_far_as_the_limit() {
    for (len, found) in [(100, Some("7001")), (16 * 1024, None)] {
        let fields = [
            ("file", "\r\n-".repeat(len / 3)),
            ("advertiser_id", "7001".to_owned()),
        ];
        let mut request = post("/file/video/ad/upload/", &form("XX", &fields));
        let content_type = "multipart/form-data; boundary=XX".parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        assert_eq!(account(&context_of(request).await), found);
    }
}
