use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tokio::time::Instant;

/// A short window of n requests as n slots.
///
/// A request that is sent takes a slot, and holds it until its answer tells
/// when it arrived at the server; one window after that arrival the slot is
/// free again. So each slot's arrivals are a window apart, and no stretch of
/// one window holds more than n: neither as a sliding log counts, nor as fixed
/// windows of any phase do.
#[derive(Debug)]
pub(in crate::request_pacing) struct Slots {
    limit: u32,
    length: Duration,
    in_flight: u32,
    /// When the used slots are free again. Slots never used are not in it.
    free_at: BinaryHeap<Reverse<Instant>>,
}

impl Slots {
    pub(super) fn new(limit: u32, length: Duration) -> Self {
        Self {
            limit,
            length,
            in_flight: 0,
            free_at: BinaryHeap::new(),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Slots that are free now.
    pub(super) fn room(&mut self, now: Instant) -> u32 {
        while let Some(Reverse(free_at)) = self.free_at.peek()
            && *free_at <= now
        {
            self.free_at.pop();
        }
        self.limit.saturating_sub(self.used())
    }

    /// The requests that may be in the window.
    pub(super) fn used(&self) -> u32 {
        let waiting = u32::try_from(self.free_at.len()).unwrap_or(u32::MAX);
        self.in_flight.saturating_add(waiting)
    }

    /// When the next slot is free, if none is. `None`: when an answer comes.
    pub(super) fn next_free(&self) -> Option<Instant> {
        // Where the limit was lowered, more than one must come free.
        self.free_at.peek().map(|Reverse(free_at)| *free_at)
    }

    pub(super) fn take(&mut self) {
        self.in_flight += 1;
    }

    /// The request that held a slot arrived at `arrival`.
    pub(super) fn arrived(&mut self, arrival: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.free_at.push(Reverse(arrival + self.length));
    }

    /// The request that held a slot was not sent.
    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Requests go as soon as there is room and are answered in any order;
        /// the arrival is told exactly, as it is with a share of 1.
        #[test]
        fn no_stretch_of_one_window_holds_more_than_the_limit(
            limit in 1_u32..12,
            trips in prop::collection::vec((0_u64..3_000, 0_u64..300), 1..150),
        ) {
            let start = Instant::now();
            let length = Duration::from_millis(1_000);
            let mut slots = Slots::new(limit, length);
            let (mut now, mut answers, mut arrivals) = (start, Vec::new(), Vec::new());
            for (trip, gap) in trips {
                now += Duration::from_millis(gap);
                loop {
                    answers.sort_unstable();
                    while answers.first().is_some_and(|at| *at <= now) {
                        slots.arrived(answers.remove(0));
                    }
                    if slots.room(now) > 0 {
                        break;
                    }
                    let next = slots.next_free().into_iter().chain(answers.first().copied());
                    now = next.min().expect("a slot comes free or an answer comes").max(now);
                }
                slots.take();
                let answer = now + Duration::from_millis(trip);
                answers.push(answer);
                arrivals.push(answer);
            }
            for last in &arrivals {
                let inside = arrivals.iter().filter(|at| *at <= last && **at + length > *last);
                prop_assert!(inside.count() as u32 <= limit);
            }
        }
    }

    #[test]
    fn a_lowered_limit_leaves_no_room_until_it_is_kept() {
        let now = Instant::now();
        let mut slots = Slots::new(3, Duration::from_secs(1));
        (0..3).for_each(|_| slots.take());
        (0..3).for_each(|_| slots.arrived(now));
        slots.set_limit(1);
        assert_eq!(slots.room(now), 0);
        assert_eq!(slots.room(now + Duration::from_secs(1)), 1);
    }
}
