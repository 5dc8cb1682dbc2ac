//! The level of an app, as the simulator knows it, for all examples.

use tower_tiktok::{simulator::Level, tiktok::AccessLevel};

/// The simulator shares nothing with the layers, so a level is found by name.
pub(crate) fn level(level: AccessLevel) -> Level {
    match level {
        AccessLevel::Basic => Level::Basic,
        AccessLevel::Advanced => Level::Advanced,
        AccessLevel::Premium => Level::Premium,
        AccessLevel::Ultimate => Level::Ultimate,
        AccessLevel::Sandbox => Level::Sandbox,
        other => {
            let own = other.limits();
            Level::custom(
                own.per_second().into(),
                own.per_minute().into(),
                own.per_day().into(),
            )
        }
    }
}
