//! The codes of the sibling APIs. `tests/data/codes_other_apis.csv` names the
//! source of each line.

use super::{
    remedy,
    rule::CodeRule,
    words::{
        bad_request, forbidden, ok, permanent, throttled, throttled_by, token_expired,
        token_invalid, transient, unsure,
    },
};
use crate::classify::{
    ThrottleScope::{self, AppEndpoint},
    ThrottleWindow::Minute,
};

/// The words of the v2 API and of its OAuth endpoints, sorted.
pub(super) static OPEN_V2: &[(&str, CodeRule)] = &[
    forbidden(
        "access_denied",
        "the user or the app refused",
        remedy::AUTHORISE,
    ),
    token_invalid(
        "access_token_invalid",
        "the access token is wrong or has expired",
        remedy::REFRESH,
    ),
    transient("internal_error", "the service failed", remedy::SERVER),
    token_invalid(
        "invalid_client",
        "the client key or the secret is wrong",
        remedy::APP_SECRET,
    ),
    bad_request(
        "invalid_file_upload",
        "the file does not meet the specifications",
        remedy::FILE,
    ),
    token_expired(
        "invalid_grant",
        "the code or the refresh token has expired, was revoked, or is not of this client",
        remedy::AUTHORISE,
    ),
    bad_request("invalid_params", "a parameter is wrong", remedy::PARAMS),
    bad_request(
        "invalid_request",
        "a parameter is missing or wrong",
        remedy::PARAMS,
    ),
    bad_request(
        "invalid_scope",
        "a scope is not known, or was not approved",
        remedy::GRANT_TYPE,
    ),
    ok("ok"),
    throttled_by(
        "rate_limit_exceeded",
        "600 requests a minute to this endpoint were exceeded",
        AppEndpoint,
        Minute,
        remedy::SLOW_APP,
    ),
    forbidden(
        "scope_not_authorized",
        "the user did not authorise the scope",
        remedy::PERMISSION,
    ),
    forbidden(
        "scope_permission_missed",
        "the app lacks the scope",
        remedy::PERMISSION,
    ),
    transient(
        "server_error",
        "the authorisation server failed",
        remedy::SERVER,
    ),
    transient(
        "temporarily_unavailable",
        "the authorisation server is overloaded or in maintenance",
        remedy::SERVER,
    ),
    forbidden(
        "unauthorized_client",
        "the client may not use this way to get a token",
        remedy::METHOD,
    ),
    bad_request(
        "unsupported_grant_type",
        "the grant type is not supported",
        remedy::GRANT_TYPE,
    ),
    bad_request(
        "unsupported_response_type",
        "the response type is not supported",
        remedy::GRANT_TYPE,
    ),
];

/// The codes of TikTok Shop, sorted.
pub(super) static SHOP: &[(i64, CodeRule)] = &[
    ok(0),
    token_invalid(
        101_000,
        "the shop cipher or the token is wrong",
        remedy::NEW_TOKEN,
    ),
    token_expired(105_002, "the access token has expired", remedy::REFRESH),
    forbidden(105_005, "the token lacks a scope", remedy::PERMISSION),
    token_invalid(106_001, "the signature is wrong", remedy::SIGN),
    bad_request(106_013, "the shop cipher is missing", remedy::SHOP_CIPHER),
    token_expired(
        36_004_001,
        "the refresh token has expired",
        remedy::AUTHORISE,
    ),
    token_invalid(
        36_004_004,
        "the authorisation code was used, has expired, or is wrong",
        remedy::AUTH_CODE,
    ),
    token_invalid(
        36_004_005,
        "there is no such authorisation",
        remedy::AUTHORISE,
    ),
    throttled(
        36_009_002,
        "too many requests",
        ThrottleScope::Unknown,
        remedy::SLOW_APP,
    ),
    transient(36_009_003, "the service failed", remedy::SERVER),
    token_invalid(
        36_009_004,
        "the signature, the token, the app key or the timestamp is wrong",
        remedy::SIGN,
    ),
    transient(36_009_007, "the endpoint timed out", remedy::TIMEOUT),
    permanent(36_009_009, "the path is wrong", remedy::NO_ENDPOINT),
    permanent(36_009_010, "the method is wrong", remedy::NO_ENDPOINT),
    bad_request(36_009_021, "the size of the file is wrong", remedy::FILE),
    bad_request(36_009_022, "the request is malformed", remedy::PARAMS),
    bad_request(
        36_009_023,
        "the body is not multipart/form-data",
        remedy::MULTIPART,
    ),
    forbidden(
        36_009_033,
        "the IP address is not allowed",
        remedy::IP_ALLOWLIST,
    ),
    unsure(throttled(
        36_009_037,
        "perhaps too many requests: one client takes it for that, and no page tells",
        ThrottleScope::Unknown,
        remedy::SLOW_UNKNOWN,
    )),
];
