use tokio::time::{Instant, sleep};
use tower_tiktok::shared_state::StoreStatus;

use super::{Fleet, Process};
use crate::{
    fleet::{LIMIT, ms},
    machine::Machine,
};

impl Fleet {
    pub(crate) async fn are_up(&self) {
        let machine = Machine::watch();
        let start = Instant::now();
        for process in &self.processes {
            while process.state.snapshot().store != StoreStatus::Up {
                sleep(ms(5)).await;
                let (is_in_time, took) = (machine.ran_until_return(ms(2_000)), start.elapsed());
                assert!(is_in_time, "not back after {took:?}: {machine:?}");
            }
        }
    }

    pub(crate) async fn are_down(&self) {
        let down = |it: &Process| matches!(it.state.snapshot().store, StoreStatus::Down { .. });
        let machine = Machine::watch();
        while !self.processes.iter().all(down) {
            sleep(ms(5)).await;
            // All speak within two thirds of a lease, and have a deadline.
            assert!(machine.ran_at_most(ms(5_000)), "{machine:?}");
        }
    }

    /// Everybody said once that the store was away.
    pub(crate) fn said_once(&self, times: u32) {
        let (log, all) = (self.log.take(), times as usize * self.processes.len());
        let ours = |line: &&str| line.contains(" WARN ") && line.contains("shared_state");
        let said = log.lines().filter(ours).count();
        assert!(
            said == all || self.machine.is_late(),
            "{said} warnings, not {all}"
        );
    }

    /// By what the server has written down.
    pub(crate) fn ends_well(&self, most_refused: u64) {
        let ledger = self.simulator.ledger();
        assert_eq!(ledger.total.created, self.sent, "nothing is lost");
        assert_eq!(ledger.total.duplicated, 0, "nothing is doubled");
        self.overran_by_at_most(most_refused);
    }

    /// By what the server has refused so far.
    pub(crate) fn overran_by_at_most(&self, most_refused: u64) {
        let ledger = self.simulator.ledger();
        let refused = &ledger.total.refused;
        let failures = |it: &Process| it.state.snapshot().failures;
        let failures: Vec<u64> = self.processes.iter().map(failures).collect();
        let breaches = (refused.minute, ledger.suspensions.len());
        assert_eq!(breaches, (0, 0), "{failures:?}, {:?}", self.machine);
        // What is late arrives together with what is not; and who misses the store
        // goes on by itself.
        let seconds = 10.0 * self.machine.worst().as_secs_f64();
        let most = most_refused + (f64::from(LIMIT) * seconds) as u64;
        assert!(refused.total() <= most, "{refused:?}: {:?}", self.machine);
    }

    /// The most that any account had at the server at once.
    pub(crate) fn most_in_work(&self) -> u32 {
        self.in_work.most()
    }

    pub(crate) fn permits_held(&self) {
        let most = self.most_in_work();
        let missed = |it: &Process| it.state.snapshot().failures > 0;
        // Who misses the store has permits of its own.
        let excused = self.machine.is_late() && self.processes.iter().any(missed);
        assert!(most <= self.writes || excused, "{most} at once");
    }
}
