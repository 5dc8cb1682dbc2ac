use std::{iter::successors, task::Waker};

use tokio::time::Instant;

use super::{Flight, Model, Outcome, State, ms, wake_all};

/// How time passes, and what must hold at each moment of it.
impl Model {
    /// Does what is due now. Whether there was anything.
    fn turn(&mut self) -> bool {
        let (now, tick, mut woken) = (self.now, self.at(), Vec::new());
        for it in &mut self.waiting {
            let is_ready = it.ready_at.is_some_and(|at| at <= now);
            if it.flag.take() || is_ready && it.ready_at.take().is_some() {
                it.polled_at = it.polled_at.or(Some(now + ms(it.call.lazy)));
            }
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.keeper.take() || due(self.alarm) {
            let waker = Waker::from(self.keeper.clone());
            let (next, _) = self.core.keep(None, waker, tick, &mut woken);
            self.alarm = next.ok().flatten();
            assert!(self.alarm.is_none_or(|at| at > now), "it would spin");
        } else if let Some(n) = self.flights.iter().position(|it| it.answer <= now) {
            let Flight { charges, sent, .. } = self.flights.swap_remove(n);
            let (sent, outcome) = (self.origin.at(sent), Outcome::Admitted);
            self.core
                .settle(&charges, (sent, true), outcome, tick, &mut woken);
        } else if let Some(n) = self.waiting.iter().position(|it| due(it.gives_up)) {
            let gone = self.waiting.swap_remove(n);
            self.core.leave(gone.at, tick, &mut woken);
        } else if let Some(n) = self.waiting.iter().position(|it| due(it.polled_at)) {
            self.poll(n);
        } else {
            return false;
        }
        wake_all(woken);
        true
    }

    fn next(&self) -> Option<Instant> {
        let answers = self.flights.iter().map(|flight| flight.answer);
        let waits = self.waiting.iter();
        let waits = waits.flat_map(|it| [it.polled_at, it.ready_at, it.gives_up]);
        answers.chain(waits.flatten()).chain(self.alarm).min()
    }

    pub(super) fn run_until(&mut self, end: Option<Instant>) {
        let mut turns = 0;
        loop {
            while self.turn() {
                self.check();
            }
            turns += 1;
            assert!(turns < 20_000, "it spins");
            match (self.next(), end) {
                (Some(next), Some(end)) if next > end => break,
                (Some(next), _) => self.now = next.max(self.now),
                (None, _) => break,
            }
        }
        self.now = end.unwrap_or(self.now);
    }

    /// Nobody waits who could go, and nobody is forgotten.
    pub(super) fn check(&mut self) {
        let (now, core) = (self.at(), &mut self.core);
        let soon = core.alarms.next().is_some_and(|at| at <= self.now + ms(2));
        let standing: Vec<_> = self.waiting.iter().map(|it| it.at).collect();
        for at in standing {
            let waiter = core.waiter(at);
            if !matches!(waiter.state, State::Standing) {
                continue;
            }
            let (path, line) = (waiter.path, waiter.line);
            // Where a costly one is first, the others wait for its turn.
            let most = |gate| {
                let at_it = core.waiters.iter().filter(|it| it.1.path.contains(gate));
                at_it.map(|it| it.1.path.cost).max().unwrap_or(1)
            };
            let most: Vec<_> = path.gates().map(|gate| (gate, most(gate))).collect();
            let mut open = most.into_iter().map(|(gate, cost)| {
                let gate = core.gates.get_mut(gate).unwrap();
                gate.admits(cost, now, &self.never)
            });
            let open = open.all(|open| open) && !core.paused;
            assert!(!open || soon, "it could go and does not know");
            // It, or one that is before it, stands at a gate that is closed.
            let lines = successors(line, |at| core.lines.get(*at)?.parent);
            let blocked = lines
                .filter_map(|at| core.lines.get(at))
                .any(|line| line.blocked);
            assert!(blocked, "nobody knows for which gate it waits");
        }
        assert!(core.changed.is_empty() && core.roots.is_empty());
        assert_eq!(
            core.queued,
            core.waiters.iter().filter(|it| it.1.waits()).count()
        );
    }
}
