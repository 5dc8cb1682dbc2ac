use std::time::SystemTime;

/// The time of day, to read dates with. Waits are measured by
/// `tokio::time::Instant` only.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The same, but where tokio's time is paused, it stands still as well.
#[cfg(any(feature = "request-pacing", feature = "throttle-alert"))]
#[expect(
    clippy::disallowed_types,
    reason = "only to compare it with tokio's, of which paused time is ahead or behind"
)]
pub(crate) fn in_tokio_time() -> SystemTime {
    let (now, real) = (now(), std::time::Instant::now());
    let told = tokio::time::Instant::now().into_std();
    now + told.saturating_duration_since(real) - real.saturating_duration_since(told)
}
