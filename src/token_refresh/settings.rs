use std::time::Duration;

use tokio::time::Instant;

use crate::exponential::{spread, step};

/// The times that a token goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// How long before its end a token is refreshed.
    pub(super) ahead: Duration,
    /// How long a refresh may take.
    pub(super) timeout: Duration,
    /// The wait after a refresh that failed, doubled each time up to the cap.
    pub(super) backoff: Duration,
    pub(super) backoff_cap: Duration,
    /// How long a stop lasts.
    pub(super) stop: Duration,
}

impl Times {
    /// When to refresh a token that was got at `now`. `draw` is in `0.0..1.0`.
    pub(super) fn refresh_at(self, now: Instant, expires: Instant, draw: f64) -> Instant {
        let life = expires.saturating_duration_since(now);
        // A token that lives no longer than that would be refreshed for ever.
        let ahead = self.ahead.min(life / 2);
        // In the second half of it, or all processes would come at once.
        let early = ahead / 2 + spread(ahead / 2, draw);
        expires.checked_sub(early).unwrap_or(now)
    }

    /// When to try again after `failures` in a row. `None`: never.
    pub(super) fn retry_at(self, now: Instant, failures: u32, draw: f64) -> Option<Instant> {
        let half = step(self.backoff, self.backoff_cap, failures.saturating_sub(1)) / 2;
        now.checked_add(half.saturating_add(spread(half, draw)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(ahead: Duration, backoff: Duration, backoff_cap: Duration) -> Times {
        Times {
            ahead,
            backoff,
            backoff_cap,
            timeout: Duration::from_secs(60),
            stop: Duration::from_secs(300),
        }
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        (any::<u64>(), 0..1_000_000_000_u32, 0..64_u32)
            .prop_map(|(secs, nanos, small)| Duration::new(secs >> small, nanos))
    }

    proptest! {
        #[test]
        fn a_token_is_refreshed_in_the_second_half_of_its_life_and_before_its_end(
            ahead in any_duration(), life in 1..1_000_000_u64, draw in 0.0..1.0_f64,
        ) {
            let now = Instant::now();
            let life = Duration::from_secs(life);
            let at = times(ahead, life, life).refresh_at(now, now + life, draw);
            prop_assert!(at >= now + life / 2 && at <= now + life);
        }

        #[test]
        fn the_wait_after_a_failure_grows_and_has_a_cap(
            backoff in 1..1_000_u64, more in 0..1_000_u64, failures: u32, draw in 0.0..1.0_f64,
        ) {
            let now = Instant::now();
            let (backoff, cap) = (Duration::from_secs(backoff), Duration::from_secs(backoff + more));
            let times = times(cap, backoff, cap);
            let wait = |failures| times.retry_at(now, failures, draw).unwrap() - now;
            prop_assert!(wait(failures) >= backoff / 2 && wait(failures) <= cap);
            prop_assert!(wait(failures) <= wait(failures.saturating_add(1)));
        }

        #[test]
        fn no_setting_makes_it_panic(
            ahead in any_duration(), backoff in any_duration(), cap in any_duration(),
            failures: u32, draw: f64,
        ) {
            let now = Instant::now();
            let times = times(ahead, backoff, cap);
            let _ = times.retry_at(now, failures, draw);
            prop_assert!(times.refresh_at(now, now, draw) <= now);
        }
    }
}
