use std::time::Duration;

use super::{ring::Counts, watch::Both};

/// The numbers behind an [`Alert`](super::Alert). What does not belong to its
/// kind is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Figures {
    /// Attempts in the short window, and refused ones.
    pub short: Option<Share>,
    /// Attempts in the long window, and refused ones.
    pub long: Option<Share>,
    /// How often it happened since the alert was raised.
    pub times: u64,
    /// Requests that wait.
    pub queued: Option<u64>,
    /// How long the oldest of them has waited; how long the store is away; for
    /// how long the server shuts out.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_millis"))]
    pub time: Option<Duration>,
}

/// A number of attempts, and how many of them were refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Share {
    /// All attempts that were answered.
    pub attempts: u64,
    /// Those that were refused because a limit was reached.
    pub throttled: u64,
}

// ===== impl Figures =====

impl Figures {
    pub(super) fn set_shares(&mut self, both: Both) {
        self.short = Some(both.short.into());
        self.long = Some(both.long.into());
    }
}

// ===== impl Share =====

impl From<Counts> for Share {
    fn from(counts: Counts) -> Self {
        Self {
            attempts: counts.attempts,
            throttled: counts.throttled,
        }
    }
}

impl Share {
    /// The share that was refused, from 0 to 1.
    #[must_use]
    pub fn ratio(self) -> f64 {
        match self.attempts {
            0 => 0.0,
            attempts => self.throttled as f64 / attempts as f64,
        }
    }
}

#[cfg(feature = "serde")]
fn as_millis<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&time.map(millis), to)
}

#[cfg(feature = "serde")]
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
