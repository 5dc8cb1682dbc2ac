/// Where nothing is known, so many go at first.
pub(in crate::request_pacing) const FIRST: u32 = 4;
/// Admitted requests between two probes, at first and at the most: one in so
/// many may be refused.
pub(super) const PATIENCE: (u32, u32) = (25, 100);
/// The same of a window that must not be overrun, in windows.
const LONG_PATIENCE: (u32, u32) = (10, 160);

/// The limit of one window, as refusals and their absence teach it.
///
/// It is never above its ceiling. One event cuts it once: what was sent before
/// the cut says nothing about it. Each change is on trial until a window's
/// worth of requests has been admitted under it. Then, rarely, one more is
/// tried; the price of what a probe loses is paid by waiting for the next; and
/// what it wins makes the next one larger.
#[derive(Clone, Debug)]
pub(in crate::request_pacing) struct Rate {
    pub(super) limit: u32,
    ceiling: Option<u32>,
    /// The last limit that a whole window proved.
    pub(super) proven: u32,
    stage: Stage,
    /// The first request that may prove anything.
    since: u64,
    admitted: u32,
    /// Whether one of them took the last slot.
    tight: bool,
    pub(super) patience: u32,
    pub(super) most_patience: u32,
    wins: u32,
    /// What it is for all who use it, where others do as well.
    pub(super) of_all: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was ever refused: it doubles.
    Start,
    /// It was cut.
    Cut,
    /// It was raised.
    Probe,
    /// It holds, and waits for so many before it is raised.
    Rest(u32),
}

impl Rate {
    /// Nothing is known.
    pub(in crate::request_pacing) fn start() -> Self {
        Self::new(FIRST, None, Stage::Start)
    }

    /// Under a limit that is known and was kept so far.
    pub(in crate::request_pacing) fn below(ceiling: u32) -> Self {
        Self::new(ceiling, Some(ceiling), Stage::Cut)
    }

    /// Of a window that must not be overrun, and of which a refusal has told.
    pub(in crate::request_pacing) fn long(limit: u32, ceiling: Option<u32>, next: u64) -> Self {
        let mut rate = Self::new(limit, ceiling, Stage::Cut);
        rate.patience = limit.saturating_mul(LONG_PATIENCE.0);
        rate.most_patience = limit.saturating_mul(LONG_PATIENCE.1);
        rate.set(Stage::Cut, next);
        rate
    }

    /// As it was learned before.
    pub(in crate::request_pacing) fn learned(limit: u32, ceiling: Option<u32>, next: u64) -> Self {
        let limit = limit.clamp(1, ceiling.unwrap_or(u32::MAX).max(1));
        let mut rate = Self::new(limit, ceiling, Stage::Cut);
        rate.set(Stage::Cut, next);
        rate
    }

    fn new(limit: u32, ceiling: Option<u32>, stage: Stage) -> Self {
        Self {
            limit,
            ceiling,
            proven: 1,
            stage,
            since: 0,
            admitted: 0,
            tight: false,
            patience: PATIENCE.0,
            most_patience: PATIENCE.1,
            wins: 0,
            of_all: None,
        }
    }

    pub(in crate::request_pacing) fn limit(&self) -> u32 {
        self.limit
    }

    pub(in crate::request_pacing) fn ceiling(&self) -> Option<u32> {
        self.ceiling
    }

    pub(in crate::request_pacing) fn set_ceiling(&mut self, ceiling: Option<u32>) {
        self.ceiling = ceiling;
        let most = ceiling.unwrap_or(u32::MAX);
        self.limit = self.limit.min(most);
        self.proven = self.proven.min(most);
    }

    /// Whether it is what is known without it.
    pub(in crate::request_pacing) fn is_over(&self) -> bool {
        self.ceiling == Some(self.limit) && matches!(self.stage, Stage::Rest(_))
    }

    /// Whether a refusal would rather be its fault than anything else's.
    pub(in crate::request_pacing) fn on_trial(&self) -> bool {
        !matches!(self.stage, Stage::Rest(_))
    }

    /// Whether a request was sent before the last change.
    pub(in crate::request_pacing) fn is_past(&self, number: u64) -> bool {
        number < self.since
    }

