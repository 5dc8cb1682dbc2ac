use std::time::Duration;

use tokio::time::Instant;

use super::{JobBegan, Spacing};

/// When one job was asked after, and when it may be again. Pure: time and
/// chance come in as arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    began: Instant,
    last: Option<Instant>,
    due: Instant,
    /// From then on, whoever keeps to a schedule of its own may ask.
    soonest: Instant,
}

impl Schedule {
    /// A job that is met for the first time. If nobody says when it began, it
    /// may be over already: it is asked after at once, and taken to be as old
    /// as others are then.
    pub(super) fn new(
        now: Instant,
        began: Option<JobBegan>,
        spacing: &Spacing,
        draw: impl FnOnce() -> f64,
    ) -> Self {
        let Some(began) = began else {
            return Self {
                began: now.checked_sub(spacing.first()).unwrap_or(now),
                last: None,
                due: now,
                soonest: now,
            };
        };
        Self {
            began: began.at().min(now),
            last: None,
            due: later(began.at().min(now), spacing.first_wait(draw())),
            soonest: now,
        }
    }

    /// Takes the turn for a poll, and tells how long it is to the next; or
    /// tells when it will be.
    pub(super) fn claim(
        &mut self,
        now: Instant,
        is_on_time: bool,
        spacing: &Spacing,
        draw: impl FnOnce() -> f64,
    ) -> Result<Duration, Instant> {
        let due = if is_on_time { self.soonest } else { self.due };
        if now < due {
            return Err(due);
        }
        self.last = Some(now);
        let age = now.saturating_duration_since(self.began);
        let wait = spacing.wait(age, draw());
        self.due = later(now, wait);
        // Its own wait has other chance in it, and began a little earlier.
        let least = spacing.wait(age, 0.0);
        self.soonest = later(now, (least - least / 8).max(spacing.min()));
        Ok(wait)
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Not before `instant`.
    pub(super) fn put_off(&mut self, instant: Instant) {
        self.due = self.due.max(instant);
    }
}

/// What is beyond the clock is some thirty years away, as for tokio.
pub(super) fn later(from: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    from.checked_add(wait.min(FAR)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spacing() -> Spacing {
        let spacing = Spacing::between(Duration::from_secs(4), Duration::from_secs(300));
        spacing.unwrap().with_first(Duration::from_secs(20))
    }

    #[test]
    fn a_job_of_unknown_age_is_asked_after_at_once() {
        let now = Instant::now() + Duration::from_secs(1_000);
        let spacing = spacing().with_first(Duration::from_secs(110));
        let mut schedule = Schedule::new(now, None, &spacing, || 0.5);
        assert!(schedule.claim(now, false, &spacing, || 0.0).is_ok());
        // As if it were 110 seconds old: a fifth, less the chance and the reserve.
        let due = now + Duration::from_secs(16);
        assert_eq!(schedule.claim(now, false, &spacing, || 0.0), Err(due));
    }

    #[test]
    fn many_that_keep_to_schedules_of_their_own_ask_no_more_often() {
        let start = Instant::now();
        let began = Some(JobBegan::at_instant(start));
        let mut schedule = Schedule::new(start, began, &spacing(), || 0.0);
        // Ten followers, each a tenth of a second after the other, for 5 minutes.
        let polls = (200..3_000_u64).filter(|tenths| {
            let now = start + Duration::from_millis(100 * tenths);
            schedule.claim(now, true, &spacing(), || 0.0).is_ok()
        });
        // From 20 s to 300 s by an eighth of the age each: ln 15 / ln 1.127.
        let polls = polls.count();
        assert!((15..=24).contains(&polls), "{polls}");
    }

    #[test]
    fn a_job_that_has_just_begun_is_given_its_first_wait() {
        let now = Instant::now();
        let began = Some(JobBegan::at_instant(now));
        let mut schedule = Schedule::new(now, began, &spacing(), || 0.0);
        let due = now + Duration::from_secs(20);
        assert_eq!(schedule.claim(now, false, &spacing(), || 0.0), Err(due));
        assert!(schedule.claim(due, false, &spacing(), || 0.0).is_ok());
    }

    proptest! {
        #[test]
        fn two_polls_are_never_closer_than_the_least_wait(
            steps in prop::collection::vec((0u64..20_000, any::<bool>(), 0.0..1.0), 1..200),
        ) {
            let mut now = Instant::now();
            let mut schedule = Schedule::new(now, None, &spacing(), || 0.0);
            let mut last: Option<Instant> = None;
            for (millis, on_time, draw) in steps {
                now += Duration::from_millis(millis);
                if schedule.claim(now, on_time, &spacing(), || draw).is_ok() {
                    prop_assert!(last.is_none_or(|last| now - last >= spacing().min()));
                    last = Some(now);
                }
            }
        }

        #[test]
        fn time_that_goes_backwards_is_no_harm(back in 0u64..100_000, draw in 0.0..1.0) {
            let now = Instant::now() + Duration::from_secs(200_000);
            let began = Some(JobBegan::at_instant(now + Duration::from_secs(back)));
            let mut schedule = Schedule::new(now, began, &spacing(), || draw);
            prop_assert!(schedule.due() <= now + Duration::from_secs(25));
            let _ = schedule.claim(now - Duration::from_secs(back), false, &spacing(), || draw);
            prop_assert!(schedule.due() <= now + Duration::from_secs(100));
        }
    }
}
