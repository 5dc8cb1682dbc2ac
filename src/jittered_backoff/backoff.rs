use std::time::Duration;

/// How chance spreads the waits between a request's attempts.
///
/// Whichever it is, the spread is as wide at the cap as below it, so clients
/// that failed together never return together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere between nothing and the exponential step. The gentlest on the
    /// server, and the default.
    #[default]
    Full,
    /// The second half of the exponential step. No wait is very short.
    Equal,
    /// Anywhere between the base and three times the wait before. Grows by
    /// chance, not by the number of the attempt.
    Decorrelated,
}

/// Exponential backoff: how long to wait before a resend that nobody told
/// how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) jitter: Jitter,
}

impl Backoff {
    /// The wait before resend number `resend` (0 for the first), where the
    /// wait before the last one was `previous`. `draw` is in `0.0..1.0`.
    pub(crate) fn wait(&self, resend: u32, previous: Option<Duration>, draw: f64) -> Duration {
        let (from, to) = match self.jitter {
            Jitter::Full => (Duration::ZERO, self.step(resend)),
            Jitter::Equal => {
                let step = self.step(resend);
                (step / 2, step)
            }
            // The cap bounds the range, not what is drawn from it: that would
            // heap most of the draws on the cap itself.
            Jitter::Decorrelated => {
                let previous = previous.unwrap_or(self.base);
                (self.base, previous.saturating_mul(3).min(self.cap))
            }
        };
        from.saturating_add(spread(to.saturating_sub(from), draw))
    }

    /// `base` doubled `resend` times, no more than `cap`.
    fn step(&self, resend: u32) -> Duration {
        let factor = 1u128.checked_shl(resend).unwrap_or(u128::MAX);
        let nanos = self.base.as_nanos().saturating_mul(factor);
        if nanos >= self.cap.as_nanos() {
            return self.cap;
        }
        // The base is at least a nanosecond, so this fits: the cap does.
        let secs = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(secs, (nanos % 1_000_000_000) as u32)
    }
}

/// The part of `range` that `draw`, in `0.0..1.0`, points at.
pub(super) fn spread(range: Duration, draw: f64) -> Duration {
    let drawn = range.as_secs_f64() * draw.clamp(0.0, 1.0);
    // Rounding may lift the product of a huge range above what it came from.
    Duration::try_from_secs_f64(drawn)
        .unwrap_or(range)
        .min(range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(64);

    fn backoff(jitter: Jitter) -> Backoff {
        Backoff {
            base: SECOND,
            cap: CAP,
            jitter,
        }
    }

    fn any_jitter() -> impl Strategy<Value = Jitter> {
        prop_oneof![
            Just(Jitter::Full),
            Just(Jitter::Equal),
            Just(Jitter::Decorrelated)
        ]
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        (any::<u64>(), 0..1_000_000_000u32, 0..64u32)
            .prop_map(|(secs, nanos, small)| Duration::new(secs >> small, nanos))
    }

    #[test]
    fn the_step_doubles_up_to_the_cap() {
        let steps: Vec<_> = (0..9)
            .map(|resend| backoff(Jitter::Full).step(resend).as_secs())
            .collect();
        assert_eq!(steps, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_tiny_base_doubles_beyond_sixty_four_bits_of_nanoseconds() {
        let tiny = Backoff {
            base: Duration::from_nanos(1),
            cap: Duration::MAX,
            jitter: Jitter::Full,
        };
        assert_eq!(tiny.step(70).as_nanos(), 1 << 70);
        assert_eq!(tiny.step(127), Duration::MAX);
        assert_eq!(tiny.step(u32::MAX), Duration::MAX);
    }

    #[test]
    fn jitter_does_not_vanish_at_the_cap() {
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
            let low = backoff(jitter).wait(50, Some(CAP), 0.0);
            let high = backoff(jitter).wait(50, Some(CAP), 0.999);
            assert!(high - low > CAP / 3, "{jitter:?}: {low:?} to {high:?}");
        }
    }

    #[test]
    fn each_jitter_spans_its_range() {
        let half = |jitter, previous| backoff(jitter).wait(2, previous, 0.5);
        assert_eq!(half(Jitter::Full, None), 2 * SECOND);
        assert_eq!(half(Jitter::Equal, None), 3 * SECOND);
        // Between 1 s and 3 s at first, then between 1 s and 30 s.
        assert_eq!(half(Jitter::Decorrelated, None), 2 * SECOND);
        assert_eq!(
            half(Jitter::Decorrelated, Some(10 * SECOND)),
            Duration::from_millis(15_500)
        );
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap(
            jitter in any_jitter(),
            base in any_duration(),
            more in any_duration(),
            previous in proptest::option::of(any_duration()),
            resend: u32,
            draw in 0.0..1.0f64,
        ) {
            let base = base.max(Duration::from_nanos(1));
            let cap = base.saturating_add(more);
            let wait = Backoff { base, cap, jitter }.wait(resend, previous, draw);
            prop_assert!(wait <= cap);
            match jitter {
                Jitter::Full => {}
                Jitter::Equal => prop_assert!(wait >= base / 2),
                Jitter::Decorrelated => prop_assert!(wait >= base),
            }
        }

        #[test]
        fn a_higher_draw_never_waits_less(
            jitter in any_jitter(), resend in 0..100u32, a in 0.0..1.0f64, b in 0.0..1.0f64,
        ) {
            let wait = |draw| backoff(jitter).wait(resend, Some(SECOND), draw);
            prop_assert!(wait(a.min(b)) <= wait(a.max(b)));
        }

        #[test]
        fn any_float_is_taken_for_a_draw(range in any_duration(), draw: f64) {
            prop_assert!(spread(range, draw) <= range);
        }
    }
}
