//! The codes of the Marketing API and of the Events API.
//!
//! A word in capitals is the constant of the official SDK, where no official
//! text was found. `tests/data/codes.csv` names the source of each line.

use super::{
    remedy,
    rule::CodeRule,
    words::{
        bad_request, conflict, forbidden, maintenance, not_ready, ok, partial, permanent, quota,
        throttled, throttled_by, token_expired, token_invalid, transient, unknown, unsure,
    },
};
use crate::classify::{
    ThrottleScope::{self, AccountEndpoint, AppEndpoint, FieldValue},
    ThrottleWindow::{Minute, Second},
};

/// Sorted by code.
pub(super) static CODES: &[(i64, CodeRule)] = &[
    permanent(-1, remedy::COUNTRY), // client IP in a banned country; officially 41000
    ok(0),                          // successful
    unknown(200, remedy::DOCS_SUCCESS), // printed as a success in two examples of the documentation
    partial(20_001, remedy::PARTIAL), // partially successful
    bad_request(40_000, remedy::PARAMS), // the parameters are invalid
    forbidden(40_001, remedy::PERMISSION), // no permission; also a deleted account, a missing scope
    bad_request(40_002, remedy::PARAMS), // parameter error, see the message
    forbidden(40_003, remedy::PERMISSION), // FORBIDDEN
    bad_request(40_006, remedy::VERSION), // the version does not fit the parameters
    permanent(40_007, remedy::NOT_FOUND), // the object, the file or the URL does not exist
    permanent(40_008, remedy::NO_ENDPOINT), // the endpoint is not implemented
    permanent(40_009, remedy::SANDBOX), // parameter or method not supported in the sandbox
    permanent(40_010, remedy::NO_ENDPOINT), // the domain is not supported in this version
    bad_request(40_011, remedy::SPLIT), // too many ids in one request
    unknown(40_012, remedy::NO_UPDATE), // NO_UPDATE
    permanent(40_013, remedy::SANDBOX_ACCOUNT), // the sandbox account does not exist
    permanent(40_014, remedy::SANDBOX), // not supported in the sandbox
    throttled(40_016, AppEndpoint, remedy::SLOW_APP), // too frequent: the endpoint, for the app
    conflict(40_050, remedy::DUPLICATE_REQUEST), // duplicated requests have been sent
    permanent(40_051, remedy::VERSION), // invalid version
    conflict(40_052, remedy::EXISTS), // the ACO material exists already
    bad_request(40_053, remedy::VIDEO_ID), // the video id is invalid
    bad_request(40_061, remedy::SPLIT), // INVALID_BATCH_SIZE
    bad_request(40_062, remedy::HASH), // PII_NOT_HASHED
    bad_request(40_063, remedy::PARTNER), // INVALID_PARTNER_NAME
    permanent(40_064, remedy::BLOCKED_MESSAGE), // message blocked (Business Messaging)
    bad_request(40_065, remedy::AGE), // targeting not supported for ages 13 to 17 in the US
    bad_request(40_067, remedy::SMALLER_QUERY), // the query is too large
    throttled(40_100, AppEndpoint, remedy::SLOW_APP), // too frequent: the endpoint, for the app
    token_invalid(40_101, remedy::APP_SECRET), // app id and secret do not match
    token_expired(40_102, remedy::REFRESH), // the access token has expired
    token_expired(40_103, remedy::AUTHORISE), // the refresh token has expired
    token_invalid(40_104, remedy::TOKEN_HEADER), // the access token is empty
    token_invalid(40_105, remedy::NEW_TOKEN), // the access token is wrong or was revoked
    token_invalid(40_106, remedy::NEW_TOKEN), // the token does not fit the advertiser
    token_invalid(40_107, remedy::REFRESH_TOKEN), // the refresh token is wrong
    bad_request(40_108, remedy::GRANT_TYPE), // the grant type is not supported
    token_invalid(40_109, remedy::APP_SECRET), // deciphering error
    token_invalid(40_110, remedy::AUTH_CODE), // authorisation code cancelled, used or expired
    token_invalid(40_112, remedy::PASSWORD), // the password is wrong
    forbidden(40_113, remedy::APP_BLOCKED), // app blocked, absent, or not that of the token
    token_invalid(40_114, remedy::AUTHORISE), // ADVERTISER_LOGOUT
    token_expired(40_115, remedy::AUTH_CODE), // the authentication timestamp has expired
    token_invalid(40_116, remedy::APP_SECRET), // the authentication signature is invalid
    forbidden(40_117, remedy::METHOD), // the method cannot be used
    forbidden(40_118, remedy::ALLOWLIST), // app or advertiser not on the allowlist
    forbidden(40_119, remedy::COMPANY), // developer and advertiser belong to different companies
    token_invalid(40_120, remedy::AUTHORISE), // TIKTOK_USER_NOT_LOGGED_IN
    forbidden(40_121, remedy::CREATOR), // not a creator of the Creator Marketplace
    forbidden(40_122, remedy::CREATOR), // the creator is not in a valid region
    forbidden(40_124, remedy::DEVELOPER), // the developer profile is not approved
    forbidden(40_125, remedy::PERMISSION), // the developer has no permission
    forbidden(40_126, remedy::GARM), // GARM_SINGLE_AUTH_FAILED
    forbidden(40_127, remedy::GARM), // GARM_DOUBLE_AUTH_FAILED
    forbidden(40_128, remedy::GARM), // GARM_SINGLE_VALIDATE_ERROR
    forbidden(40_129, remedy::GARM), // GARM_DOUBLE_VALIDATE_ERROR
    forbidden(40_130, remedy::PERMISSION), // SCOPE_NOT_AUTHORIZED
    forbidden(40_131, remedy::PERMISSION), // SCOPE_TT_USER_OAUTH_FAILED
    throttled_by(40_132, FieldValue, Second, remedy::SLOW_FIELD), // too frequent: one pixel code
    // too frequent: the endpoint, for the advertiser
    throttled_by(40_133, AccountEndpoint, Second, remedy::SLOW_ACCOUNT),
    unsure(unknown(40_200, remedy::TASK)), // task error
    not_ready(40_201, remedy::POLL),       // the task is not ready
    unsure(conflict(40_202, remedy::WRITE_CONFLICT)), // write or update entity conflict
    permanent(40_300, remedy::ACCOUNT),    // the advertiser does not exist or was deleted
    permanent(40_301, remedy::ACCOUNT),    // the advertiser cannot be matched
    permanent(40_302, remedy::ACCOUNT),    // CUSTOMER_ADVERTISER_NOT_EXIST
    token_invalid(40_309, remedy::AUTHORISE), // REQUIRE_LOGIN
    permanent(40_400, remedy::NO_ENDPOINT), // ROUTE_NOT_FOUND
    quota(40_502, remedy::AD_LIMIT),       // the maximum number of ads is reached
    unsure(unknown(40_700, remedy::VALIDATION)), // internal service validation error
    bad_request(40_900, remedy::SIGNATURE), // the signature of the file does not match
    not_ready(40_901, remedy::TRANSCODING), // the video is being transcoded
    unsure(transient(40_902, remedy::FETCH)), // unable to fetch the URL
    unsure(transient(40_903, remedy::FETCH)), // the image URL is unavailable
    bad_request(40_904, remedy::FILE),     // the format of the image is not supported
    permanent(40_905, remedy::FILE_GONE),  // the file does not exist
    bad_request(40_906, remedy::FILE),     // the file is empty
    bad_request(40_907, remedy::FILE),     // the file is too large
    bad_request(40_908, remedy::FILE),     // the type of the file is not supported
    bad_request(40_909, remedy::CALCULATE_TYPE), // the `calculate_type` is not supported
    permanent(40_910, remedy::FILE_GONE),  // the file has expired
    conflict(40_911, remedy::NAME),        // the name of the material is taken
    bad_request(40_912, remedy::IMAGE_URL), // the image URL is unavailable
    unsure(transient(40_913, remedy::FETCH)), // unable to fetch the image
    bad_request(40_914, remedy::FILE),     // the file is invalid
    bad_request(40_915, remedy::FILE),     // the file does not meet the specifications
    bad_request(40_916, remedy::FILE),     // VIDEO_ILLEGAL_CONTENT
    permanent(41_000, remedy::COUNTRY),    // the client IP is in a banned country
    permanent(41_001, remedy::OFFLINE),    // the endpoint is offline
    bad_request(41_002, remedy::FIELDS),   // the fields are no longer in use
    transient(41_013, remedy::SERVER),     // SITE_TO_VIDEO_SERVICE_ERROR
    transient(50_000, remedy::SERVER),     // system error
    transient(50_001, remedy::SERVER),     // service temporarily unavailable; seen in one test only
    transient(50_002, remedy::SERVER),     // error on the side of TikTok
    transient(51_000, remedy::SERVER),     // RPC_ERROR
    transient(51_001, remedy::SERVER),     // STATISTICS_ERROR
    transient(51_002, remedy::SERVER),     // BUILD_STONE_ERROR
    transient(51_003, remedy::SERVER),     // DMP_ERROR
    transient(51_004, remedy::SERVER),     // LEGO_SERVICE_ERROR
    transient(51_005, remedy::SERVER),     // SMART_PLAYER_ERROR
    transient(51_006, remedy::SERVER),     // JUPITER_ERROR
    transient(51_007, remedy::SERVER),     // OVERTURE_STAT_CENTRAL_ERROR
    transient(51_008, remedy::SERVER),     // ADVERTISER_ERROR
    transient(51_009, remedy::SERVER),     // DPA_ERROR
    transient(51_010, remedy::TIMEOUT),    // INTERNAL_TIME_OUT
    transient(51_011, remedy::SERVER),     // SEARCH_ERROR
    transient(51_012, remedy::SERVER),     // PIXEL_ERROR
    transient(51_014, remedy::SERVER),     // LEGO_SERVICE_SYNC_ERROR
    transient(51_015, remedy::SERVER),     // GRANTING_SERVICE_ERROR
    transient(51_016, remedy::SERVER),     // ACCOUNT_ERROR
    transient(51_017, remedy::SERVER),     // VIDEO_TRANSCODE_SERVICE_ERROR
    transient(51_018, remedy::SERVER),     // AGENT_SERVICE_ERROR
    transient(51_019, remedy::SERVER),     // IMAGE_CUT_ERROR
    transient(51_020, remedy::SERVER),     // ORDER_CENTER_SERVICE_ERROR
    unsure(unknown(51_021, remedy::MAYBE_SLOW)), // too many requests; seen in one test only
    transient(51_030, remedy::SERVER),     // USER_PASSPORT_SERVICE_ERROR
    transient(51_031, remedy::SERVER),     // PLATFORM_ACCOUNT_SERVICE_ERROR
    transient(51_032, remedy::SERVER),     // PLAYABLE_SERVICE_ERROR
    transient(51_033, remedy::SERVER),     // TOOLBOX_ERROR
    transient(51_034, remedy::SERVER),     // AD_MACHINE_AUDIT_ZEPHYR
    transient(51_035, remedy::SERVER),     // SATELLITE_ERROR
    transient(51_036, remedy::SERVER),     // TETRIS_ERROR
    transient(51_037, remedy::SERVER),     // ASYNC_TASK_ERROR
    transient(51_038, remedy::SERVER),     // UNION_TREASURE_BOX_ERROR
    transient(51_039, remedy::SERVER),     // AUTH_SERVICE_ERROR
    transient(51_040, remedy::SERVER),     // ADVERTISER_INFO_ERROR
    transient(51_041, remedy::SERVER),     // AD_GARM_SERVICE_ERROR
    transient(51_042, remedy::SERVER),     // LEGO_BUSINESS_SERVICE_ERROR
    transient(51_043, remedy::SERVER),     // CREATIVE_PLATFORM_SERVICE_ERROR
    transient(51_044, remedy::SERVER),     // DPA_PLATFORM_ERROR
    transient(51_045, remedy::SERVER),     // AD_FILE_SERVICE_ERROR
    transient(51_046, remedy::SERVER),     // SIRIUS_SERVICE_ERROR
    transient(51_047, remedy::SERVER),     // SUBSCRIPTION_ERROR
    transient(51_048, remedy::SERVER),     // ADS_PREVIEW_ERROR
    transient(51_049, remedy::SERVER),     // DPA_RENDER_GATEWAY_ERROR
    transient(51_050, remedy::SERVER),     // MEASUREMENT_STONE_ERROR
    transient(51_051, remedy::SERVER),     // MANUAL_REVIEW_ERROR
    transient(51_052, remedy::SERVER),     // OPTIMIZER_ERROR
    transient(51_053, remedy::SERVER),     // DPA_CATALOG_BUSINESS_ERROR
    transient(51_054, remedy::SERVER),     // CRM_ERROR
    transient(51_055, remedy::SERVER),     // GCRM_ERROR
    transient(51_056, remedy::SERVER),     // ADVERTISER_ACCOUNT_SERVICE_ERROR
    transient(51_057, remedy::SERVER),     // APP_ERROR
    transient(51_058, remedy::SERVER),     // POSTER_SERVICE_ERROR
    transient(51_059, remedy::SERVER),     // CONFIG_SERVICE_ERROR
    transient(51_060, remedy::SERVER),     // BC_RPC_ERROR
    transient(51_061, remedy::SERVER),     // BM_SERVICE_ERROR
    transient(51_062, remedy::SERVER),     // IMAGEX_SERVICE_ERROR
    transient(51_063, remedy::SERVER),     // SEGMENT_GATEWAY_SERVICE_ERROR
    transient(51_064, remedy::SERVER),     // ECO_GAME_MANAGER_SERVICE_ERROR
    transient(51_065, remedy::SERVER),     // TTOP_SERVICE_ERROR
    transient(51_066, remedy::SERVER),     // SUGGESTION_ENGINE_SERVICE_ERROR
    transient(51_067, remedy::SERVER),     // VIDEOARCH_SERVICE_ERROR
    transient(51_099, remedy::SERVER),     // STATISTICS_NEW_ERROR
    transient(51_305, remedy::SERVER),     // satellite service error
    transient(52_000, remedy::SERVER),     // DB_ERROR
    transient(52_001, remedy::SERVER),     // DB_READ_ERROR
    transient(52_002, remedy::SERVER),     // DB_WRITE_ERROR
    transient(52_003, remedy::SERVER),     // DB_PARTITION_ERROR
    transient(52_100, remedy::SERVER),     // RDS_ERROR
    transient(52_101, remedy::SERVER),     // RDS_READ_ERROR
    transient(52_102, remedy::SERVER),     // RDS_WRITE_ERROR
    transient(52_103, remedy::TIMEOUT),    // RDS_TIMEOUT_ERROR
    transient(52_201, remedy::SERVER),     // TOS_ERROR
    transient(52_202, remedy::TIMEOUT),    // TOS_UPLOAD_TIMEOUT
    transient(52_203, remedy::SERVER),     // TOS_HEAD_OBJECT
    transient(52_204, remedy::SERVER),     // TOS_PUT_OBJECT
    transient(53_102, remedy::SERVER),     // DESERIALIZATION_ERROR
    transient(53_103, remedy::SERVER),     // SERIALIZATION_ERROR
    unsure(maintenance(60_001, remedy::MAINTENANCE)), // the system is in maintenance
    // TOO_MANY_REQUESTS_BL
    unsure(throttled_by(
        61_000,
        ThrottleScope::Unknown,
        Minute,
        remedy::SLOW_UNKNOWN,
    )),
    forbidden(70_001, remedy::BIZ_AUTH), // INVALID_BIZ_AUTH_TYPE
    // from an error guide; not on the official page
    unsure(not_ready(2_200_006, remedy::TRANSCODING)),
];
