use std::time::SystemTime;

/// The time of day, to read dates with. Waits are measured by
/// `tokio::time::Instant` only.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
