use http::Response;
use tokio::time::Instant;

use super::slots::Closed;
use crate::classify::Classification;

/// A refusal has closed a scope: one line for all who wait.
#[cold]
pub(super) fn held<R>(closed: &Closed, response: &Response<R>) {
    #[cfg(feature = "metrics")]
    crate::metrics::held(closed.scope);
    let found = response.extensions().get::<Classification>();
    let wait = closed.until.saturating_duration_since(Instant::now());
    tracing::warn!(
        scope = closed.scope.as_str(),
        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        code = found
            .and_then(Classification::code)
            .map(tracing::field::display),
        request_id = found.and_then(Classification::request_id),
        log_id = found.and_then(Classification::log_id),
        "a limit is closed, and requests wait"
    );
}
