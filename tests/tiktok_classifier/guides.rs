//! The names that the error guides use.

use super::*;

#[tokio::test]
async fn the_errors_of_the_guides_are_recognised() {
    let refused = |class| (class, true);
    let other = |class| (class, false);
    for (status, body, (class, is_refused)) in [
        // 429 Rate limit exceeded
        (429, "", refused(RateLimited)),
        (429, "Too Many Requests", refused(RateLimited)),
        (429, "<html>429</html>", refused(RateLimited)),
        (429, r#"{"error":"slow down"}"#, refused(RateLimited)),
        (
            200,
            r#"{"code":40100,"message":"Too many requests."}"#,
            refused(RateLimited),
        ),
        (
            401,
            r#"{"code":40100,"message":"Too many requests."}"#,
            refused(RateLimited),
        ),
        (401, r#"{"code":40100}"#, refused(RateLimited)),
        (401, r#"{"code":40016,"message":"x"}"#, refused(RateLimited)),
        (200, r#"{"code":40132,"message":"x"}"#, refused(RateLimited)),
        (200, r#"{"code":40133,"message":"x"}"#, refused(RateLimited)),
        (
            429,
            r#"{"code":429,"message":"Rate limit exceeded"}"#,
            other(RateLimited),
        ),
        (
            429,
            r#"{"code":"TOO_MANY","message":"x"}"#,
            other(RateLimited),
        ),
        // 40100 Invalid access token
        (
            200,
            r#"{"code":40100,"message":"Invalid access token"}"#,
            other(TokenInvalid),
        ),
        (
            401,
            r#"{"code":40100,"message":"Access TOKEN is missing"}"#,
            other(TokenInvalid),
        ),
        (
            401,
            r#"{"code":40100,"message":"the token was revoked"}"#,
            other(TokenInvalid),
        ),
        (
            401,
            r#"{"code":40100,"message":"Access token has expired"}"#,
            other(TokenExpired),
        ),
        (
            200,
            r#"{"code":40100,"message":"Too many requests for this token"}"#,
            refused(RateLimited),
        ),
        // 401 Unauthorized: access token expired
        (401, "", other(TokenInvalid)),
        (401, "Unauthorized", other(TokenInvalid)),
        (
            401,
            "Unauthorized: access token expired",
            other(TokenExpired),
        ),
        (401, "401: access token expired", other(TokenExpired)),
        (
            401,
            r#"{"message":"access token expired"}"#,
            other(TokenExpired),
        ),
        (200, r#"{"code":40102,"message":"x"}"#, other(TokenExpired)),
        (200, r#"{"code":40104,"message":"x"}"#, other(TokenInvalid)),
        (200, r#"{"code":40105,"message":"x"}"#, other(TokenInvalid)),
        (
            200,
            r#"{"code":40105,"message":"Access token expired"}"#,
            other(TokenExpired),
        ),
        // 40001 App not authorized
        (
            200,
            r#"{"code":40001,"message":"App not authorized"}"#,
            other(PermissionDenied),
        ),
        (
            200,
            r#"{"code":40113,"message":"x"}"#,
            other(PermissionDenied),
        ),
        // 40002 Insufficient permission
        (
            200,
            r#"{"code":40002,"message":"Insufficient permission"}"#,
            other(PermissionDenied),
        ),
        (
            400,
            r#"{"code":40002,"message":"Scope missing"}"#,
            other(PermissionDenied),
        ),
        (
            200,
            r#"{"code":40002,"message":"not authorised for this"}"#,
            other(PermissionDenied),
        ),
        (
            200,
            r#"{"code":40002,"message":"needs authorization"}"#,
            other(PermissionDenied),
        ),
        (
            200,
            r#"{"code":40002,"message":"Invalid field identity_authorized_bc_id"}"#,
            other(InvalidRequest),
        ),
        (
            200,
            r#"{"code":40002,"message":"The audience is being updated"}"#,
            other(NotReady),
        ),
        // 50002 Service temporarily unavailable
        (
            200,
            r#"{"code":50002,"message":"Service temporarily unavailable"}"#,
            other(Transient),
        ),
        (200, r#"{"code":50000,"message":"x"}"#, other(Transient)),
        (200, r#"{"code":51777,"message":"x"}"#, other(Transient)),
        (502, "<html>502 Bad Gateway</html>", other(Transient)),
        (503, "", other(Transient)),
        (504, "Gateway Time-out", other(Transient)),
        // 2200006 Video processing failed / not finished
        (
            200,
            r#"{"code":2200006,"message":"Video processing not finished"}"#,
            other(NotReady),
        ),
        (
            200,
            r#"{"code":2200006,"message":"Video processing Failed"}"#,
            other(Permanent),
        ),
        (
            200,
            r#"{"code":40901,"message":"Video transcoding in process."}"#,
            refused(NotReady),
        ),
        (
            200,
            r#"{"code":40901,"message":"Video transcoding failed."}"#,
            other(Permanent),
        ),
        (
            200,
            r#"{"code":40201,"message":"Task is not ready."}"#,
            refused(NotReady),
        ),
    ] {
        let found = ask_json(status, body).await;
        assert_eq!(found.class(), class, "{status} {body}");
        assert_eq!(found.is_refused(), is_refused, "{status} {body}");
    }
}

#[tokio::test]
async fn an_expired_token_in_the_challenge_is_an_expired_token() {
    let challenge = r#"Bearer error="invalid_token", error_description="The token has expired""#;
    let headers = [("www-authenticate", challenge)];
    let found = ask(Api::Marketing, answer(401, &headers, Frames::default())).await;
    assert_eq!(found.class(), TokenExpired);
}
