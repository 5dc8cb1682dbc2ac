//! What is learned of a limit that is lower than it was said to be, or of
//! which nothing was said.

mod fit;
mod hooks;
mod rate;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::{
    fit::{Arrival, fit},
    rate::Rate,
};

/// A limit of a second is what most servers have.
const LENGTH: Duration = Duration::from_secs(1);

/// How long it is remembered of a scope that is not used.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What one scope has learned: made when a refusal contradicts what is
/// known, or when nothing is.
#[derive(Debug)]
pub(super) struct Learned {
    /// The window that it is the limit of.
    pub(super) length: Duration,
    pub(super) rate: Rate,
    /// When it was cut last.
    pub(super) cut: Option<Instant>,
}

impl Learned {
    /// Of a scope without a short window.
    pub(super) fn start() -> Self {
        Self {
            length: LENGTH,
            rate: Rate::start(),
            cut: None,
        }
    }

    /// Of a window that was said to admit so many.
    pub(super) fn below(limit: u32, length: Duration) -> Self {
        Self {
            length,
            rate: Rate::below(limit),
            cut: None,
        }
    }

    /// Until when it is worth more than a new one.
    pub(super) fn counts_until(&self) -> Option<Instant> {
        Some(self.cut? + MEMORY)
    }
}
