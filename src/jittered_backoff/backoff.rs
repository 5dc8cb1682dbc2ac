use std::time::Duration;

use crate::exponential::{spread, step};

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
            Jitter::Full => (Duration::ZERO, step(self.base, self.cap, resend)),
            Jitter::Equal => {
                let step = step(self.base, self.cap, resend);
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
    }
}
