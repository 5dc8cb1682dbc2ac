use std::time::Duration;

/// The window is cut into this many slots; the oldest is forgotten whole.
const SLOTS: usize = 10;

/// What one resend costs. One request earns `percent` of the same unit, so
/// every percentage is exact: no fraction is ever rounded away.
const COST: i64 = 100;

/// The arithmetic of a retry budget: what requests have earned and resends
/// have spent within the last `ttl`, above a reserve.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    /// The length of a slot, in nanoseconds.
    slot: u64,
    percent: i64,
    reserve: i64,
    balances: [i64; SLOTS],
    /// The number of the newest slot, counted from the start.
    newest: u64,
    /// Where it is.
    at: usize,
}

impl Ledger {
    pub(super) fn new(ttl: Duration, percent: u32, min_per_second: u32) -> Self {
        // Whole resends within one ttl, but not less than the one that a slow
        // but steady reserve allows.
        let reserve = ttl.as_millis().saturating_mul(min_per_second.into()) / 1_000;
        let reserve = i64::try_from(reserve).unwrap_or(i64::MAX);
        Self {
            // Rounded up, so that nothing is forgotten early.
            slot: nanos(ttl / SLOTS as u32).saturating_add(1),
            percent: percent.into(),
            reserve: reserve
                .max((min_per_second > 0).into())
                .saturating_mul(COST),
            balances: [0; SLOTS],
            newest: 0,
            at: 0,
        }
    }

    /// Books a request in the newest slot.
    pub(super) fn deposit(&mut self) {
        let balance = &mut self.balances[self.at];
        *balance = balance.saturating_add(self.percent);
    }

    /// Books a resend in the newest slot, if there is enough left for it.
    pub(super) fn withdraw(&mut self) -> bool {
        if self.sum() < COST {
            return false;
        }
        let balance = &mut self.balances[self.at];
        *balance = balance.saturating_sub(COST);
        true
    }

    /// How many resends there is enough left for.
    pub(super) fn left(&self) -> u64 {
        u64::try_from(self.sum() / COST).unwrap_or(0)
    }

    fn sum(&self) -> i64 {
        let balances = self.balances.iter();
        balances.fold(self.reserve, |sum, balance| sum.saturating_add(*balance))
    }

    /// Until when the newest slot is the newest.
    pub(super) fn turns_at(&self) -> Duration {
        let slots = self.newest.saturating_add(1);
        Duration::from_nanos(self.slot.saturating_mul(slots))
    }

    /// Makes the slot that `now` is in the newest, and forgets those that are
    /// gone then. `now` is counted from any fixed instant; one before the
    /// newest slot, which another thread may still hold in its hands, counts
    /// for the newest.
    pub(super) fn turn_to(&mut self, now: Duration) {
        let number = nanos(now) / self.slot;
        if number <= self.newest {
            return;
        }
        if number - self.newest >= SLOTS as u64 {
            self.balances = [0; SLOTS];
        } else {
            for slot in self.newest..number {
                self.balances[index(slot + 1)] = 0;
            }
        }
        self.newest = number;
        self.at = index(number);
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

    const TTL: Duration = Duration::from_secs(10);

    fn deposit(ledger: &mut Ledger, now: Duration) {
        ledger.turn_to(now);
        ledger.deposit();
    }

    fn withdraw(ledger: &mut Ledger, now: Duration) -> bool {
        ledger.turn_to(now);
        ledger.withdraw()
    }

    fn spend_all(ledger: &mut Ledger, now: Duration) -> u64 {
        let mut spent = 0;
        while withdraw(ledger, now) {
            spent += 1;
        }
        spent
    }

    #[test]
    fn without_requests_the_reserve_is_all_there_is() {
        let mut ledger = Ledger::new(TTL, 20, 10);
        assert_eq!(ledger.left(), 100);
        assert_eq!(spend_all(&mut ledger, Duration::ZERO), 100);
        assert_eq!(ledger.left(), 0);
        assert_eq!(spend_all(&mut ledger, TTL - Duration::from_secs(1)), 0);
    }

    #[test]
    fn the_reserve_comes_back_after_a_ttl() {
        let mut ledger = Ledger::new(TTL, 20, 10);
        spend_all(&mut ledger, Duration::ZERO);
        let later = TTL + Duration::from_secs(1);
        assert_eq!(spend_all(&mut ledger, later), 100);
    }

    #[test]
    fn deposits_expire_after_a_ttl() {
        let mut ledger = Ledger::new(TTL, 100, 0);
        (0..50).for_each(|_| deposit(&mut ledger, Duration::ZERO));
        assert!(withdraw(&mut ledger, TTL - Duration::from_secs(1)));
        assert!(!withdraw(&mut ledger, TTL + Duration::from_secs(1)));
    }

    #[test]
    fn every_percentage_is_exact() {
        // Rounding makes 33 of 30 and 100 of 60 in other budgets.
        for percent in 0..=1000 {
            let mut ledger = Ledger::new(TTL, percent, 0);
            (0..100).for_each(|_| deposit(&mut ledger, Duration::ZERO));
            assert_eq!(spend_all(&mut ledger, Duration::ZERO), u64::from(percent));
        }
    }

    #[test]
    fn a_reserve_below_one_resend_a_ttl_is_one() {
        let mut ledger = Ledger::new(Duration::from_millis(1), 0, 1);
        assert_eq!(spend_all(&mut ledger, Duration::ZERO), 1);
    }

    #[test]
    fn a_clock_that_steps_back_forgets_nothing() {
        let mut ledger = Ledger::new(TTL, 0, 10);
        spend_all(&mut ledger, Duration::from_secs(9));
        deposit(&mut ledger, Duration::ZERO);
        assert!(!withdraw(&mut ledger, Duration::ZERO));
    }

    proptest! {
        #[test]
        fn within_any_ttl_resends_stay_within_the_budget(
            percent in 0..=1000u32,
            min in 0..20u32,
            steps in proptest::collection::vec((0..2_000u64, any::<bool>()), 1..300),
        ) {
            let mut ledger = Ledger::new(TTL, percent, min);
            let mut now = Duration::ZERO;
            let (mut requests, mut resends) = (Vec::new(), Vec::new());
            for (millis, is_request) in steps {
                now += Duration::from_millis(millis);
                if is_request {
                    deposit(&mut ledger, now);
                    requests.push(now);
                } else if withdraw(&mut ledger, now) {
                    resends.push(now);
                    // All that can have been earned for the resends of the
                    // last ttl was earned in it or in the slot before it.
                    let since = now.saturating_sub(TTL + Duration::from_secs(1));
                    let earned = requests.iter().filter(|at| **at >= since).count() as u64;
                    let since = now.saturating_sub(TTL - Duration::from_secs(1));
                    let spent = resends.iter().filter(|at| **at >= since).count() as u64;
                    prop_assert!(
                        spent * 100 <= earned * u64::from(percent) + u64::from(min) * 1_000
                    );
                }
            }
        }

        #[test]
        fn no_number_makes_it_panic(
            secs: u64, percent: u32, min: u32, now in proptest::collection::vec(any::<u64>(), 1..20),
        ) {
            let mut ledger = Ledger::new(Duration::new(secs, 1), percent, min);
            for now in now {
                deposit(&mut ledger, Duration::from_secs(now));
                withdraw(&mut ledger, Duration::from_secs(now));
            }
        }
    }
}
