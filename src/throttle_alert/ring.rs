use std::time::Duration;

/// A window is cut into this many slots; the oldest is forgotten whole.
const SLOTS: usize = 20;

/// How many attempts there were, and how many of them were refused because a
/// limit was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) attempts: u64,
    pub(super) throttled: u64,
}

/// Counts what happened within the last `span`, give or take a slot, in
/// constant memory. Times are since any fixed instant.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// The length of a slot, in nanoseconds.
    slot: u64,
    counts: [Counts; SLOTS],
    /// When each slot's first refusal came, if any did.
    firsts: [Duration; SLOTS],
    /// All of them together.
    sum: Counts,
    /// The number of the newest slot, counted from the start.
    newest: u64,
    /// When it is the newest no more.
    turns_at: u64,
}

// ===== impl Counts =====

impl Counts {
    /// Those that are not in `others`.
    pub(super) fn without(self, others: Counts) -> Self {
        Self {
            attempts: self.attempts,
            throttled: self.throttled.saturating_sub(others.throttled),
        }
    }

    pub(super) fn add(&mut self, more: Counts) {
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.throttled = self.throttled.saturating_add(more.throttled);
    }

    fn take(&mut self, less: Counts) {
        self.attempts = self.attempts.saturating_sub(less.attempts);
        self.throttled = self.throttled.saturating_sub(less.throttled);
    }

    /// Whether at least this share was refused. Of none, no share was.
    pub(super) fn reach(self, share: f64) -> bool {
        self.throttled > 0 && self.throttled as f64 >= share * self.attempts as f64
    }
}

// ===== impl Ring =====

impl Ring {
    pub(super) fn new(span: Duration) -> Self {
        // Rounded up, so that nothing is forgotten early.
        let slot = (nanos(span) / SLOTS as u64).saturating_add(1);
        Self {
            slot,
            counts: [Counts::default(); SLOTS],
            firsts: [Duration::ZERO; SLOTS],
            sum: Counts::default(),
            newest: 0,
            turns_at: slot,
        }
    }

    /// Makes the slot that `now` is in the newest, and forgets those that are
    /// gone then. A time before it, which another thread may still hold in its
    /// hands, counts for the newest.
    #[inline]
    pub(super) fn turn_to(&mut self, now: Duration) {
        let now = nanos(now);
        if now >= self.turns_at {
            self.turn(now / self.slot);
        }
    }

    #[cold]
    fn turn(&mut self, number: u64) {
        if number - self.newest >= SLOTS as u64 {
            self.counts = [Counts::default(); SLOTS];
            self.sum = Counts::default();
        } else {
            for slot in self.newest..number {
                let gone = std::mem::take(&mut self.counts[index(slot + 1)]);
                self.sum.take(gone);
            }
        }
        self.newest = number;
        self.turns_at = number.saturating_add(1).saturating_mul(self.slot);
    }

    /// Counts an attempt in the newest slot.
    #[inline]
    pub(super) fn count(&mut self, throttled: bool, now: Duration) {
        let one = Counts {
            attempts: 1,
            throttled: throttled.into(),
        };
        let slot = index(self.newest);
        if throttled && self.counts[slot].throttled == 0 {
            self.firsts[slot] = now;
        }
        self.counts[slot].add(one);
        self.sum.add(one);
    }

    /// The first of the refusals that are more than `share` of the attempts:
    /// where, counted from now backwards, they exceed it most. What was refused
    /// now and then before that is none of them. `before` is a refusal that is
    /// not counted, if there was one before all others.
    pub(super) fn excess_since(&self, share: f64, before: Option<Duration>) -> Option<Duration> {
        let excess = |counts: Counts| counts.throttled as f64 - share * counts.attempts as f64;
        let (mut sum, mut most, mut since) = (Counts::default(), 0.0_f64, None);
        let mut rest = self.sum;
        let oldest = self.newest.saturating_sub(SLOTS as u64 - 1);
        for slot in (oldest..=self.newest).rev().map(index) {
            sum.add(self.counts[slot]);
            if excess(sum) > most && self.counts[slot].throttled > 0 {
                (most, since) = (excess(sum), Some(self.firsts[slot]));
                rest = self.sum;
                rest.take(sum);
            }
        }
        let is_first = rest.throttled == 0 && share * (rest.attempts as f64) < 1.0;
        since.map(|since| before.filter(|_| is_first).unwrap_or(since))
    }

