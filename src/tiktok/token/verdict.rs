use crate::{
    classify::{ApiCode, Classification, ErrorClass},
    tiktok::codes::contains,
    token_refresh::TokenVerdict,
};

/// What a message of a missing permission names when it is about one object
/// only, as in "No permission to operate pixel code".
const OBJECTS: &[&str] = &[
    "pixel", "catalog", "audience", "identity", "video", "image", "campaign", "adgroup", "creative",
];

/// What an answer means for the token.
///
/// | answer | verdict |
/// |---|---|
/// | 40102, or a message that the token has expired | expired |
/// | 40104, 40105 and all others of an invalid token; 40113 (the app is blocked, or not that of the token); 40103 and 40115, which no refresh cures | stop the token |
/// | 40106 (the token does not fit the advertiser); a permission to "operate advertiser" | stop it for this advertiser |
/// | another missing permission, such as a scope | stop it for this advertiser at this endpoint |
/// | a missing permission for one pixel, catalog or other object | nothing: other objects may be allowed |
#[must_use]
pub fn verdict(found: &Classification) -> TokenVerdict {
    let code = found.code().and_then(ApiCode::as_number);
    match (found.class(), code) {
        (_, Some(40_103 | 40_113 | 40_115)) => TokenVerdict::Stop,
        (_, Some(40_106)) => TokenVerdict::StopAccount,
        (ErrorClass::PermissionDenied, _) => denied(found.message().unwrap_or_default()),
        _ => TokenVerdict::of(found),
    }
}

fn denied(message: &str) -> TokenVerdict {
    let has = |text: &&str| contains(message, text);
    // These name paths, which name objects.
    if ["scope", "grant"].iter().any(has) {
        TokenVerdict::StopEndpoint
    } else if OBJECTS.iter().any(has) {
        TokenVerdict::Good
    } else if has(&"operate advertiser") {
        TokenVerdict::StopAccount
    } else {
        TokenVerdict::StopEndpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiktok::codes::classify_code;

    #[test]
    fn each_answer_stops_as_much_as_it_says() {
        for (code, message, expected) in [
            (0, "OK", TokenVerdict::Good),
            (40_100, "App 7 reaches the QPS limit 10", TokenVerdict::Good),
            (40_002, "Time format should be", TokenVerdict::Good),
            (40_102, "", TokenVerdict::Expired),
            (40_105, "Access token has expired", TokenVerdict::Expired),
            (40_100, "Invalid access token", TokenVerdict::Stop),
            (40_104, "", TokenVerdict::Stop),
            (
                40_105,
                "Access token is incorrect or has been revoked.",
                TokenVerdict::Stop,
            ),
            (40_113, "", TokenVerdict::Stop),
            (40_103, "", TokenVerdict::Stop),
            (40_106, "", TokenVerdict::StopAccount),
            (
                40_001,
                "No permission to operate advertiser: 7",
                TokenVerdict::StopAccount,
            ),
            (
                40_001,
                "Permission error: The access token lacks the required scope for endpoint '/campaign/get/(method=GET)'",
                TokenVerdict::StopEndpoint,
            ),
            (
                40_001,
                "advertiser does not grant you /dmp/custom_audience/file/upload/:POST permission",
                TokenVerdict::StopEndpoint,
            ),
            (
                40_001,
                "No permission to operate pixel code: C1",
                TokenVerdict::Good,
            ),
            (
                40_001,
                "You don't have permission to operate this catalog:7.",
                TokenVerdict::Good,
            ),
            (40_001, "", TokenVerdict::StopEndpoint),
            (
                40_002,
                "Insufficient permission",
                TokenVerdict::StopEndpoint,
            ),
            (50_000, "System error.", TokenVerdict::Good),
        ] {
            assert_eq!(
                verdict(&classify_code(code, message)),
                expected,
                "{code} {message}"
            );
        }
    }
}
