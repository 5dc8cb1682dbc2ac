use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Into how many steps a window is parted: so many entries it has at most.
const STEPS: u32 = 1_024;

/// A window of a minute or more, which must never be overrun.
///
/// A request counts from the moment it is sent until one window after its
/// answer. It arrived at some time between the two, so it leaves this count
/// no sooner than it leaves the server's.
#[derive(Debug)]
pub(in crate::request_pacing) struct Trailing {
    limit: u32,
    length: Duration,
    in_flight: u32,
    answered: u32,
    /// Answers, merged into steps and dated at the step's end: safe, and no
    /// larger with a larger limit.
    steps: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    end: Instant,
    answers: u32,
}

impl Trailing {
    pub(super) fn new(limit: u32, length: Duration) -> Self {
        Self {
            limit,
            length,
            in_flight: 0,
            answered: 0,
            steps: VecDeque::new(),
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

    pub(super) fn room(&mut self, now: Instant) -> u32 {
        while let Some(step) = self.steps.front()
            && step.end + self.length <= now
        {
            self.answered -= step.answers;
            self.steps.pop_front();
        }
        self.limit.saturating_sub(self.used())
    }

    pub(super) fn used(&self) -> u32 {
        self.in_flight.saturating_add(self.answered)
    }

    /// When there is more room, if no answer brings it sooner.
    pub(super) fn next_free(&self) -> Option<Instant> {
        self.steps.front().map(|step| step.end + self.length)
    }

    pub(super) fn take(&mut self) {
        self.in_flight += 1;
    }

    /// The last instant at which it can have arrived. Never goes back.
    pub(super) fn answered(&mut self, at: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answered += 1;
        match self.steps.back_mut() {
            Some(step) if at <= step.end => step.answers += 1,
            _ => self.steps.push_back(Step {
                end: at + self.length / STEPS,
                answers: 1,
            }),
        }
    }

    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever between its sending and its answer a request arrives.
        #[test]
        fn it_is_never_overrun(
            limit in 1_u32..12,
            trips in prop::collection::vec((0_u64..90_000, 0_u64..9_000, 0.0..=1.0), 1..150),
        ) {
            let length = Duration::from_secs(60);
            let mut window = Trailing::new(limit, length);
            let mut now = Instant::now();
            let (mut answers, mut arrivals): (Vec<Instant>, Vec<Instant>) = Default::default();
            for (trip, gap, share) in trips {
                now += Duration::from_millis(gap);
                loop {
                    answers.sort_unstable();
                    while answers.first().is_some_and(|at| *at <= now) {
                        window.answered(answers.remove(0));
                    }
                    if window.room(now) > 0 {
                        break;
                    }
                    let next = window.next_free().into_iter().chain(answers.first().copied());
                    now = next.min().expect("there is room or an answer some time").max(now);
                }
                window.take();
                let trip = Duration::from_millis(trip);
                answers.push(now + trip);
                arrivals.push(now + trip.mul_f64(share));
            }
            for last in &arrivals {
                let inside = arrivals.iter().filter(|at| *at <= last && **at + length > *last);
                prop_assert!(inside.count() as u32 <= limit);
            }
            prop_assert!(window.steps.len() <= STEPS as usize + 1);
        }
    }
}
