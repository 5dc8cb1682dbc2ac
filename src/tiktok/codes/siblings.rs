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
    forbidden("access_denied", remedy::AUTHORISE),
    token_invalid("access_token_invalid", remedy::REFRESH),
    transient("internal_error", remedy::SERVER),
    token_invalid("invalid_client", remedy::APP_SECRET),
    bad_request("invalid_file_upload", remedy::FILE),
    token_expired("invalid_grant", remedy::AUTHORISE), // or wrong, revoked, not of this client
    bad_request("invalid_params", remedy::PARAMS),
    bad_request("invalid_request", remedy::PARAMS),
    bad_request("invalid_scope", remedy::GRANT_TYPE),
    ok("ok"),
    // 600 a minute for each endpoint, in a sliding window.
    throttled_by("rate_limit_exceeded", AppEndpoint, Minute, remedy::SLOW_APP),
    forbidden("scope_not_authorized", remedy::PERMISSION),
    forbidden("scope_permission_missed", remedy::PERMISSION),
    transient("server_error", remedy::SERVER),
    transient("temporarily_unavailable", remedy::SERVER),
    forbidden("unauthorized_client", remedy::METHOD),
    bad_request("unsupported_grant_type", remedy::GRANT_TYPE),
    bad_request("unsupported_response_type", remedy::GRANT_TYPE),
];

/// The codes of TikTok Shop, sorted.
pub(super) static SHOP: &[(i64, CodeRule)] = &[
    ok(0),
    token_invalid(101_000, remedy::NEW_TOKEN), // shop cipher or token wrong
    token_expired(105_002, remedy::REFRESH),   // the access token has expired
    forbidden(105_005, remedy::PERMISSION),    // missing scope
    token_invalid(106_001, remedy::SIGN),      // invalid sign
    bad_request(106_013, remedy::SHOP_CIPHER), // missing shop cipher
    token_expired(36_004_001, remedy::AUTHORISE), // the refresh token has expired
    token_invalid(36_004_004, remedy::AUTH_CODE), // authorisation code used, expired or wrong
    token_invalid(36_004_005, remedy::AUTHORISE), // no such authorisation
    throttled(36_009_002, ThrottleScope::Unknown, remedy::SLOW_APP),
    transient(36_009_003, remedy::SERVER),   // internal error
    token_invalid(36_009_004, remedy::SIGN), // sign, token, app key or timestamp: no rate limit
    transient(36_009_007, remedy::TIMEOUT),  // the endpoint timed out
    permanent(36_009_009, remedy::NO_ENDPOINT), // invalid path
    permanent(36_009_010, remedy::NO_ENDPOINT), // invalid method
    bad_request(36_009_021, remedy::FILE),   // invalid file size
    bad_request(36_009_022, remedy::PARAMS), // invalid format of the request
    bad_request(36_009_023, remedy::MULTIPART), // must be multipart/form-data
    forbidden(36_009_033, remedy::IP_ALLOWLIST), // IP address not allowed
    // One client takes it for a rate limit; no page tells.
    unsure(throttled(
        36_009_037,
        ThrottleScope::Unknown,
        remedy::SLOW_UNKNOWN,
    )),
];
