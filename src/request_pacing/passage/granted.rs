use std::task::Waker;

use tokio::time::Instant;

use crate::{
    request_pacing::{
        charge::{Charges, Path},
        core::Core,
        tick::Now,
        waiter::{Comer, State, Turn},
    },
    slab::At,
};

/// What becomes of a request that was granted: it goes, waits for the service
/// inside, or its slots go to another.
impl Core {
    /// A request that was granted at `taken` does not go yet: the service
    /// inside is not ready. It keeps its slots as long as one that is not
    /// polled. `None` if enough wait, or more than can be told apart.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are all that is known of it"
    )]
    pub(in crate::request_pacing) fn set_aside(
        &mut self,
        charges: &Charges,
        taken: Instant,
        turn: Option<Turn>,
        mut comer: Comer,
        deadline: Option<Instant>,
        waker: &mut Option<Waker>,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Option<At> {
        let is_full = turn.is_none() && self.queued > self.settings.max_queued;
        let (mut since, mut number) = (taken, 0);
        if let Some(turn) = turn {
            (since, number) = (turn.since, turn.place.turn);
            (comer.age, comer.again) = (turn.place.age, turn.place.again);
            // It is in its place already.
            comer.patience = None;
        }
        let place = (!is_full).then(|| self.add_waiter(charges.path, comer, deadline, number));
        let Some(at) = place.flatten() else {
            self.give_back(charges, taken, now, woken);
            return None;
        };
        for (gate, charge) in charges.iter() {
            self.gate(gate).set_sent(charge, None);
        }
        self.queued -= 1;
        self.alarms.granted(since, at);
        let waiter = self.waiter(at);
        waiter.waker = waker.take();
        waiter.state = State::Granted {
            charges: *charges,
            at: since,
        };
        // It may be over by now.
        self.tick(now, woken);
        Some(at)
    }

    /// One that came too late for its slot takes that of another that has not
    /// come either: where all come late, none would ever go.
    pub(super) fn take_over(&mut self, at: At, now: Now, woken: &mut Vec<Waker>) {
        let waiter = self.waiter(at);
        let (path, State::Standing) = (waiter.path, waiter.state) else {
            return;
        };
        let mut closed = Path::default();
        for gate in path.gates() {
            closed.extend(Some(gate).filter(|gate| !self.is_open(*gate, path.cost, now)));
        }
        let mut unclaimed = self.alarms.unclaimed();
        let other = unclaimed.find(|other| {
            let other = self.waiters.get(*other).map(|other| other.path);
            other.is_some_and(|path| closed.gates().all(|gate| path.contains(gate)))
        });
        drop(unclaimed);
        let Some(other) = other else {
            return;
        };
        self.revoke(other, false, now);
        if path.gates().all(|gate| self.is_open(gate, path.cost, now)) {
            self.grant(at, now, woken);
        }
        self.rejoin(other, now, woken);
    }

    pub(super) fn is_closed_since(&mut self, at: At, taken: Instant) -> bool {
        let path = self.waiter(at).path;
        self.paused || path.gates().any(|gate| self.gate(gate).closed_since(taken))
    }

    /// Takes back what one was granted that did not go.
    pub(in crate::request_pacing) fn revoke(&mut self, at: At, lapsed: bool, now: Now) {
        let waiter = self.waiter(at);
        if let State::Granted { charges, at: taken } = waiter.state {
            waiter.state = State::Aside { lapsed };
            waiter.comer.again = true;
            self.queued += 1;
            self.alarms.taken(taken, at);
            self.hand_back(&charges, taken, now);
        }
    }

    /// A granted request goes now.
    pub(super) fn go(&mut self, at: At, charges: &Charges, now: Now, woken: &mut Vec<Waker>) {
        for (at, charge) in charges.iter() {
            let gate = self.gate(at);
            gate.set_sent(charge, Some(now.tick));
            // Only now is it known when a call that stalls is given up.
            let gate = gate.active();
            if gate.standing > 0 && gate.alarm.is_none() {
                self.note(at);
            }
        }
        self.remove(at, now);
        self.run(now, woken);
    }
}