    /// A request was admitted; `next` is the first that is not sent yet. Of a
    /// part of a limit it stands for as many as the `weight`, for the others
    /// send, too. Whether that changed anything.
    pub(in crate::request_pacing) fn admitted(
        &mut self,
        number: u64,
        tight: bool,
        next: u64,
        weight: u32,
    ) -> bool {
        if self.is_past(number) {
            return false;
        }
        self.admitted = self.admitted.saturating_add(weight);
        self.tight |= tight;
        let needed = match self.stage {
            // The others of this window were admitted before.
            Stage::Start => self.limit - self.limit / 2,
            Stage::Cut => self.limit.saturating_mul(2),
            // Among several, not each has the slot more that is tried.
            Stage::Probe => self.limit.saturating_mul(weight.min(2)),
            Stage::Rest(wait) => wait,
        };
        if self.admitted < needed || !self.tight {
            return false;
        }
        match self.stage {
            Stage::Start => self.raise(self.limit, Stage::Start, next),
            Stage::Cut => self.rest(next, 1),
            Stage::Probe if self.of_all.is_some() => self.won_from_others(next),
            Stage::Probe => {
                self.wins += 1;
                self.proven = self.limit;
                self.patience = (self.patience / 2).max(PATIENCE.0);
                let step = 1 << self.wins.min(30);
                self.raise(step.min(self.limit / 2), Stage::Probe, next);
            }
            Stage::Rest(_) => self.raise(self.step(), Stage::Probe, next),
        }
        true
    }

    /// A request was refused that is not past, and `fit` is what the requests
    /// around it say that the limit is; so many of them were refused.
    pub(in crate::request_pacing) fn refused(&mut self, fit: u32, refused: u32, next: u64) {
        let below = self.limit.saturating_sub(1).max(1);
        let was = self.stage;
        self.limit = match was {
            Stage::Probe => fit.clamp(self.proven.min(below), below),
            Stage::Start | Stage::Cut | Stage::Rest(_) => fit.clamp(1, below),
        };
        self.proven = self.proven.min(self.limit);
        self.wins = 0;
        self.set(Stage::Cut, next);
        if was == Stage::Probe {
            self.patience = self.patience.saturating_mul(2).min(self.most_patience);
            self.rest(next, refused);
        }
    }

    /// Another process that shares the limit has found what it is. As if it had
    /// happened here, so that all try for more as seldom as one alone. Whether
    /// that changed anything.
    #[cfg(feature = "shared-state")]
    pub(super) fn heard(&mut self, limit: u32, next: u64) -> bool {
        if limit == self.limit {
            return false;
        }
        let (was, before) = (self.stage, self.limit);
        self.limit = limit;
        if limit > before {
            if was == Stage::Probe {
                self.wins += 1;
                self.patience = (self.patience / 2).max(PATIENCE.0);
            }
            self.proven = before;
            self.set(Stage::Probe, next);
        } else {
            self.proven = self.proven.min(limit);
            self.wins = 0;
            self.set(Stage::Cut, next);
            if was == Stage::Probe {
                self.patience = self.patience.saturating_mul(2).min(self.most_patience);
                self.rest(next, 1);
            }
        }
        true
    }

    /// The server has said what it is, for all who use it: others may have a
    /// part of it.
    pub(in crate::request_pacing) fn told(&mut self, limit: u32, next: u64) {
        if limit < self.limit {
            self.wins = 0;
            self.patience = self.most_patience;
            self.limit = limit;
            self.rest(next, 1);
        }
    }

    /// Waits for the next probe, after one that cost so many.
    fn rest(&mut self, next: u64, cost: u32) {
        self.proven = self.limit;
        self.set(Stage::Rest(self.patience.saturating_mul(cost.max(1))), next);
    }

    /// Waits for so many.
    pub(super) fn rest_for(&mut self, requests: u32, next: u64) {
        self.set(Stage::Rest(requests), next);
    }

    fn raise(&mut self, step: u32, stage: Stage, next: u64) {
        let most = self.ceiling.unwrap_or(u32::MAX);
        let limit = self.limit.saturating_add(step.max(1)).min(most);
        if limit == self.limit {
            return self.rest(next, 1);
        }
        self.limit = limit;
        self.set(stage, next);
    }

    fn set(&mut self, stage: Stage, next: u64) {
        self.stage = stage;
        self.since = next;
        self.admitted = 0;
        self.tight = false;
    }
}

#[cfg(test)]
mod tests;
