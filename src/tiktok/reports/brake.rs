use crate::{
    classify::{ApiCode, Classification, ErrorClass},
    extensions::RequestContext,
    tiktok::codes::contains,
    timeout_brake::{Ended, TimeoutBrakeBuilder, TimeoutBrakeLayer},
};

/// Codes of a service behind the API that did not answer in time.
const TIMEOUTS: &[i64] = &[51_001, 51_010];

/// The brake for TikTok's reports, with TikTok's limits on their timeouts.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::tiktok::{TikTokLayer, reports};
///
/// // One of three processes that share the app.
/// let brake = reports::timeout_brake().at_most(3, Duration::from_secs(10)).build()?;
/// let layer = TikTokLayer::builder().timeout_brake(brake).build();
/// # let _ = layer;
/// # Ok::<(), tower_tiktok::timeout_brake::InvalidTimeoutBrake>(())
/// ```
pub fn timeout_brake() -> TimeoutBrakeBuilder {
    TimeoutBrakeLayer::builder(is_report).timed_out(timed_out)
}

fn is_report(context: Option<&RequestContext>) -> bool {
    let endpoint = context.and_then(RequestContext::endpoint);
    endpoint.is_some_and(super::is_report)
}

fn timed_out(ended: Ended<'_>) -> bool {
    ended.is_timeout()
        || matches!(ended, Ended::Answer { found: Some(found), .. } if says_so(found))
}

fn says_so(found: &Classification) -> bool {
    let code = found.code().and_then(ApiCode::as_number);
    let message = found.message().unwrap_or_default();
    code.is_some_and(|code| TIMEOUTS.contains(&code))
        || found.class() == ErrorClass::Transient
            && ["timeout", "timed out", "time out"]
                .iter()
                .any(|words| contains(message, words))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::{extensions::Operation, tiktok::codes::classify_code};

    #[test]
    fn a_timeout_is_known_by_its_code_or_its_words() {
        let of = |code, message| {
            timed_out(Ended::Answer {
                status: StatusCode::OK,
                found: Some(&classify_code(code, message)),
            })
        };
        assert!(of(51_010, ""));
        assert!(of(51_001, "internal service timeout"));
        assert!(of(50_002, "Internal service connection timeout."));
        assert!(of(50_000, "Internal service timed out."));
        assert!(!of(50_002, "Service temporarily unavailable"));
        assert!(!of(40_002, "The field timeout is too long."));
    }

    #[test]
    fn reports_are_watched_and_their_tasks_are_not() {
        let at = |path| {
            let context = RequestContext::new(Operation::Read).with_endpoint(path);
            is_report(Some(&context))
        };
        assert!(at("/report/integrated/get/"));
        assert!(at("/gmv_max/report/get/"));
        assert!(!at("/report/task/check/"));
        assert!(!at("/campaign/get/"));
        assert!(!is_report(None));
    }
}
