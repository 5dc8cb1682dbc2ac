use std::{error::Error, fmt};

use tokio::time::Instant;

use crate::error::NotSent;

/// The read was not sent: it timed out too often, and would again. Ask for
/// less, or later.
#[derive(Clone, Copy, Debug)]
pub struct TimedOutTooOften {
    timeouts: usize,
    earliest: Instant,
}

impl TimedOutTooOften {
    pub(super) fn new(timeouts: usize, earliest: Instant) -> Self {
        Self { timeouts, earliest }
    }

    /// From when on it may be sent again. That is the clock of `tokio::time`.
    #[must_use]
    pub fn earliest(&self) -> Instant {
        self.earliest
    }

    /// How often it timed out.
    #[must_use]
    pub fn timeouts(&self) -> usize {
        self.timeouts
    }
}

impl fmt::Display for TimedOutTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the read timed out {} times, and is not sent for a while; ask for less at once",
            self.timeouts
        )
    }
}

impl Error for TimedOutTooOften {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}
