use std::time::Duration;

use super::{
    builder::Settings,
    ring::{Counts, Ring},
};

/// What happens in one scope, and whether that is sustained throttling. Times
/// are since any fixed instant.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    short: Ring,
    long: Ring,
    /// The refusal that began it, which is not counted.
    begun_by: Option<Duration>,
}

/// What the two windows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) short: Counts,
    pub(super) long: Counts,
}

// ===== impl Both =====

impl Both {
    pub(super) fn add(&mut self, more: Self) {
        self.short.add(more.short);
        self.long.add(more.long);
    }

    /// Those that are not in `others`.
    pub(super) fn without(self, others: Self) -> Self {
        Self {
            short: self.short.without(others.short),
            long: self.long.without(others.long),
        }
    }

    pub(super) fn reach(self, share: f64) -> bool {
        self.short.reach(share) && self.long.reach(share)
    }

    /// Whether so little is refused that an alert is over. Nothing can be told
    /// of few attempts, so they keep none up.
    pub(super) fn are_calm(self, settings: &Settings) -> bool {
        let few = self.long.attempts < settings.min_attempts;
        let calm = |counts: Counts| !counts.reach(settings.clear_below);
        calm(self.short) && (few || calm(self.long))
    }
}

// ===== impl Watch =====

impl Watch {
    /// Counts from `now` on. If that is a refusal, it is left out: the share would
    /// be too high.
    pub(super) fn new(settings: &Settings, now: Duration, refused: bool) -> Self {
        let ring = |span| {
            let mut ring = Ring::new(span);
            ring.turn_to(now);
            ring
        };
        Self {
            short: ring(settings.short),
            long: ring(settings.long),
            begun_by: refused.then_some(now),
        }
    }

    /// Counts an attempt.
    #[inline]
    pub(super) fn count(&mut self, throttled: bool, now: Duration) {
        self.short.turn_to(now);
        self.long.turn_to(now);
        self.short.count(throttled, now);
        self.long.count(throttled, now);
    }

    /// What the windows hold now.
    pub(super) fn both(&mut self, now: Duration) -> Both {
        self.short.turn_to(now);
        self.long.turn_to(now);
        Both {
            short: self.short.sum(),
            long: self.long.sum(),
        }
    }

    /// When the refusals began, if they are more than a burst by now: their
    /// share is above the threshold in both windows, and they have come for half
    /// a short one. `both` is what there is to tell of.
    pub(super) fn sustained(
        &self,
        both: Both,
        settings: &Settings,
        now: Duration,
    ) -> Option<Duration> {
        if both.long.attempts < settings.min_attempts || !both.reach(settings.threshold) {
            return None;
        }
        let begun_by = self.begun_by;
        let begun_by = begun_by.filter(|begun| now.saturating_sub(*begun) < settings.long);
        let since = self.long.excess_since(settings.clear_below, begun_by)?;
        let lasts = now.saturating_sub(since) >= settings.short / 2;
        lasts.then_some(since)
    }

