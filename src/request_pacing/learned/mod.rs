//! What is learned of a limit that is lower than it was said to be, or of
//! which nothing was said.

mod export;
mod fit;
mod hooks;
mod long;
mod others;
mod rate;
#[cfg(feature = "shared-state")]
mod ratio;
mod refusals;

use std::time::Duration;

use tokio::time::Instant;

use super::tick::Ticks;

pub use self::export::{InvalidLearned, LearnedLimit};
#[cfg(feature = "shared-state")]
pub(super) use self::ratio::{Ratios, WHOLE};
pub(super) use self::{
    fit::{Arrival, fit},
    long::LongFound,
    rate::{FIRST, Rate},
};

/// A limit of a second is what most servers have, and one of a minute.
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// How long it is remembered of a scope that is not used.
pub(super) const MEMORY: Duration = Duration::from_secs(3_600);

/// What one scope has learned: made when a refusal contradicts what is
/// known, or when nothing is.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Of a short window.
    pub(super) short: Option<Taught>,
    /// Of one of a minute or more.
    pub(super) long: Option<Taught>,
    /// When either was cut last.
    pub(super) cut: Option<Instant>,
    /// Whether it and others together overran a window of a minute or more:
    /// it has no more of that than of the second, from then on.
    pub(super) overran: bool,
}

/// The limit of one window.
#[derive(Debug)]
pub(super) struct Taught {
    pub(super) length: Duration,
    pub(super) rate: Rate,
}

impl Learned {
    /// Where nothing is known.
    pub(super) fn new() -> Self {
        let mut learned = Self::default();
        learned.know_nothing();
        learned
    }

    /// Whether it is worth no more than that.
    pub(super) fn is_new(&self) -> bool {
        let mut limits = self.short.iter().chain(&self.long);
        self.cut.is_none() && limits.all(|taught| taught.rate.limit() == FIRST)
    }

    fn know_nothing(&mut self) {
        self.short.take_if(|taught| taught.length != SECOND);
        self.short.get_or_insert_with(|| Taught {
            length: SECOND,
            rate: Rate::start(),
        });
    }

    /// Until when it is worth more than a new one.
    pub(super) fn counts_until(&self) -> Option<Instant> {
        Some(self.cut? + MEMORY)
    }

    /// How many a window of this length may come to admit, if it is learned.
    pub(super) fn most(&self, length: Ticks) -> Option<u32> {
        let mut limits = self.short.iter().chain(&self.long);
        let taught = limits.find(|taught| Ticks::from(taught.length) == length)?;
        Some(taught.rate.ceiling().unwrap_or(u32::MAX))
    }

    /// How many it has of how many a second, if others have the rest.
    fn part(&self) -> Option<(u32, u32)> {
        self.short.as_ref()?.rate.part()
    }

    fn both(&mut self) -> impl Iterator<Item = &mut Option<Taught>> {
        [&mut self.short, &mut self.long].into_iter()
    }
}
