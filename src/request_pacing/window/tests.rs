//! Requests go as soon as there is room, and are answered in any order.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{count::Count, limit::STEPS, *};
use crate::request_pacing::{
    Quota,
    tick::{Now, Origin},
};

const DAY: Duration = Duration::from_secs(86_400);

/// One window, and what is in flight.
struct Line {
    windows: Windows,
    in_flight: InFlight,
    origin: Origin,
    midnight: Instant,
    now: Instant,
    /// Of each the answer and the arrival that it tells.
    flights: Vec<(Instant, Instant)>,
}

impl Line {
    fn new(quota: &Quota, to_midnight: Duration) -> Self {
        let now = Instant::now();
        Self {
            windows: Windows::new(Some(Arc::new(Plan::new(quota)))),
            in_flight: InFlight::default(),
            origin: Origin::new(now, now + to_midnight),
            midnight: now + to_midnight,
            now,
            flights: Vec::new(),
        }
    }

    fn at(&self, instant: Instant) -> Now {
        self.origin.at(instant)
    }

    fn room(&mut self) -> u32 {
        let now = self.at(self.now);
        self.windows.room(self.in_flight, now)
    }

    fn send(&mut self, answer: Instant, tells: Instant) {
        let now = self.at(self.now);
        self.windows.take(1, self.in_flight.all, now);
        self.in_flight.all += 1;
        self.in_flight.awaited += 1;
        self.flights.push((answer, tells));
    }

    /// Answers what is due.
    fn answer(&mut self) {
        self.flights.sort_unstable();
        while self.flights.first().is_some_and(|(at, _)| *at <= self.now) {
            let (answer, tells) = self.flights.remove(0);
            let latest = self.at(answer);
            let arrived = Arrived {
                requests: 1,
                probably: Some(self.at(tells).tick),
                latest: latest.tick,
                in_flight: self.in_flight.all,
            };
            self.in_flight.all -= 1;
            self.in_flight.awaited -= 1;
            self.windows.arrived(&arrived, latest);
        }
    }

    fn wait_for_room(&mut self) {
        loop {
            self.answer();
            if self.room() > 0 {
                return;
            }
            let now = self.at(self.now);
            let free = self.windows.open_at(1, self.in_flight, now, None);
            let free = free.map(|tick| now.instant_of(tick));
            let answer = self.flights.first().map(|(at, _)| *at);
            let next = free.into_iter().chain(answer).min();
            self.now = next.expect("there is room or an answer some time");
        }
    }
}

fn most_in_any(length: Duration, arrivals: &[Instant]) -> u32 {
    let inside = arrivals.iter().map(|last| {
        let inside = arrivals
            .iter()
            .filter(|at| *at <= last && **at + length > *last);
        inside.count() as u32
    });
    inside.max().unwrap_or(0)
}

