//! The names of all metrics, and what they tell.

#[cfg(any(
    feature = "jittered-backoff",
    feature = "poll-pacing",
    feature = "request-pacing",
    feature = "throttle-alert",
    feature = "token-refresh"
))]
use metrics::counter;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

#[cfg(feature = "throttle-alert")]
use crate::throttle_alert::{AlertKind, AlertState};

/// How long attempts took, from their sending to the head of the answer.
pub const REQUEST_DURATION: &str = "http.client.request.duration";
/// Attempts that were answered, by what the answer means.
pub const ATTEMPTS: &str = "api_client.attempts";
/// Attempts that were refused because a limit was reached.
pub const THROTTLES: &str = "api_client.throttles";
/// Requests that were sent again, by why.
pub const RESENDS: &str = "api_client.resends";
/// How long requests waited before they were sent, of those that had to.
pub const WAIT: &str = "api_client.wait";
/// How often a scope was closed by a refusal.
pub const HOLDS: &str = "api_client.holds";
/// Requests that wait now.
pub const QUEUE_DEPTH: &str = "api_client.queue.depth";
/// How long the one that waits longest has waited.
pub const QUEUE_AGE: &str = "api_client.queue.age";
/// Scopes that are closed now.
pub const HELD_SCOPES: &str = "api_client.held_scopes";
/// Scopes for which another limit than the configured one was learned.
pub const LEARNED_SCOPES: &str = "api_client.learned_scopes";
/// Requests that have a permit of their account now.
pub const PERMITS: &str = "api_client.permits";
/// How many requests a window of the application admits, as far as is known:
/// what was configured, learned, or is this process's part of it.
pub const LIMIT: &str = "api_client.limit";
/// How many requests are in that window, or may be.
pub const LIMIT_USED: &str = "api_client.limit.used";
/// Resends that the retry budget has left.
pub const RETRY_BUDGET: &str = "api_client.retry_budget";
/// Resends that were left out because the retry budget was empty.
pub const RETRY_BUDGET_REFUSED: &str = "api_client.retry_budget.refused";
/// 1 if the store of the shared state answers, 0 if not. Not there before it was
/// asked.
pub const SHARED_STATE_UP: &str = "api_client.shared_state.up";
/// Processes that share the limits.
pub const SHARED_STATE_INSTANCES: &str = "api_client.shared_state.instances";
/// Exchanges with the store of the shared state.
pub const SHARED_STATE_EXCHANGES: &str = "api_client.shared_state.exchanges";
/// Polls that were not sent: another caller asked the same at that time, and
/// its answer served both.
pub const POLLS_SAVED: &str = "api_client.polls_saved";
/// Reads that were not sent: another asked the same at that time, the last
/// answer was kept, or another asked for it along with its own.
pub const READS_SAVED: &str = "api_client.reads_saved";
/// Refreshes of a token.
pub const TOKEN_REFRESHES: &str = "api_client.token_refreshes";
/// Alerts that were raised, updated and cleared.
pub const ALERTS: &str = "api_client.alerts";

/// Tells the recorder what each metric means, and its unit, and begins at zero
/// what may be counted for the first time when it is too late to see that it has
/// grown: alerts, holds, refreshes, and resends that were left out. Call it once,
/// after the recorder is installed.
pub fn describe() {
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "How long attempts took, from their sending to the head of the answer"
    );
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts, by what came of them");
    describe_counter!(THROTTLES, Unit::Count, "Attempts that a limit refused");
    describe_counter!(RESENDS, Unit::Count, "Requests that were sent again");
    describe_histogram!(WAIT, Unit::Seconds, "How long requests waited");
    describe_counter!(HOLDS, Unit::Count, "How often a refusal closed a scope");
    describe_gauge!(QUEUE_DEPTH, Unit::Count, "Requests that wait");
    describe_gauge!(QUEUE_AGE, Unit::Seconds, "The longest wait of those");
    describe_gauge!(HELD_SCOPES, Unit::Count, "Scopes that are closed");
    describe_gauge!(LEARNED_SCOPES, Unit::Count, "Scopes with a learned limit");
    describe_gauge!(PERMITS, Unit::Count, "Requests that have a permit");
    describe_gauge!(LIMIT, Unit::Count, "Requests that a window admits");
    describe_gauge!(LIMIT_USED, Unit::Count, "Requests in that window");
    describe_gauge!(RETRY_BUDGET, Unit::Count, "Resends left in the budget");
    describe_counter!(
        RETRY_BUDGET_REFUSED,
        Unit::Count,
        "Resends left out because the budget was empty"
    );
    describe_gauge!(SHARED_STATE_UP, Unit::Count, "Whether the store answers");
    describe_gauge!(
        SHARED_STATE_INSTANCES,
        Unit::Count,
        "Processes that share the limits"
    );
    describe_counter!(
        SHARED_STATE_EXCHANGES,
        Unit::Count,
        "Exchanges with the store"
    );
    describe_counter!(POLLS_SAVED, Unit::Count, "Polls that were not sent");
    describe_counter!(READS_SAVED, Unit::Count, "Reads that were not sent");
    describe_counter!(TOKEN_REFRESHES, Unit::Count, "Refreshes of a token");
    describe_counter!(ALERTS, Unit::Count, "Alerts, as they change");
    begin();
}

/// A counter that is there from the beginning is seen to grow by its first count;
/// one that begins with it is not.
fn begin() {
    #[cfg(feature = "throttle-alert")]
    for kind in AlertKind::ALL {
        for state in AlertState::ALL {
            let labels = [("kind", kind.as_str()), ("state", state.as_str())];
            counter!(ALERTS, &labels).increment(0);
        }
    }
    #[cfg(feature = "request-pacing")]
    for scope in super::gauges::SCOPES {
        counter!(HOLDS, "scope" => scope.as_str()).increment(0);
    }
    #[cfg(feature = "token-refresh")]
    for outcome in ["success", "failure"] {
        counter!(TOKEN_REFRESHES, "outcome" => outcome).increment(0);
    }
    #[cfg(feature = "poll-pacing")]
    counter!(POLLS_SAVED).increment(0);
    #[cfg(feature = "report-batching")]
    for by in ["shared", "kept", "merged"] {
        counter!(READS_SAVED, "by" => by).increment(0);
    }
    #[cfg(feature = "jittered-backoff")]
    counter!(RETRY_BUDGET_REFUSED).increment(0);
}
