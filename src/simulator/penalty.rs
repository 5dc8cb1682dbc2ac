use std::collections::{HashMap, VecDeque};

use super::{
    clock::{MINUTE, Micros, SECOND},
    window::Window,
};

/// Timeouts within ten seconds, and the calls a second that are left for the
/// five minutes after. Only the worst that was reached counts.
const STEPS: [(usize, u64); 3] = [(30, 0), (20, 1), (10, 5)];
const LENGTH: Micros = 5 * MINUTE;

/// So many timeouts of the same report within that time block it for as long.
const SAME: usize = 3;
const BLOCK: Micros = 10 * MINUTE;

/// The penalty on reporting: who lets reports time out may ask for fewer.
#[derive(Clone, Debug)]
pub(super) struct Penalty {
    timeouts: VecDeque<Micros>,
    cap: Option<(u64, Micros)>,
    window: Window,
    /// By question: when it timed out, and until when it is blocked.
    questions: HashMap<u64, (VecDeque<Micros>, Micros)>,
}

impl Penalty {
    pub(super) fn new() -> Self {
        Self {
            timeouts: VecDeque::new(),
            cap: None,
            window: Window::fixed(SECOND, 0),
            questions: HashMap::new(),
        }
    }

    pub(super) fn timed_out(&mut self, question: u64, now: Micros) {
        self.note(question, now);
        self.timeouts.push_back(now);
        while self
            .timeouts
            .front()
            .is_some_and(|&at| now - at >= 10 * SECOND)
        {
            self.timeouts.pop_front();
        }
        let many = self.timeouts.len();
        if let Some(&(_, cap)) = STEPS.iter().find(|(timeouts, _)| many >= *timeouts) {
            let cap = self.cap_at(now).map_or(cap, |old| old.min(cap));
            self.cap = Some((cap, now.saturating_add(LENGTH)));
        }
    }

    fn note(&mut self, question: u64, now: Micros) {
        let (timeouts, blocked) = self.questions.entry(question).or_default();
        timeouts.push_back(now);
        timeouts.retain(|at| now - at < BLOCK);
        if timeouts.len() >= SAME {
            *blocked = now.saturating_add(BLOCK);
        }
    }

    fn cap_at(&self, now: Micros) -> Option<u64> {
        self.cap
            .filter(|(_, until)| now < *until)
            .map(|(cap, _)| cap)
    }

    pub(super) fn refuses(&mut self, question: u64, now: Micros) -> bool {
        let question = self.questions.get(&question);
        question.is_some_and(|(_, blocked)| now < *blocked)
            || self
                .cap_at(now)
                .is_some_and(|cap| self.window.with_this(now) > cap)
    }

    pub(super) fn count(&mut self, now: Micros) {
        self.window.count(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(timeouts: usize) -> Penalty {
        let mut penalty = Penalty::new();
        (0..timeouts as u64).for_each(|question| penalty.timed_out(question, 0));
        penalty
    }

    fn admitted_in_a_second(mut penalty: Penalty, from: Micros) -> usize {
        (0..50)
            .filter(|_| {
                let admitted = !penalty.refuses(1_000, from);
                if admitted {
                    penalty.count(from);
                }
                admitted
            })
            .count()
    }

    #[test]
    fn ten_twenty_thirty_timeouts_leave_five_one_none() {
        for (timeouts, left) in [(9, 50), (10, 5), (20, 1), (30, 0)] {
            assert_eq!(admitted_in_a_second(after(timeouts), SECOND), left);
        }
    }

    #[test]
    fn the_penalty_ends_after_five_minutes() {
        assert_eq!(admitted_in_a_second(after(30), LENGTH - 1), 0);
        assert_eq!(admitted_in_a_second(after(30), LENGTH), 50);
    }

    #[test]
    fn slow_timeouts_cost_nothing() {
        let mut penalty = Penalty::new();
        (0..60).for_each(|n| penalty.timed_out(n, n * 2 * SECOND));
        assert_eq!(admitted_in_a_second(penalty, 121 * SECOND), 50);
    }

    #[test]
    fn the_same_report_is_blocked_after_three_timeouts() {
        let mut penalty = Penalty::new();
        for minute in 0..2 {
            penalty.timed_out(7, minute * MINUTE);
            assert!(!penalty.refuses(7, minute * MINUTE));
        }
        penalty.timed_out(7, 2 * MINUTE);
        assert!(penalty.refuses(7, 12 * MINUTE - 1));
        assert!(!penalty.refuses(8, 3 * MINUTE));
        assert!(!penalty.refuses(7, 12 * MINUTE));
    }
}
