//! The v2 API and the Shop.

use super::*;

#[tokio::test]
async fn the_v2_api_is_read_by_its_words() {
    for (status, body, class) in [
        (
            200,
            r#"{"data":{},"error":{"code":"ok","message":"","log_id":"l"}}"#,
            Success,
        ),
        (200, r#"{"access_token":"t","open_id":"o"}"#, Success),
        (
            400,
            r#"{"error":{"code":"spam_risk","message":"x","log_id":"l"}}"#,
            InvalidRequest,
        ),
        (
            200,
            r#"{"error":{"code":"spam_risk","message":"x","log_id":"l"}}"#,
            Unknown,
        ),
        (401, r#"{"error":{}}"#, TokenInvalid),
        (503, "<html></html>", Transient),
        // The codes of another API mean nothing here.
        (200, r#"{"error":{"code":40100,"message":"x"}}"#, Unknown),
    ] {
        let found = ask(Api::OpenV2, answer(status, &[], Frames::whole(body))).await;
        assert_eq!(found.class(), class, "{status} {body}");
        assert!(!found.is_refused());
    }
}

#[tokio::test]
async fn the_codes_of_the_shop_are_its_own() {
    for (code, class, refused) in [
        (36_009_002, RateLimited, true),
        (36_009_004, TokenInvalid, false),
        (36_009_037, RateLimited, false),
        (40_100, Unknown, false),
    ] {
        let body = format!(r#"{{"code":{code},"message":"x","request_id":"r"}}"#);
        let found = ask(Api::Shop, answer(200, &[], Frames::whole(body))).await;
        assert_eq!(
            (found.class(), found.is_refused()),
            (class, refused),
            "{code}"
        );
    }
}
