use http::{Method, Request};
use tower_tiktok::{
    extensions::{Operation, Priority},
    tiktok::{
        Endpoint, TikTokRequestContextLayer,
        context::{InvalidEndpoint, TikTokRequestContextBuilder},
        endpoints::AccountPlace,
    },
};

use crate::support::{Script, Step, account, context_by, context_of, get, post, remembered};

#[tokio::test]
async fn an_unknown_endpoint_is_known_by_its_method_and_any_account() {
    for (request, endpoint, operation, id) in [
        (
            post(
                "/new/thing/add/",
                r#"{"bc_id": 5, "advertiser_id": "7001"}"#,
            ),
            "/new/thing/add/",
            Operation::Write,
            Some("7001"),
        ),
        (
            post(
                "/new/thing/add/?advertiser_id=7002",
                r#"{"advertiser_id": "7001"}"#,
            ),
            "/new/thing/add/",
            Operation::Write,
            Some("7002"),
        ),
        (
            post("/thing/1700000000000000001/add", "{}"),
            "/thing/{id}/add/",
            Operation::Write,
            None,
        ),
        (
            post("/pixel/track/", r#"{"pixel_code": "C4"}"#),
            "/pixel/track/",
            Operation::Write,
            Some("C4"),
        ),
    ] {
        let context = context_of(request).await;
        assert_eq!(context.endpoint(), Some(endpoint));
        assert_eq!(context.operation(), &operation);
        assert_eq!(account(&context), id);
        assert_eq!(context.priority(), Priority::Normal);
    }
    let context = context_of(get("/new/thing/get/?advertiser_id=7001")).await;
    assert_eq!(context.operation(), &Operation::Read);
    assert_eq!(account(&context), Some("7001"));
}

#[tokio::test]
async fn a_get_never_touches_its_body() {
    let body = Script([Step::Stall].into());
    let request = Request::get("/open_api/v1.3/new/thing/?a=b")
        .body(body)
        .unwrap();
    let context = context_of(request).await;
    assert_eq!(account(&context), None);
}

#[tokio::test]
async fn the_callers_endpoints_come_before_the_table() {
    let layer = TikTokRequestContextLayer::builder()
        .endpoint(
            Endpoint::new(Method::POST, "/campaign/status/update/", &["advertiser_id"])
                .with_operation(Operation::repeatable())
                .with_priority(Priority::High),
        )
        .endpoint(Endpoint::new(
            Method::POST,
            "/shop/add/",
            &["shop.id", "request_id"],
        ))
        .endpoint(
            Endpoint::new(Method::POST, "/shop/ask/", &["shop_id"])
                .with_account_in(AccountPlace::Query)
                .with_operation(Operation::Read),
        )
        .build()
        .unwrap();
    let context = context_by(
        &layer,
        post("/campaign/status/update/", r#"{"advertiser_id":1}"#),
    )
    .await;
    assert_eq!(context.operation(), &Operation::repeatable());
    assert_eq!(context.priority(), Priority::High);
    assert_eq!(account(&context), Some("1"));
    let context = context_by(
        &layer,
        post("/shop/add/", r#"{"shop":{"id":2},"request_id":"k"}"#),
    )
    .await;
    assert_eq!(context.operation(), &remembered("k"));
    assert_eq!(account(&context), Some("2"));
    let context = context_by(&layer, post("/shop/ask/?shop_id=3", r#"{"shop_id":4}"#)).await;
    assert_eq!(context.operation(), &Operation::Read);
    assert_eq!(account(&context), Some("3"));
    // The rest of the table is still there.
    let context = context_by(&layer, post("/tool/bid/recommend/", "{}")).await;
    assert_eq!(context.operation(), &Operation::Read);
}

#[test]
fn endpoints_that_make_no_sense_are_errors() {
    let build = |endpoints: &[Endpoint]| {
        let builder = TikTokRequestContextLayer::builder();
        let add =
            |builder: TikTokRequestContextBuilder, one: &Endpoint| builder.endpoint(one.clone());
        endpoints.iter().fold(builder, add).build().unwrap_err()
    };
    for path in [
        "", "/", "//", "a/b/", "/a/b", "/a//b/", "/a?b/", "/a b/", "/é/",
    ] {
        let error = build(&[Endpoint::new(Method::POST, path, &[])]);
        assert_eq!(error, InvalidEndpoint::Path(path));
    }
    for fields in [&["b", ""][..], &["request_id", "advertiser_id"]] {
        let error = build(&[Endpoint::new(Method::POST, "/a/", fields)]);
        assert_eq!(error, InvalidEndpoint::Field("/a/"));
    }
    let one = Endpoint::new(Method::POST, "/a/", &[]);
    let other = Endpoint::new(Method::GET, "/a/", &[]);
    let error = build(&[one.clone(), other, one]);
    assert_eq!(error, InvalidEndpoint::Duplicate("/a/"));
    assert_eq!(error.to_string(), "the endpoint /a/ was given twice");
}