    /// All that it remembers.
    #[inline]
    pub(super) fn sum(&self) -> Counts {
        self.sum
    }
}

fn nanos(duration: Duration) -> u64 {
    // Five hundred years are enough.
    let secs = duration.as_secs().saturating_mul(1_000_000_000);
    secs.saturating_add(duration.subsec_nanos().into())
}

fn index(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(ring: &mut Ring, now: Duration, throttled: bool) {
        ring.turn_to(now);
        ring.count(throttled, now);
    }

    #[test]
    fn what_exceeds_began_where_it_did_and_not_with_the_last_refusal_before() {
        let mut ring = Ring::new(Duration::from_secs(600));
        // One in a hundred for ten minutes, and all from then on.
        for tenth in 0..6_050 {
            let now = Duration::from_millis(100 * tenth);
            count(&mut ring, now, tenth % 100 == 0 || tenth >= 6_000);
        }
        let since = ring.excess_since(0.025, None).unwrap();
        // The slot before ends a moment later.
        let begin = Duration::from_secs(600);
        assert!(since >= begin && since <= begin + Duration::from_millis(100));
        assert_eq!(
            Ring::new(Duration::from_secs(600)).excess_since(0.025, None),
            None
        );
    }

    #[test]
    fn of_none_no_share_was_refused() {
        assert!(!Counts::default().reach(0.0));
        let ring = Ring::new(Duration::from_secs(60));
        assert!(!ring.sum().reach(0.05));
    }

    #[test]
    fn a_time_before_the_newest_slot_counts_in_it() {
        let mut ring = Ring::new(Duration::from_secs(20));
        count(&mut ring, Duration::from_secs(100), true);
        count(&mut ring, Duration::from_secs(1), true);
        assert_eq!(ring.sum().throttled, 2);
    }

    proptest! {
        /// All of the last span, less a slot, is in; nothing older than a span is.
        #[test]
        fn it_counts_what_a_list_of_all_would(
            secs in 1..1_000u64,
            steps in proptest::collection::vec((0..200_000u64, any::<bool>()), 1..300),
        ) {
            let span = Duration::from_secs(secs);
            let slot = span / SLOTS as u32 + Duration::from_nanos(1);
            let mut ring = Ring::new(span);
            let (mut all, mut now) = (Vec::new(), Duration::ZERO);
            for (millis, throttled) in steps {
                now += Duration::from_millis(millis);
                count(&mut ring, now, throttled);
                all.push((now, throttled));
                let within = |least: Duration| {
                    let mut counts = Counts::default();
                    for (_, throttled) in all.iter().filter(|(at, _)| *at + least > now) {
                        counts.add(Counts { attempts: 1, throttled: (*throttled).into() });
                    }
                    counts
                };
                let (least, most) = (within(span - slot), within(slot * SLOTS as u32));
                let sum = ring.sum();
                prop_assert!(least.attempts <= sum.attempts && sum.attempts <= most.attempts);
                prop_assert!(least.throttled <= sum.throttled && sum.throttled <= most.throttled);
                prop_assert!(sum.throttled <= sum.attempts);
            }
        }

        #[test]
        fn no_time_makes_it_panic(
            span: u64, nows in proptest::collection::vec((any::<u64>(), any::<bool>()), 1..30),
        ) {
            let mut ring = Ring::new(Duration::from_secs(span));
            for (now, throttled) in nows {
                count(&mut ring, Duration::from_secs(now), throttled);
                let sum = ring.sum();
                ring.excess_since(0.05, None);
                prop_assert!(1 <= sum.attempts && sum.throttled <= sum.attempts);
            }
        }
    }
}