    /// Whether there is nothing left to tell.
    pub(super) fn is_quiet(&mut self, now: Duration) -> bool {
        self.both(now).long.throttled == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> Settings {
        Settings::default()
    }

    /// So many attempts a second, of which `share` is refused, evenly. Returns
    /// when it was first sustained, and since when.
    fn run(watch: &mut Watch, rate: f64, secs: [u64; 2], share: f64) -> Option<[Duration; 2]> {
        let settings = settings();
        let [from, secs] = secs;
        let mut found = None;
        let mut owed = 0.0;
        for number in 0..(secs as f64 * rate) as u64 {
            let now = Duration::from_secs(from) + Duration::from_secs_f64(number as f64 / rate);
            owed += share;
            let throttled = owed >= 1.0 - 1e-9;
            owed -= f64::from(u8::from(throttled));
            watch.count(throttled, now);
            let both = watch.both(now);
            if throttled && let Some(since) = watch.sustained(both, &settings, now) {
                found = found.or(Some([now, since]));
            }
        }
        found
    }

    fn watch() -> Watch {
        Watch::new(&settings(), Duration::ZERO, false)
    }

    #[test]
    fn a_burst_is_not_sustained_whatever_came_before_and_wherever_it_falls() {
        for (begin, is_begun_by_one) in (0..60).flat_map(|at| [(at, false), (at, true)]) {
            let now = Duration::from_secs(begin);
            let mut watch = Watch::new(&settings(), now, is_begun_by_one);
            assert_eq!(run(&mut watch, 10.0, [begin, 10], 1.0), None);
            assert_eq!(run(&mut watch, 10.0, [begin + 10, 600], 0.0), None);
            assert_eq!(run(&mut watch, 10.0, [begin + 610, 10], 1.0), None);
        }
    }

    /// The table in the documentation, at rates that differ by a thousand.
    #[test]
    fn alerts_come_as_soon_as_the_table_says() {
        let rows = include_str!("mod.rs").lines();
        let rows = rows.filter_map(|row| row.strip_prefix("//! | ")?.split_once(" % | "));
        let mut shares = Vec::new();
        for (share, times) in rows {
            let mut numbers = times.split(|it: char| !it.is_ascii_digit());
            let mut number = || numbers.find_map(|it| it.parse::<u64>().ok()).unwrap();
            let (cold, good) = (number(), number());
            let percent: f64 = share.parse().unwrap();
            shares.push(percent);
            for rate in [0.5, 5.0, 500.0] {
                let share = percent / 100.0;
                // Of so few, this many seconds hold no twenty.
                let cold = cold.max((20.0 / rate) as u64);
                let between = (1.0 / (share * rate)).ceil() as u64;
                for (before, latest) in [(0, cold), (1_200, good)] {
                    let mut watch = watch();
                    run(&mut watch, rate, [0, before], 0.0);
                    let found = run(&mut watch, rate, [before, 900], share).unwrap();
                    let [at, since] = found.map(|it| (it - Duration::from_secs(before)).as_secs());
                    let case = (percent, rate, before, at, since);
                    // From the first refusal, and at one.
                    assert!(at <= latest + 2 * between, "{case:?}");
                    // No sooner than it says, but for the slot that is forgotten whole.
                    assert!(at + 30 >= latest, "{case:?}");
                    assert!(since <= 2 * between, "{case:?}");
                }
            }
        }
        assert_eq!(shares, [100.0, 50.0, 20.0, 10.0, 5.0]);
    }

    #[test]
    fn a_twentieth_of_few_attempts_is_sustained_though_refusals_are_minutes_apart() {
        let mut watch = watch();
        let [at, _] = run(&mut watch, 0.05, [0, 3_600], 0.05).unwrap();
        assert!(at <= Duration::from_secs(1_600), "{at:?}");
    }

    #[test]
    fn a_few_attempts_tell_nothing() {
        let mut watch = watch();
        let settings = settings();
        for n in 0..19 {
            let now = Duration::from_secs(10 * n);
            watch.count(true, now);
            let both = watch.both(now);
            assert_eq!(watch.sustained(both, &settings, now), None);
        }
    }

    proptest! {
        /// What keeps an alert up raises none by itself, and what raises one does
        /// not clear it at once.
        #[test]
        fn nothing_is_sustained_and_calm_at_once(
            steps in proptest::collection::vec((0..30_000u64, any::<bool>()), 1..300),
        ) {
            let settings = settings();
            let (mut watch, mut now) = (watch(), Duration::ZERO);
            for (millis, throttled) in steps {
                now += Duration::from_millis(millis);
                watch.count(throttled, now);
                let both = watch.both(now);
                let sustained = watch.sustained(both, &settings, now).is_some();
                prop_assert!(!(sustained && both.are_calm(&settings)));
            }
        }

        #[test]
        fn when_nothing_comes_it_is_calm_within_a_long_window(
            steps in proptest::collection::vec((0..30_000u64, any::<bool>()), 1..300),
        ) {
            let settings = settings();
            let (mut watch, mut now) = (watch(), Duration::ZERO);
            for (millis, throttled) in steps {
                now += Duration::from_millis(millis);
                watch.count(throttled, now);
            }
            now += settings.long + settings.long / 20;
            prop_assert!(watch.both(now).are_calm(&settings));
            prop_assert!(watch.is_quiet(now));
        }
    }
}