proptest! {
    /// The arrival is told exactly, as it is with a share of 1.
    #[test]
    fn no_stretch_of_a_short_window_holds_more_than_the_limit(
        limit in prop_oneof![1_u32..12, STEPS - 1..STEPS + 3],
        trips in prop::collection::vec((0_u64..3_000, 0_u64..300), 1..150),
    ) {
        let length = Duration::from_millis(1_000);
        let mut line = Line::new(&Quota::requests_in_any(limit, length), DAY / 2);
        let mut arrivals = Vec::new();
        for (trip, gap) in trips {
            line.now += Duration::from_millis(gap);
            line.wait_for_room();
            let answer = line.now + Duration::from_millis(trip);
            line.send(answer, answer);
            arrivals.push(answer);
        }
        prop_assert!(most_in_any(length, &arrivals) <= limit);
    }

    /// Wherever between its sending and its answer a request arrives.
    #[test]
    fn a_long_window_is_never_overrun(
        limit in 1_u32..12,
        trips in prop::collection::vec((0_u64..90_000, 0_u64..9_000, 0.0..=1.0), 1..150),
    ) {
        let length = Duration::from_secs(60);
        let mut line = Line::new(&Quota::requests_in_any(limit, length), DAY / 2);
        let mut arrivals = Vec::new();
        for (trip, gap, share) in trips {
            line.now += Duration::from_millis(gap);
            line.wait_for_room();
            let trip = Duration::from_millis(trip);
            line.send(line.now + trip, line.now);
            arrivals.push(line.now + trip.mul_f64(share));
        }
        prop_assert!(most_in_any(length, &arrivals) <= limit);
    }

    /// Whatever the trips take, and with a server's clock that is off by less
    /// than the margin.
    #[test]
    fn no_day_is_overrun(
        limit in 1_u32..12,
        trips in prop::collection::vec((0_u64..100_000, 0_u64..20_000, 0.0..=1.0), 1..150),
        skew in 0_u64..119,
    ) {
        let mut line = Line::new(&Quota::requests_per_day_utc(limit), DAY / 2);
        let server = line.midnight - Duration::from_secs(60) + Duration::from_secs(skew + 1);
        let start = line.now;
        let mut arrivals = Vec::new();
        for (trip, gap, share) in trips {
            line.now += Duration::from_secs(gap);
            line.answer();
            if line.room() > 0 {
                let trip = Duration::from_secs(trip);
                line.send(line.now + trip, line.now);
                arrivals.push(line.now + trip.mul_f64(share));
            }
        }
        let past = server.duration_since(start);
        let day = |at: &Instant| (at.duration_since(start) + DAY * 2 - past).as_secs() / DAY.as_secs();
        for last in &arrivals {
            let inside = arrivals.iter().filter(|at| day(at) == day(last));
            prop_assert!(inside.count() as u32 <= limit);
        }
    }
}

#[test]
fn a_lowered_limit_leaves_no_room_until_it_is_kept() {
    let mut line = Line::new(&Quota::requests_per_second(3), DAY / 2);
    (0..3).for_each(|_| line.send(line.now, line.now));
    line.answer();
    let lower = Plan::new(&Quota::requests_per_second(1));
    line.windows.set_plan(Some(Arc::new(lower)), line.in_flight);
    assert_eq!(line.room(), 0);
    line.now += Duration::from_secs(1);
    assert_eq!(line.room(), 1);
}

#[test]
fn a_full_day_opens_after_midnight() {
    let hour = Duration::from_secs(3_600);
    let mut line = Line::new(&Quota::requests_per_day_utc(2), hour);
    assert_eq!(line.room(), 2);
    (0..2).for_each(|_| line.send(line.now, line.now));
    line.answer();
    let (now, midnight) = (line.at(line.now), line.midnight);
    line.now = midnight;
    assert_eq!(line.room(), 0);
    let opens = line.windows.open_at(1, line.in_flight, now, None).unwrap();
    line.now = now.instant_of(opens);
    assert_eq!(
        (line.now, line.room()),
        (midnight + Duration::from_secs(60), 2)
    );
}

#[test]
fn what_crosses_midnight_counts_in_both_days() {
    let hour = Duration::from_secs(3_600);
    let mut line = Line::new(&Quota::requests_per_day_utc(2), hour);
    let after = line.midnight + Duration::from_secs(60);
    assert_eq!(line.room(), 2);
    line.send(after, after);
    line.now = after;
    assert_eq!(line.room(), 1);
    line.answer();
    assert_eq!(line.room(), 1);
}

#[test]
fn a_count_is_small() {
    assert_eq!(size_of::<Count>(), 16);
    assert_eq!(size_of::<Windows>(), 40);
}

/// However many requests it admits.
#[test]
fn a_log_is_short() {
    for quota in [
        Quota::requests_per_second(1_000_000),
        Quota::requests_per_minute(1_000_000),
    ] {
        let mut line = Line::new(&quota, DAY / 2);
        for _ in 0..100_000 {
            line.now += Duration::from_micros(700);
            line.wait_for_room();
            line.send(line.now, line.now);
        }
        line.answer();
        assert!(line.windows.longest_log() <= STEPS as usize + 2);
    }
}
