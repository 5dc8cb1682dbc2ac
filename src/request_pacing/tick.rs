use std::time::Duration;

use tokio::time::Instant;

/// One day.
pub(super) const DAY: Ticks = Ticks(86_400 * 1_000_000_000);

/// An instant in half the room: nanoseconds since a 00:00 UTC. There is one
/// for each request in a window, and for each scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(u64);

/// The time between two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticks(u64);

/// What the time is, read once for all that is done in one go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) tick: Tick,
    /// The same, but for what the clock was set ahead or back since the origin.
    pub(super) utc: Tick,
}

/// From where ticks are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    instant: Instant,
    tick: Tick,
}

// ===== impl Tick =====

impl Tick {
    /// No instant: later than all.
    pub(super) const NEVER: Self = Self(u64::MAX);

    /// The 00:00 UTC that ends the day of this number.
    pub(super) fn end_of_day(day: u32) -> Self {
        Self(DAY.0.saturating_mul(u64::from(day) + 1))
    }

    /// The number of its day.
    pub(super) fn day(self) -> u32 {
        u32::try_from(self.0 / DAY.0).unwrap_or(u32::MAX)
    }

    pub(super) fn since(self, earlier: Self) -> Ticks {
        Ticks(self.0.saturating_sub(earlier.0))
    }

    #[must_use]
    pub(super) fn plus(self, time: Ticks) -> Self {
        Self(self.0.saturating_add(time.0))
    }
}

// ===== impl Ticks =====

impl Ticks {
    /// A part of it, to the next whole one.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and a microsecond in a year does not matter"
    )]
    pub(super) fn mul_f64(self, share: f64) -> Self {
        Self((self.0.cast_signed() as f64 * share + 0.5) as i64 as u64)
    }

    pub(super) fn nanos(self) -> u64 {
        self.0
    }

    #[must_use]
    pub(super) fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    #[must_use]
    pub(super) fn div(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }
}

impl From<Duration> for Ticks {
    fn from(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(u64::from(time.subsec_nanos())))
    }
}

impl From<Ticks> for Duration {
    fn from(time: Ticks) -> Self {
        Self::from_nanos(time.0)
    }
}

// ===== impl Origin =====

impl Origin {
    /// `midnight` is the next 00:00 UTC.
    pub(super) fn new(instant: Instant, midnight: Instant) -> Self {
        let left = midnight.saturating_duration_since(instant).into();
        let tick = Tick(DAY.0).since(Tick(0).plus(left));
        Self {
            instant,
            tick: Tick(tick.0),
        }
    }

    pub(super) fn tick(&self) -> Tick {
        self.tick
    }

    /// Of an instant that is not before the origin.
    #[inline]
    pub(super) fn at(&self, instant: Instant) -> Now {
        let since = instant.saturating_duration_since(self.instant);
        let tick = self.tick.plus(since.into());
        Now {
            instant,
            tick,
            utc: tick,
        }
    }
}

// ===== impl Now =====

impl Now {
    /// While the clock is so many nanoseconds ahead of what it was.
    #[inline]
    pub(super) fn ahead(mut self, nanos: i64) -> Self {
        self.utc = Tick(self.tick.0.saturating_add_signed(nanos));
        self
    }

    /// When the clock shows `utc`, if it is not set again; now, if it did.
    pub(super) fn tick_of(&self, utc: Tick) -> Tick {
        self.tick.plus(utc.since(self.utc))
    }

    /// What the clock shows at a tick to come.
    pub(super) fn utc_of(&self, tick: Tick) -> Tick {
        self.utc.plus(tick.since(self.tick))
    }

    /// An instant to come; one that is past is now.
    pub(super) fn instant_of(&self, tick: Tick) -> Instant {
        self.instant + tick.since(self.tick).into()
    }

    /// An instant that is past; one to come is now.
    pub(super) fn past(&self, tick: Tick) -> Instant {
        let ago = self.tick.since(tick).into();
        self.instant.checked_sub(ago).unwrap_or(self.instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_the_instant_again() {
        let start = Instant::now();
        let origin = Origin::new(start, start + Duration::from_secs(3_600));
        for (seconds, day) in [(0, 0), (3_599, 0), (3_600, 1), (90_001, 2)] {
            let now = origin.at(start + Duration::from_secs(seconds));
            assert_eq!(now.tick.day(), day);
            let later = now.instant + Duration::from_nanos(1_234_567_891);
            assert_eq!(now.instant_of(origin.at(later).tick), later);
        }
    }

    #[test]
    fn a_part_is_rounded_as_a_duration_is() {
        let time = Duration::from_nanos(119_123_457);
        for share in [0.0, 0.03, 0.25, 0.5, 0.991] {
            let part = Ticks::from(time).mul_f64(share);
            assert_eq!(Duration::from(part), time.mul_f64(share));
        }
    }
}
