use super::{Rate, rate};

/// Windows of patience before one asks for more, on average. Less finds what
/// others leave sooner; each probe of a full limit costs a refusal.
const PATIENCE: u32 = 21;
/// Which part of the whole limit one takes more; of one's own a quarter at most.
const STEP: u32 = 32;
/// Which part of what one has one gives up, at least a step.
const LESS: u32 = 8;
/// Windows of patience of those who share a limit, at first and at the most, beside one
/// of whom they know nothing: what it has, it will hardly leave soon.
const BESIDE: (u32, u32) = (10, 40);

/// A limit that others use as well, who are not known.
///
/// Where each has a part, and never more than that in any window, nobody is
/// refused; so it is about whole requests in a window, and not about a rate.
/// The first refusal shows all parts at once: what each had in the full window.
/// Then each asks for a step more now and then. If the limit is full somebody
/// is refused, likelier one who has much, and has a step less from then on. So
/// the parts become alike, and what somebody leaves is taken by the others.
impl Rate {
    /// What it is for all together, if there are others.
    pub(in crate::request_pacing) fn of_all(&self) -> Option<u32> {
        self.of_all
    }

    /// How many it has for certain of how many, if others have the rest.
    pub(in crate::request_pacing) fn part(&self) -> Option<(u32, u32)> {
        let of_all = self.of_all?;
        (self.proven < of_all).then_some((self.proven, of_all))
    }

    /// A request was refused that is not past, though fewer came from here than
    /// the limit `of_all` admits; around it `fit` were admitted in a window.
    pub(in crate::request_pacing) fn refused_by_others(
        &mut self,
        fit: u32,
        of_all: u32,
        next: u64,
    ) {
        let was_alone = self.of_all.replace(of_all).is_none();
        let less = if was_alone {
            fit.min(self.limit.saturating_sub(1))
        } else {
            self.limit
                .saturating_sub(self.step().max(self.limit / LESS))
        };
        self.limit = less.max(1);
        self.rest_among_others(next);
    }

    /// A request was refused that is not past, though all who share the limit keep to
    /// it: what one of whom nobody tells has of it is not theirs.
    pub(in crate::request_pacing) fn refused_beside_others(
        &mut self,
        fit: u32,
        refused: u32,
        next: u64,
    ) {
        let (least, most) = BESIDE;
        // Of few in a window, not sooner than anything else is tried.
        self.most_patience = self.limit.saturating_mul(most).max(rate::PATIENCE.1);
        let patience = self.patience.max(self.limit.saturating_mul(least));
        self.patience = patience.min(self.most_patience);
        self.refused(fit, refused, next);
    }

    /// One more was tried, and nobody here was refused. The next one soon: who
    /// has left may have left more.
    pub(super) fn won_from_others(&mut self, next: u64) {
        self.proven = self.limit;
        self.rest_for(self.limit, next);
    }

    /// How many more are tried.
    pub(super) fn step(&self) -> u32 {
        let of_all = self.of_all.unwrap_or_default();
        (of_all / STEP).min(self.limit / 4).max(1)
    }

    fn rest_among_others(&mut self, next: u64) {
        self.proven = self.limit;
        // Not all at the same time: each has sent another number.
        let mixed = next.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let more = u32::try_from(mixed % u64::from(PATIENCE)).unwrap_or_default();
        let windows = PATIENCE / 2 + more;
        self.rest_for(self.limit.saturating_mul(windows), next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In each window all that is admitted goes; where it is too much for the
    /// limit, one is refused, by turns over all requests.
    fn windows(parts: &mut [Rate], limit: u32, windows: u64) {
        let mut number = 1_000;
        for window in 0..windows {
            let all: u32 = parts.iter().map(Rate::limit).sum();
            let mut unlucky = u32::try_from(window * 7 % u64::from(all)).unwrap();
            for part in parts.iter_mut() {
                let own = part.limit();
                if all > limit && unlucky < own {
                    part.refused_by_others(own - 1, limit, number);
                } else {
                    (0..own).for_each(|_| {
                        number += 1;
                        part.admitted(number, true, number + 1, 1);
                    });
                }
                unlucky = unlucky.wrapping_sub(own);
            }
        }
    }

    fn cut(limit: u32, fit: u32) -> Rate {
        let mut rate = Rate::below(limit);
        rate.refused_by_others(fit, limit, 0);
        rate
    }

    #[test]
    fn a_full_window_shows_the_part() {
        let rate = cut(10, 3);
        assert_eq!((rate.limit(), rate.of_all()), (3, Some(10)));
        // Nothing of it was its own: one goes, or it would never learn more.
        assert_eq!(cut(10, 0).limit(), 1);
    }

    #[test]
    fn what_somebody_leaves_is_taken() {
        for limit in [10, 100, 1_000] {
            let mut alone = [cut(limit, limit / 4)];
            windows(&mut alone, limit, 150);
            assert_eq!(alone[0].limit(), limit);
            assert!(alone[0].is_over());
        }
    }

    /// How often so many windows are overrun, of which a stranger leaves so many.
    fn overrun(limit: u32, left: u32, windows: u32, refused: impl Fn(&mut Rate, u32, u64)) -> u32 {
        let mut rate = Rate::below(limit);
        let (mut number, mut times) = (0, 0);
        for _ in 0..windows {
            for sent in 1..=rate.limit() {
                number += 1;
                if sent > left {
                    times += 1;
                    refused(&mut rate, left, number + 1);
                    break;
                }
                rate.admitted(number, sent == rate.limit(), number + 1, 1);
            }
        }
        times
    }

    #[test]
    fn what_a_stranger_has_is_seldom_asked_for() {
        let beside = |rate: &mut Rate, fit, next| rate.refused_beside_others(fit, 1, next);
        let alone = |rate: &mut Rate, fit, next| rate.refused(fit, 1, next);
        assert!((3..=12).contains(&overrun(100, 80, 300, beside)));
        for limit in [2, 3, 10, 50, 1_000] {
            let seldom = overrun(limit, limit / 2, 2_000, beside);
            let often = overrun(limit, limit / 2, 2_000, alone);
            assert!(seldom <= often, "{limit}: {seldom}, {often}");
        }
    }

    #[test]
    fn parts_become_alike() {
        let mut parts = [cut(100, 85), cut(100, 10), cut(100, 5)];
        windows(&mut parts, 100, 2_000);
        let limits = parts.each_ref().map(Rate::limit);
        assert!(limits.iter().all(|it| (15..=55).contains(it)), "{limits:?}");
    }
}
