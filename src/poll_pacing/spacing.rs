use std::{fmt, time::Duration};

/// By how much chance may lengthen a wait, in percent.
const JITTER: u32 = 10;

/// How much of what is granted of the age a wait takes at most, in percent. Of
/// the rest, a poll may stand back for half; half is for its way to the server.
const WAIT: u32 = 80;

/// How the polls of one job are spaced: a first wait, and then waits that grow
/// with the age of the job, so that an old job is asked after seldom and a
/// young one is not kept waiting.
///
/// Each wait has chance in it, never below what was set, so that jobs begun
/// together are not asked after together.
///
/// The end of a job whose beginning is known ([`JobBegan`](super::JobBegan)) is
/// noticed late by its [growth](Self::with_growth) at worst, if it takes longer
/// than its first wait, and if that is seven times `min` or more (with the
/// default growth of a fifth; fourteen times with a tenth). And if the server's
/// quota has room: a fifth takes some ten
/// polls while a job grows four times as old as at its first. Where polls alone
/// fill the quota, or a short job's poll waits for its next second, it is
/// later.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::poll_pacing::Spacing;
///
/// let spacing = Spacing::between(Duration::from_secs(5), Duration::from_secs(300))?
///     .with_first(Duration::from_secs(30));
/// assert_eq!(spacing.first(), Duration::from_secs(30));
/// # Ok::<(), tower_tiktok::poll_pacing::InvalidSpacing>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spacing {
    first: Duration,
    min: Duration,
    max: Duration,
    growth: u32,
}

/// The bounds of a [`Spacing`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSpacing {
    /// The least wait is zero, so a job could be asked after without end.
    ZeroMin,
    /// The least wait is above the greatest.
    MinAboveMax,
}

impl Spacing {
    /// Waits between `min` and `max`. The first wait is `min`, and a wait
    /// grows to a sixth of the age that the job has reached.
    ///
    /// A smaller `min` notices the end of a short job sooner, and a smaller
    /// `max` that of a long one; both cost polls.
    ///
    /// # Errors
    /// If `min` is zero or above `max`.
    pub const fn between(min: Duration, max: Duration) -> Result<Self, InvalidSpacing> {
        if min.is_zero() {
            return Err(InvalidSpacing::ZeroMin);
        }
        if min.as_nanos() > max.as_nanos() {
            return Err(InvalidSpacing::MinAboveMax);
        }
        Ok(Self {
            first: min,
            min,
            max,
            growth: 20,
        })
    }

    /// Sets how old a job is at its first poll, where its beginning is known.
    /// A longer one spares polls that come to nothing, a shorter one notices
    /// a job that ends at once.
    #[must_use]
    pub const fn with_first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// Sets how late the end of a job may be noticed, in percent of the job's
    /// own time. The default is 20: a fifth at worst, and less than a tenth on
    /// average. A wait takes four fifths of that; the last fifth is for the
    /// way of the poll, and how long it stands back where requests queue. More
    /// spares polls.
    #[must_use]
    pub const fn with_growth(mut self, percent: u32) -> Self {
        self.growth = percent;
        self
    }

    /// How old a job is at its first poll, where its beginning is known.
    #[must_use]
    pub const fn first(&self) -> Duration {
        self.first
    }

    /// The least wait between two polls.
    #[must_use]
    pub const fn min(&self) -> Duration {
        self.min
    }

    /// The greatest wait between two polls, but for the chance in it.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// How late the end of a job may be noticed, in percent of its own time.
    #[must_use]
    pub const fn growth(&self) -> u32 {
        self.growth
    }

    /// The first wait; `draw` is in `0.0..1.0`.
    pub(super) fn first_wait(&self, draw: f64) -> Duration {
        lengthened(self.first, draw)
    }

    /// The wait after a poll of a job of this age.
    pub(super) fn wait(&self, age: Duration, draw: f64) -> Duration {
        // The share is reached with all of the chance, so it is less without.
        let share = age.saturating_mul(self.growth) / 100;
        let grown = (share / (100 + JITTER)).saturating_mul(WAIT);
        lengthened(grown.clamp(self.min, self.max), draw)
    }

    /// How long a poll may stand back behind others if the next one comes
    /// after `wait`.
    pub(super) fn patience(wait: Duration) -> Duration {
        (wait / WAIT).saturating_mul((100 - WAIT) / 2)
    }
}

fn lengthened(wait: Duration, draw: f64) -> Duration {
    // In thousandths: no float can overflow a duration.
    let thousandths = (draw.clamp(0.0, 1.0) * f64::from(JITTER) * 10.0) as u32;
    let longer = (wait / 1_000).saturating_mul(thousandths);
    wait.saturating_add(longer)
}

impl fmt::Display for InvalidSpacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroMin => "the least wait between polls is zero",
            Self::MinAboveMax => "the least wait between polls is above the greatest",
        })
    }
}

impl std::error::Error for InvalidSpacing {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn senseless_bounds_are_refused() {
        let zero = Spacing::between(Duration::ZERO, secs(1));
        assert_eq!(zero, Err(InvalidSpacing::ZeroMin));
        let reversed = Spacing::between(secs(2), secs(1));
        assert_eq!(reversed, Err(InvalidSpacing::MinAboveMax));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_below_the_least(
            min in 1..u64::MAX, max in 1..u64::MAX, first: u64,
            age: u64, growth: u32, draw in -1.0..2.0,
        ) {
            let (min, max) = (min.min(max), min.max(max));
            let spacing = Spacing::between(secs(min), secs(max)).unwrap();
            let spacing = spacing.with_first(secs(first)).with_growth(growth);
            prop_assert!(spacing.wait(secs(age), draw) >= secs(min));
            prop_assert!(spacing.first_wait(draw) >= secs(first));
        }

        #[test]
        fn a_wait_is_at_most_its_share_of_the_age(age in 28u64..100_000, draw in 0.0..1.0) {
            let spacing = Spacing::between(secs(4), secs(1_000_000)).unwrap();
            let wait = spacing.wait(secs(age), draw);
            prop_assert!(wait + 2 * Spacing::patience(wait) <= secs(age) / 5);
        }
    }
}
