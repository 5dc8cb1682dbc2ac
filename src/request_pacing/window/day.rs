use std::time::Duration;

use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(86_400);

/// How far the server's midnight may be from ours. What may arrive that near
/// to it counts in both days.
const MARGIN: Duration = Duration::from_secs(60);

/// The calendar day, from one 00:00 UTC to the next.
#[derive(Debug)]
pub(in crate::request_pacing) struct Day {
    limit: u32,
    midnight: Instant,
    /// Whether midnight is near: what is sent counts in both days.
    near: bool,
    today: u32,
    tomorrow: u32,
    in_flight: u32,
}

impl Day {
    /// `midnight` is the next one.
    pub(super) fn new(limit: u32, midnight: Instant) -> Self {
        Self {
            limit,
            midnight,
            near: false,
            today: 0,
            tomorrow: 0,
            in_flight: 0,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(super) fn room(&mut self, now: Instant) -> u32 {
        self.turn(now);
        self.limit.saturating_sub(self.today.max(self.tomorrow))
    }

    pub(super) fn used(&self) -> u32 {
        self.today
    }

    /// When there is room, if there is none.
    pub(super) fn next_free(&self) -> Instant {
        self.midnight + MARGIN
    }

    pub(super) fn take(&mut self) {
        self.in_flight += 1;
        self.today += 1;
        if self.near {
            self.tomorrow += 1;
        }
    }

    pub(super) fn answered(&mut self, at: Instant) {
        self.turn(at);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // What is in flight is counted on whatever day it may arrive.
        self.today = self.today.saturating_sub(1);
        self.tomorrow = self.tomorrow.saturating_sub(1);
    }

    fn turn(&mut self, now: Instant) {
        loop {
            if !self.near && now + MARGIN >= self.midnight {
                self.near = true;
                self.tomorrow = self.in_flight;
            }
            if !self.near || now < self.midnight + MARGIN {
                return;
            }
            self.near = false;
            self.today = self.tomorrow;
            self.tomorrow = 0;
            self.midnight += DAY;
            // Idle for days: no need to turn each page.
            if self.in_flight == 0 && self.today == 0 {
                let days = now.saturating_duration_since(self.midnight).as_secs() / DAY.as_secs();
                self.midnight += DAY * u32::try_from(days).unwrap_or(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the trips take, and with a server's clock that is off by
        /// less than the margin.
        #[test]
        fn no_day_is_overrun(
            limit in 1_u32..12,
            trips in prop::collection::vec((0_u64..100_000, 0_u64..20_000, 0.0..=1.0), 1..150),
            skew in 0_u64..119,
        ) {
            let start = Instant::now() + DAY;
            let midnight = start + Duration::from_secs(40_000);
            let server = midnight - MARGIN + Duration::from_secs(skew + 1);
            let mut day = Day::new(limit, midnight);
            let (mut now, mut answers, mut arrivals) = (start, Vec::new(), Vec::new());
            for (trip, gap, share) in trips {
                now += Duration::from_secs(gap);
                answers.sort_unstable();
                while answers.first().is_some_and(|at| *at <= now) {
                    day.answered(answers.remove(0));
                }
                if day.room(now) > 0 {
                    day.take();
                    let trip = Duration::from_secs(trip);
                    answers.push(now + trip);
                    arrivals.push(now + trip.mul_f64(share));
                }
            }
            let days = |at: &Instant| (*at + DAY * 2 - (server - DAY)).as_secs() / DAY.as_secs();
            for last in &arrivals {
                let inside = arrivals.iter().filter(|at| days(at) == days(last));
                prop_assert!(inside.count() as u32 <= limit);
            }
        }
    }

    #[test]
    fn a_full_day_opens_after_midnight() {
        let now = Instant::now();
        let midnight = now + Duration::from_secs(3_600);
        let mut day = Day::new(2, midnight);
        (0..2).for_each(|_| day.take());
        (0..2).for_each(|_| day.answered(now));
        assert_eq!(day.room(midnight), 0);
        assert_eq!(day.next_free(), midnight + MARGIN);
        assert_eq!(day.room(midnight + MARGIN), 2);
    }

    #[test]
    fn what_crosses_midnight_counts_in_both_days() {
        let now = Instant::now();
        let midnight = now + Duration::from_secs(3_600);
        let mut day = Day::new(2, midnight);
        day.take();
        assert_eq!(day.room(midnight + MARGIN), 1);
        day.answered(midnight + MARGIN);
        assert_eq!(day.room(midnight + MARGIN), 1);
    }
}
