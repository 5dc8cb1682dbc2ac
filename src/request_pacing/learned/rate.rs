/// Where nothing is known, so many go at first.
pub(in crate::request_pacing) const FIRST: u32 = 4;
/// Admitted requests between two probes, at first and at the most: one in so
/// many may be refused.
const PATIENCE: (u32, u32) = (25, 100);
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
    limit: u32,
    ceiling: Option<u32>,
    /// The last limit that a whole window proved.
    proven: u32,
    stage: Stage,
    /// The first request that may prove anything.
    since: u64,
    admitted: u32,
    /// Whether one of them took the last slot.
    tight: bool,
    patience: u32,
    most_patience: u32,
    wins: u32,
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

    /// A request was admitted; `next` is the first that is not sent yet.
    /// Whether that changed anything.
    pub(in crate::request_pacing) fn admitted(
        &mut self,
        number: u64,
        tight: bool,
        next: u64,
    ) -> bool {
        if self.is_past(number) {
            return false;
        }
        self.admitted = self.admitted.saturating_add(1);
        self.tight |= tight;
        let needed = match self.stage {
            // The others of this window were admitted before.
            Stage::Start => self.limit - self.limit / 2,
            Stage::Cut => self.limit.saturating_mul(2),
            Stage::Probe => self.limit,
            Stage::Rest(wait) => wait,
        };
        if self.admitted < needed || !self.tight {
            return false;
        }
        match self.stage {
            Stage::Start => self.raise(self.limit, Stage::Start, next),
            Stage::Cut => self.rest(next, 1),
            Stage::Probe => {
                self.wins += 1;
                self.proven = self.limit;
                self.patience = (self.patience / 2).max(PATIENCE.0);
                let step = 1 << self.wins.min(30);
                self.raise(step.min(self.limit / 2), Stage::Probe, next);
            }
            Stage::Rest(_) => self.raise(1, Stage::Probe, next),
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

    /// The server has said what it is.
    pub(in crate::request_pacing) fn told(&mut self, limit: u32, next: u64) {
        let limit = limit.min(self.ceiling.unwrap_or(u32::MAX));
        if limit != self.limit {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Answer {
        Admitted { ago: u64, tight: bool },
        Refused { ago: u64, fit: u32, refused: u32 },
        Ceiling(Option<u32>),
    }

    fn answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            20 => (0_u64..4, any::<bool>()).prop_map(|(ago, tight)| Answer::Admitted { ago, tight }),
            1 => (0_u64..4, any::<u32>(), 0_u32..9)
                .prop_map(|(ago, fit, refused)| Answer::Refused { ago, fit, refused }),
            1 => prop::option::of(1..=u32::MAX).prop_map(Answer::Ceiling),
        ]
    }

    proptest! {
        #[test]
        fn it_is_never_above_the_ceiling_and_never_nothing(
            ceiling in 1_u32..40,
            known in any::<bool>(),
            answers in prop::collection::vec(answer(), 1..400),
        ) {
            let mut rate = if known { Rate::below(ceiling) } else { Rate::start() };
            let mut most = known.then_some(ceiling);
            for (number, answer) in (4..).zip(answers) {
                match answer {
                    Answer::Admitted { ago, tight } => {
                        rate.admitted(number - ago, tight, number + 1);
                    }
                    Answer::Refused { ago, fit, refused } if !rate.is_past(number - ago) => {
                        rate.refused(fit, refused, number + 1);
                    }
                    Answer::Refused { .. } => {}
                    Answer::Ceiling(ceiling) => {
                        most = ceiling;
                        rate.set_ceiling(ceiling);
                    }
                }
                prop_assert!(rate.limit() >= 1);
                prop_assert!(most.is_none_or(|most| rate.limit() <= most));
            }
        }
    }

    /// Requests go one after another, and a server of this limit, of which so
    /// many are always in the window, answers. Returns how many it refused.
    fn steady(rate: &mut Rate, truth: u32, numbers: std::ops::Range<u64>) -> u32 {
        let mut refused = 0;
        for number in numbers {
            if rate.limit() <= truth {
                rate.admitted(number, true, number + 1);
            } else if !rate.is_past(number) {
                refused += rate.limit() - truth;
                rate.refused(truth, rate.limit() - truth, number + 1);
            }
        }
        refused
    }

    #[test]
    fn one_event_cuts_once() {
        let mut rate = Rate::below(20);
        rate.refused(8, 12, 32);
        for number in 0..32 {
            assert!(rate.is_past(number));
            assert!(!rate.admitted(number, true, 33));
        }
        assert_eq!(rate.limit(), 8);
        rate.refused(9, 1, 40);
        assert_eq!(rate.limit(), 7);
    }

    #[test]
    fn probes_cost_one_request_in_a_hundred() {
        for truth in [1, 8, 100, 3_000] {
            let mut rate = Rate::below(10_000);
            rate.refused(truth, 12, 0);
            steady(&mut rate, truth, 0..2_000 + 10 * u64::from(truth));
            let sent = 50_000;
            let refused = steady(&mut rate, truth, 200_000..200_000 + sent);
            assert!(u64::from(refused) <= sent / 100, "{truth}: {refused}");
        }
    }

    #[test]
    fn a_limit_that_rises_is_found_within_seconds() {
        let mut rate = Rate::below(20);
        rate.refused(8, 12, 0);
        steady(&mut rate, 8, 0..1_000);
        assert_eq!(rate.limit(), 8);
        // Some 20 seconds at most, of which a probe is waited for most.
        steady(&mut rate, 20, 1_000..1_180);
        assert!(rate.is_over());
    }

    #[test]
    fn nothing_known_doubles_until_it_is_refused() {
        let mut rate = Rate::start();
        assert_eq!(rate.limit(), 4);
        steady(&mut rate, u32::MAX, 0..62);
        assert_eq!(rate.limit(), 128);
        rate.refused(100, 28, 200);
        assert_eq!(rate.limit(), 100);
    }
}
