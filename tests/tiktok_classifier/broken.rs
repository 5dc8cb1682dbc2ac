//! Bodies that break off, alone and under backoff.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use http_body_util::Empty;
use tower_tiktok::{error::OutcomeUnknown, tiktok::TikTokLayer};

use super::*;

fn broken(seen: &'static str) -> Frames {
    let mut body = Frames::whole(seen);
    body.breaks = true;
    body
}

#[tokio::test]
async fn what_breaks_off_before_its_code_is_no_success() {
    for (api, status, seen, class) in [
        (Api::Marketing, 200, "", Transient),
        (Api::Marketing, 200, r#"{"code":0"#, Transient),
        (Api::Marketing, 200, r#"{"data":{"list":["#, Transient),
        (
            Api::Marketing,
            206,
            r#"{"message":"OK","data":{"#,
            Transient,
        ),
        (Api::OpenV2, 200, r#"{"data":{"user":"#, Transient),
        // The status says more than a body that is not there.
        (Api::Marketing, 403, r#"{"mess"#, PermissionDenied),
        (Api::Marketing, 429, "", RateLimited),
        (Api::Marketing, 502, "<html>", Transient),
    ] {
        let found = ask(api, answer(status, &[], broken(seen))).await;
        assert_eq!(found.class(), class, "{status} {seen}");
    }
}

#[tokio::test]
async fn a_code_that_was_read_decides() {
    for (seen, class) in [
        (r#"{"code":0,"data":["#, Success),
        (r#"{"code":40100,"mess"#, RateLimited),
        (
            r#"{"code":40002,"message":"bad","request_id":"#,
            InvalidRequest,
        ),
        (r#"{"data":{"a":1},"code":40105,"#, TokenInvalid),
    ] {
        let found = ask(Api::Marketing, answer(200, &[], broken(seen))).await;
        assert_eq!(found.class(), class, "{seen}");
    }
}

#[tokio::test]
async fn the_reader_still_meets_the_failure() {
    let seen = r#"{"data":["#;
    let layer = TikTokErrorClassifierLayer::new();
    let mut body = ask_through(&layer, answer(200, &[], broken(seen)))
        .await
        .into_body();
    let data = body.frame().await.expect("a frame").expect("data");
    assert_eq!(data.into_data().expect("data"), seen);
    assert!(body.frame().await.expect("a failure").is_err());
}

/// Sends through the whole stack to a server whose first answer breaks off.
async fn send(request: Request<Empty<Bytes>>) -> (Result<Bytes, tower::BoxError>, usize) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let client = service_fn(move |_: Request<Peeked<Empty<Bytes>>>| {
        let body = match count.fetch_add(1, SeqCst) {
            0 => broken(r#"{"data":{"id":"1"},"#),
            _ => Frames::whole(r#"{"data":{"id":"1"},"code":0}"#),
        };
        std::future::ready(Ok::<_, Infallible>(answer(200, &[], body)))
    });
    let stack = TikTokLayer::builder().build().layer(client);
    let body = match stack.oneshot(request).await {
        Ok(response) => Ok(response
            .into_body()
            .collect()
            .await
            .expect("whole")
            .to_bytes()),
        Err(error) => Err(error),
    };
    (body, sent.load(SeqCst))
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_again_and_a_write_is_in_doubt() {
    let uri = "/open_api/v1.3/campaign/get/?advertiser_id=7001";
    let request = Request::get(uri).body(Empty::new()).expect("valid");
    let (answered, sent) = send(request).await;
    assert_eq!(
        answered.expect("a whole answer"),
        r#"{"data":{"id":"1"},"code":0}"#
    );
    assert_eq!(sent, 2);

    let uri = "/open_api/v1.3/campaign/create/";
    let request = Request::post(uri).body(Empty::new()).expect("valid");
    let (answered, sent) = send(request).await;
    let error = answered.expect_err("nobody knows what came of it");
    let unknown = error.downcast_ref::<OutcomeUnknown>();
    assert!(unknown.is_some(), "{error:?}");
    assert_eq!(sent, 1);
}
