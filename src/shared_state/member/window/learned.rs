//! What part of a window's limit is real, as somebody has learned.

use super::Window;
use crate::shared_state::WindowAsk;

const WHOLE: u32 = 1_000_000;

/// In millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Learned {
    /// The last word, ours or another's.
    known: Option<u32>,
    /// Ours, found without a lease. Others may have been the reason, so nobody is told.
    alone: Option<u32>,
    /// Ours, and the store has not heard it.
    pub(super) news: Option<u32>,
}

impl Learned {
    /// What the store knows. Ours comes after it.
    pub(super) fn hear(&mut self, ratio: Option<u32>) {
        if self.news.is_none() {
            self.known = ratio;
        }
    }
}

impl Window {
    /// This process has learned it. `alone`: without a lease.
    pub(in crate::shared_state::member) fn learn(&mut self, news: Option<u32>, alone: bool) {
        let learned = &mut self.learned;
        if alone {
            learned.alone = news.or(learned.alone);
        } else {
            learned.news = news.or(learned.news);
            learned.known = news.or(learned.known);
        }
    }

    /// What is known, by whomever.
    pub(in crate::shared_state::member) fn learned(&self) -> Option<u32> {
        self.learned.alone.or(self.learned.known)
    }

    pub(in crate::shared_state::member) fn forget_lonely(&mut self) {
        self.learned.alone = None;
    }

    /// Whether the store has yet to hear of it.
    pub(in crate::shared_state::member) fn has_learned(&self) -> bool {
        self.learned.news.is_some()
    }

    /// The news of the last exchange have come.
    pub(in crate::shared_state::member) fn told(&mut self, ask: &WindowAsk) {
        if ask.span == self.demand.span && ask.learned == self.learned.news {
            self.learned.news = None;
        }
    }

    /// Another has learned it. Of less, this process's part is less at once. Of
    /// more, the store gives it more as it asks. Whether it should give back.
    pub(in crate::shared_state::member) fn hear_learned(&mut self, ratio: u32) -> bool {
        let before = self.learned.known.unwrap_or(WHOLE).max(1);
        self.learned.hear(Some(ratio));
        if self.learned.news.is_some() || ratio >= before {
            return false;
        }
        let target = u64::from(self.target) * u64::from(ratio) / u64::from(before);
        let target = u32::try_from(target.max(1)).unwrap_or(u32::MAX);
        self.target = self.target.min(target);
        self.held > self.target
    }

    /// Whether much less than the limit is known to be real.
    pub(in crate::shared_state::member) fn admits_less(&self) -> bool {
        u64::from(self.real_limit()) * 4 < u64::from(self.demand.limit) * 3
    }

    /// What is known to be real of the limit.
    pub(super) fn real_limit(&self) -> u32 {
        let limit = u64::from(self.demand.limit);
        let real = limit * u64::from(self.learned().unwrap_or(WHOLE)) / u64::from(WHOLE);
        u32::try_from(real.clamp(1, limit.max(1))).unwrap_or(u32::MAX)
    }
}
