use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Microseconds since the simulator was built.
pub(super) type Micros = u64;

pub(super) const SECOND: Micros = 1_000_000;
pub(super) const MINUTE: Micros = 60 * SECOND;
pub(super) const DAY: Micros = 86_400 * SECOND;

/// Tokio's clock, and the date that the simulator believes it to show.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    origin: Instant,
    start: Micros,
}

impl Clock {
    pub(super) fn starting_at(start: SystemTime) -> Self {
        let unix = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            origin: Instant::now(),
            start: micros(unix),
        }
    }

    pub(super) fn now(&self) -> Micros {
        micros(Instant::now().saturating_duration_since(self.origin))
    }

    pub(super) fn wall(&self, now: Micros) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.start.saturating_add(now))
    }

    /// The phase of the days: midnights are at `phase + k * DAY`.
    pub(super) fn midnight_phase(&self) -> Micros {
        (DAY - self.start % DAY) % DAY
    }

    /// The next 00:00 UTC.
    pub(super) fn midnight_after(&self, now: Micros) -> Micros {
        let today = self.start.saturating_add(now);
        now.saturating_add(DAY - today % DAY)
    }

    /// `YYYYMMDDhhmmss`, as request ids begin.
    pub(super) fn stamp(&self, now: Micros) -> String {
        let [year, month, day, hour, minute, second] = self.parts(now);
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }

    /// `YYYY-MM-DD hh:mm:ss`, as objects say when they were created.
    pub(super) fn date_time(&self, now: Micros) -> String {
        let [year, month, day, hour, minute, second] = self.parts(now);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    fn parts(&self, now: Micros) -> [u64; 6] {
        let seconds = self.start.saturating_add(now) / SECOND;
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
        [year, month, day, hour, minute, seconds % 60]
    }
}

pub(super) fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The civil date of a day since 1970-01-01 (Hinnant's algorithm).
pub(super) fn civil(day: u64) -> (u64, u64, u64) {
    let z = day + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// The day since 1970-01-01 of `YYYY-MM-DD`.
pub(super) fn day_of(date: &str) -> Option<u64> {
    let mut parts = date.get(..10)?.split('-').map(str::parse::<u64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
    (year / 400 * 146_097 + of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        // 2026-01-05T08:00:00Z
        Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_767_600_000))
    }

    #[test]
    fn the_stamp_is_the_date() {
        assert_eq!(clock().stamp(0), "20260105080000");
        assert_eq!(clock().stamp(16 * 3_600 * SECOND), "20260106000000");
        assert_eq!(clock().stamp(54 * DAY + 61 * SECOND), "20260228080101");
        assert_eq!(clock().stamp(55 * DAY), "20260301080000");
        assert_eq!(clock().date_time(SECOND), "2026-01-05 08:00:01");
    }

    #[test]
    fn midnight_is_utc_and_strictly_ahead() {
        let midnight = 16 * 3_600 * SECOND;
        assert_eq!(clock().midnight_after(0), midnight);
        assert_eq!(clock().midnight_after(midnight - 1), midnight);
        assert_eq!(clock().midnight_after(midnight), midnight + DAY);
        assert_eq!(clock().midnight_phase(), midnight);
    }

    #[test]
    fn dates_there_and_back() {
        for day in (0..60_000).step_by(13) {
            let (y, m, d) = civil(day);
            assert_eq!(day_of(&format!("{y:04}-{m:02}-{d:02}")), Some(day));
        }
        assert_eq!(day_of("2026-13-01"), None);
        assert_eq!(day_of("soon"), None);
    }
}
