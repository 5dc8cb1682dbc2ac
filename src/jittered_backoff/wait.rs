use std::time::Duration;

use crate::exponential::spread;

/// No more than this is added to the server's wait by chance.
const MAX_JITTER_ABOVE_FLOOR: Duration = Duration::from_secs(30);

/// How long the server asks to stay away: the longest of what it said.
pub(super) fn floor(said: [Option<Duration>; 2]) -> Duration {
    said.into_iter().flatten().max().unwrap_or_default()
}

/// How long to wait: the backoff, or the server's `floor` with some jitter
/// above it, whichever is longer. Never below the floor, for everyone who was
/// told of it would otherwise return inside the closed window, or at once.
pub(super) fn delay(backoff: Duration, floor: Duration, draw: f64) -> Duration {
    let jitter = spread((floor / 2).min(MAX_JITTER_ABOVE_FLOOR), draw);
    backoff.max(floor.saturating_add(jitter))
}

/// A `delay` that leaves time within `left`: as it is if it does, or else
/// somewhere in the first half of what is left after the `floor`, as the
/// layers inside may let the request queue. `None` if the floor does not fit.
pub(super) fn fit(delay: Duration, floor: Duration, left: Duration, draw: f64) -> Option<Duration> {
    if delay < left {
        return Some(delay);
    }
    let room = left.checked_sub(floor).filter(|room| !room.is_zero())?;
    Some(floor + spread(room / 2, draw))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        (any::<u64>(), 0..1_000_000_000u32, 0..64u32)
            .prop_map(|(secs, nanos, small)| Duration::new(secs >> small, nanos))
    }

    #[test]
    fn the_longest_wait_the_server_named_is_the_floor() {
        assert_eq!(floor([None, None]), secs(0));
        assert_eq!(floor([Some(secs(2)), None]), secs(2));
        assert_eq!(floor([Some(secs(2)), Some(secs(300))]), secs(300));
    }

    #[test]
    fn jitter_goes_upwards_from_the_floor() {
        assert_eq!(delay(secs(1), secs(10), 0.0), secs(10));
        assert_eq!(delay(secs(1), secs(10), 0.5), Duration::from_millis(12_500));
        // No more than half a minute above it.
        assert_eq!(delay(secs(1), secs(300), 0.5), secs(315));
        // A longer backoff stands.
        assert_eq!(delay(secs(64), secs(10), 0.5), secs(64));
    }

    #[test]
    fn a_wait_shrinks_to_what_is_left() {
        assert_eq!(fit(secs(1), secs(0), secs(7), 0.5), Some(secs(1)));
        assert_eq!(fit(secs(8), secs(0), secs(8), 0.5), Some(secs(2)));
        assert_eq!(fit(secs(9), secs(4), secs(8), 0.5), Some(secs(5)));
        assert_eq!(fit(secs(9), secs(8), secs(8), 0.5), None);
        assert_eq!(fit(secs(0), secs(0), secs(0), 0.5), None);
    }

    proptest! {
        #[test]
        fn no_delay_undercuts_the_floor(
            backoff in any_duration(), floor in any_duration(), draw in 0.0..1.0f64,
        ) {
            let delay = delay(backoff, floor, draw);
            prop_assert!(delay >= floor);
            prop_assert!(delay >= backoff);
        }

        #[test]
        fn what_fits_ends_in_time_and_keeps_the_floor(
            backoff in any_duration(),
            floor in any_duration(),
            left in any_duration(),
            draw in 0.0..1.0f64,
        ) {
            match fit(delay(backoff, floor, draw), floor, left, draw) {
                Some(wait) => prop_assert!(wait < left && wait >= floor),
                None => prop_assert!(floor >= left),
            }
        }
    }
}
