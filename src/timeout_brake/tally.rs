use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// More reads are not kept: the one whose last timeout is longest ago goes.
const MAX_READS: usize = 10_000;

/// How often each read timed out lately. Time comes in as an argument.
#[derive(Debug)]
pub(super) struct Tally {
    reads: HashMap<u128, Entry>,
    /// So many within that time are too many.
    max: usize,
    within: Duration,
}

#[derive(Debug, Default)]
struct Entry {
    timeouts: VecDeque<Instant>,
    blocked: Option<Instant>,
}

impl Tally {
    pub(super) fn new(max: usize, within: Duration) -> Self {
        Self {
            reads: HashMap::new(),
            max,
            within,
        }
    }

    /// Until when the read is not to be sent.
    pub(super) fn blocked(&self, read: u128, now: Instant) -> Option<Instant> {
        let until = self.reads.get(&read)?.blocked?;
        (now < until).then_some(until)
    }

    /// It timed out. Tells until when it is blocked, if it was not so before.
    ///
    /// Nothing else clears that: the server, too, counts timeouts alone, and
    /// those of copies that were under way when the last one was counted.
    pub(super) fn timed_out(&mut self, read: u128, now: Instant) -> Option<Instant> {
        self.make_room(read, now);
        let within = self.within;
        let entry = self.reads.entry(read).or_default();
        if entry.is_over(now, within) {
            *entry = Entry::default();
        }
        let until = later(now, within);
        if let Some(blocked) = &mut entry.blocked {
            *blocked = until;
            return None;
        }
        entry.forget(now, within);
        entry.timeouts.push_back(now);
        if entry.timeouts.len() < self.max {
            return None;
        }
        entry.blocked = Some(until);
        entry.blocked
    }

    fn make_room(&mut self, read: u128, now: Instant) {
        if self.reads.len() < MAX_READS || self.reads.contains_key(&read) {
            return;
        }
        let within = self.within;
        self.reads.retain(|_, entry| !entry.is_over(now, within));
        while self.reads.len() >= MAX_READS {
            let oldest = self
                .reads
                .iter()
                .min_by_key(|(_, entry)| (entry.blocked.is_some(), entry.timeouts.back().copied()));
            let Some(oldest) = oldest.map(|(read, _)| *read) else {
                return;
            };
            self.reads.remove(&oldest);
        }
    }
}

impl Entry {
    fn forget(&mut self, now: Instant, within: Duration) {
        while let Some(first) = self.timeouts.front()
            && now.saturating_duration_since(*first) >= within
        {
            self.timeouts.pop_front();
        }
    }

    /// Whether nothing of it matters any more.
    fn is_over(&self, now: Instant, within: Duration) -> bool {
        match self.blocked {
            Some(until) => until <= now,
            None => self
                .timeouts
                .back()
                .is_none_or(|last| now.saturating_duration_since(*last) >= within),
        }
    }
}

/// What is beyond the clock is some thirty years away, as for tokio.
pub(super) fn later(from: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    from.checked_add(time.min(FAR)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn tally() -> Tally {
        Tally::new(3, 10 * MINUTE)
    }

    #[test]
    fn the_third_timeout_within_the_time_blocks_for_as_long() {
        let (mut tally, start) = (tally(), Instant::now());
        assert_eq!(tally.timed_out(1, start), None);
        assert_eq!(tally.timed_out(1, start + 9 * MINUTE), None);
        // The first is forgotten by now.
        let third = start + 10 * MINUTE;
        assert_eq!(tally.timed_out(1, third), None);
        let until = third + MINUTE + 10 * MINUTE;
        assert_eq!(tally.timed_out(1, third + MINUTE), Some(until));
        assert_eq!(tally.blocked(1, until - MINUTE), Some(until));
        assert_eq!(tally.blocked(1, until), None);
        assert_eq!(tally.blocked(2, third), None);
        // It begins anew.
        assert_eq!(tally.timed_out(1, until), None);
        assert_eq!(tally.timed_out(1, until), None);
        assert!(tally.timed_out(1, until).is_some());
    }

    #[test]
    fn a_further_timeout_extends_the_block_and_is_no_news() {
        let (mut tally, start) = (tally(), Instant::now());
        for _ in 0..3 {
            tally.timed_out(1, start);
        }
        // It was under way when the third one came.
        let late = start + 9 * MINUTE;
        assert_eq!(tally.timed_out(1, late), None);
        assert_eq!(tally.blocked(1, late), Some(late + 10 * MINUTE));
        assert_eq!(tally.blocked(1, late + 10 * MINUTE), None);
    }

    #[test]
    fn a_flood_of_reads_stays_within_the_bound_and_frees_no_blocked_one() {
        let (mut tally, now) = (tally(), Instant::now());
        for _ in 0..3 {
            tally.timed_out(0, now);
        }
        for read in 1..=MAX_READS as u128 + 100 {
            tally.timed_out(read, now + Duration::from_millis(read as u64));
            assert!(tally.reads.len() <= MAX_READS);
        }
        assert!(tally.blocked(0, now + MINUTE).is_some());
    }

    proptest! {
        /// Whatever comes, a read times out at most three times between two
        /// moments ten minutes apart if it is not sent while it is blocked.
        #[test]
        fn no_more_than_three_in_ten_minutes(
            steps in prop::collection::vec((0..200_000_u64, prop::bool::weighted(0.9)), 1..200),
        ) {
            let (mut tally, start) = (tally(), Instant::now());
            let (mut now, mut timeouts) = (start, Vec::new());
            for (millis, times_out) in steps {
                now += Duration::from_millis(millis);
                if tally.blocked(7, now).is_some() {
                    continue;
                }
                if times_out {
                    tally.timed_out(7, now);
                    timeouts.push(now);
                }
                let lately = timeouts.iter().filter(|at| now - **at < 10 * MINUTE);
                prop_assert!(lately.count() <= 3);
            }
        }
    }
}
