//! The arithmetic of exponential backoff.

use std::time::Duration;

/// `base` doubled so many `times`, no more than `cap`.
pub(crate) fn step(base: Duration, cap: Duration, times: u32) -> Duration {
    let factor = 1u128.checked_shl(times).unwrap_or(u128::MAX);
    let nanos = base.as_nanos().saturating_mul(factor);
    if nanos >= cap.as_nanos() {
        return cap;
    }
    // Below the cap, so this fits: the cap does.
    let secs = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(secs, (nanos % 1_000_000_000) as u32)
}

/// The part of `range` that `draw`, in `0.0..1.0`, points at.
pub(crate) fn spread(range: Duration, draw: f64) -> Duration {
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

    #[test]
    fn the_step_doubles_up_to_the_cap() {
        let (base, cap) = (Duration::from_secs(1), Duration::from_secs(64));
        let steps: Vec<_> = (0..9)
            .map(|times| step(base, cap, times).as_secs())
            .collect();
        assert_eq!(steps, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_tiny_base_doubles_beyond_sixty_four_bits_of_nanoseconds() {
        let tiny = |times| step(Duration::from_nanos(1), Duration::MAX, times);
        assert_eq!(tiny(70).as_nanos(), 1 << 70);
        assert_eq!(tiny(127), Duration::MAX);
        assert_eq!(tiny(u32::MAX), Duration::MAX);
    }

    proptest! {
        #[test]
        fn any_float_is_taken_for_a_draw(secs: u64, nanos in 0..1_000_000_000u32, small in 0..64u32, draw: f64) {
            let range = Duration::new(secs >> small, nanos);
            prop_assert!(spread(range, draw) <= range);
        }
    }
}
