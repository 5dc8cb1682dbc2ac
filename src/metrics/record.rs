//! What the layers count as they go.

#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "request-pacing",
    feature = "throttle-alert",
    feature = "token-refresh"
))]
use super::names;

/// A request is sent again, `wait` after it was answered.
#[cfg(feature = "jittered-backoff")]
pub(crate) fn resend(class: Option<crate::classify::ErrorClass>, wait: std::time::Duration) {
    let class = class.map_or("failure", crate::classify::ErrorClass::as_str);
    ::metrics::counter!(names::RESENDS, "class" => class).increment(1);
    waited("backoff", wait);
}

/// A request has waited, or will.
#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "request-pacing"
))]
pub(crate) fn waited(cause: &'static str, time: std::time::Duration) {
    ::metrics::histogram!(names::WAIT, "cause" => cause).record(time.as_secs_f64());
}

/// A refusal has closed a scope.
#[cfg(feature = "request-pacing")]
pub(crate) fn held(scope: crate::classify::ThrottleScope) {
    ::metrics::counter!(names::HOLDS, "scope" => scope.as_str()).increment(1);
}

/// A poll was answered by one that another caller had sent.
#[cfg(feature = "poll-pacing")]
pub(crate) fn poll_saved() {
    ::metrics::counter!(names::POLLS_SAVED).increment(1);
}

/// Reads were answered without being sent.
#[cfg(feature = "report-batching")]
pub(crate) fn reads_saved(by: &'static str, reads: u64) {
    ::metrics::counter!(names::READS_SAVED, "by" => by).increment(reads);
}

/// A token was refreshed, or could not be.
#[cfg(feature = "token-refresh")]
pub(crate) fn refreshed(success: bool) {
    let outcome = if success { "success" } else { "failure" };
    ::metrics::counter!(names::TOKEN_REFRESHES, "outcome" => outcome).increment(1);
}

#[cfg(feature = "throttle-alert")]
pub(crate) fn alert(alert: &crate::throttle_alert::Alert) {
    let labels = [
        ("kind", alert.kind.as_str()),
        ("state", alert.state.as_str()),
    ];
    ::metrics::counter!(names::ALERTS, &labels).increment(1);
}
