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
    run: Option<Run>,
}

/// Refusals that follow one another without a gap of a short window.
#[derive(Clone, Copy, Debug)]
struct Run {
    since: Duration,
    last: Duration,
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
    pub(super) fn new(settings: &Settings, now: Duration) -> Self {
        let ring = |span| {
            let mut ring = Ring::new(span);
            ring.turn_to(now);
            ring
        };
        Self {
            short: ring(settings.short),
            long: ring(settings.long),
            run: None,
        }
    }

    /// Counts an attempt.
    #[inline]
    pub(super) fn count(&mut self, throttled: bool, settings: &Settings, now: Duration) {
        self.short.turn_to(now);
        self.long.turn_to(now);
        self.short.count(throttled);
        self.long.count(throttled);
        if throttled {
            self.refused(settings, now);
        }
    }

    /// Notes a refusal without counting it: where counting begins with one, the
    /// share would be too high.
    pub(super) fn refused(&mut self, settings: &Settings, now: Duration) {
        let run = self.run.filter(|run| {
            let gap = now.saturating_sub(run.last);
            gap <= settings.short
        });
        self.run = Some(Run {
            since: run.map_or(now, |run| run.since),
            last: run.map_or(now, |run| run.last.max(now)),
        });
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

    /// When the refusals began, if they are more than a burst by now: they have
    /// come for half a short window, and their share is above the threshold in
    /// both. `both` is what there is to tell of.
    pub(super) fn sustained(&self, both: Both, settings: &Settings) -> Option<Duration> {
        let run = self.run?;
        let lasts = run.last.saturating_sub(run.since) >= settings.short / 2;
        let is_so =
            lasts && both.long.attempts >= settings.min_attempts && both.reach(settings.threshold);
        is_so.then_some(run.since)
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

    /// Ten attempts a second, of which `share` is refused, evenly. Returns when
    /// it was first sustained.
    fn run(watch: &mut Watch, from: u64, secs: u64, share: f64) -> Option<Duration> {
        let settings = settings();
        let mut found = None;
        let mut owed = 0.0;
        for tick in 0..secs * 10 {
            let now = Duration::from_secs(from) + Duration::from_millis(tick * 100);
            owed += share;
            let throttled = owed >= 1.0 - 1e-9;
            owed -= f64::from(u8::from(throttled));
            watch.count(throttled, &settings, now);
            let both = watch.both(now);
            if throttled && watch.sustained(both, &settings).is_some() {
                found = found.or(Some(now));
            }
        }
        found
    }

    fn watch() -> Watch {
        Watch::new(&settings(), Duration::ZERO)
    }

    #[test]
    fn a_burst_is_not_sustained_whatever_came_before() {
        assert_eq!(run(&mut watch(), 0, 10, 1.0), None);
        let mut watch = watch();
        assert_eq!(run(&mut watch, 0, 10, 1.0), None);
        assert_eq!(run(&mut watch, 10, 600, 0.0), None);
        assert_eq!(run(&mut watch, 610, 10, 1.0), None);
    }

    #[test]
    fn a_twentieth_is_sustained_within_a_short_window() {
        let found = run(&mut watch(), 0, 120, 0.05).unwrap();
        assert!(found <= Duration::from_secs(60), "{found:?}");
    }

    #[test]
    fn an_outage_after_good_times_is_sustained_within_a_short_window() {
        let mut watch = watch();
        run(&mut watch, 0, 1_200, 0.0);
        let found = run(&mut watch, 1_200, 120, 1.0).unwrap();
        assert!(found <= Duration::from_secs(1_260), "{found:?}");
    }

    #[test]
    fn a_few_attempts_tell_nothing() {
        let mut watch = watch();
        let settings = settings();
        for n in 0..19 {
            let now = Duration::from_secs(10 * n);
            watch.count(true, &settings, now);
            let both = watch.both(now);
            assert_eq!(watch.sustained(both, &settings), None);
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
                watch.count(throttled, &settings, now);
                let both = watch.both(now);
                let sustained = watch.sustained(both, &settings).is_some();
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
                watch.count(throttled, &settings, now);
            }
            now += settings.long + settings.long / 20;
            prop_assert!(watch.both(now).are_calm(&settings));
            prop_assert!(watch.is_quiet(now));
        }
    }
}
