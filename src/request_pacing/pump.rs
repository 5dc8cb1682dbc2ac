use std::task::Waker;

use super::{
    charge::{Charges, Path},
    core::{Core, GATE, LINE},
    gate::Gate,
    tick::Now,
    waiter::State,
};
use crate::slab::At;

/// Who goes next.
///
/// A request goes through all its gates at once or none. Whatever changes a
/// gate notes it; [`run`](Core::run) then looks at each that was noted once,
/// lets the lines go on that waited for it, and last lets those go who are
/// first at the end of their way.
impl Core {
    /// Sends a request through all its gates, if nobody stands at any and each
    /// has room.
    #[inline]
    pub(super) fn pass(&mut self, charges: &mut Charges, now: Now) -> bool {
        if self.paused && !charges.path.is_empty() {
            return false;
        }
        for at in charges.path.as_slice() {
            let gate = self.gates.get_mut(*at).expect(GATE);
            if !gate.lets_pass(charges.path.cost, now, &self.trips) {
                return false;
            }
        }
        self.charge(charges, now, true);
        true
    }

    /// Notes that a gate may have changed. [`run`](Self::run) must follow.
    pub(super) fn note(&mut self, at: At) {
        let gate = self.gates.get_mut(at).expect(GATE).active();
        if !gate.noted {
            gate.noted = true;
            self.changed.push(at);
        }
    }

    /// Notes the gates of a path at which somebody stands.
    pub(super) fn note_used(&mut self, path: Path) {
        for at in path.gates() {
            let gate = self.gates.get(at).and_then(Gate::if_active);
            if gate.is_some_and(|gate| gate.standing > 0) {
                self.note(at);
            }
        }
    }

    pub(super) fn list_root(&mut self, at: At) {
        let line = self.lines.get_mut(at).expect(LINE);
        if !line.listed {
            line.listed = true;
            self.roots.push(at);
        }
    }

    /// Lets go whoever may, after whatever has changed.
    pub(super) fn run(&mut self, now: Now, woken: &mut Vec<Waker>) {
        #[cfg(feature = "shared-state")]
        self.end_leases(now);
        loop {
            if let Some(gate) = self.changed.pop() {
                self.look_at(gate, now);
            } else if let Some(root) = self.roots.pop() {
                self.release(root, now, woken);
            } else {
                break;
            }
        }
        self.wind(woken);
    }

    /// Whether a gate lets a request of this cost pass.
    pub(super) fn is_open(&mut self, gate: At, cost: u32, now: Now) -> bool {
        let gate = self.gates.get_mut(gate).expect(GATE);
        !self.paused && gate.admits(cost, now, &self.trips)
    }

    /// Lets the lines go on that waited for a gate, if it is open, and sets
    /// its alarm.
    fn look_at(&mut self, gate: At, now: Now) {
        let mut next = self.first_blocked(gate);
        while let Some(line) = next {
            next = self.next_blocked(gate, line);
            if self.is_open(gate, self.wanted(line, now), now) {
                self.set_blocked(line, false, now);
                self.lift(line, now);
            }
        }
        self.set_alarm(gate, now);
        self.gate(gate).active().noted = false;
    }

    /// Lets go, one after the other, whoever is first in a line that leads
    /// nowhere else.
    fn release(&mut self, root: At, now: Now, woken: &mut Vec<Waker>) {
        let line = self.lines.get(root).expect(LINE);
        let gate = line.gate;
        while let Some(line) = self.lines.get(root)
            && let Some(next) = line.queue.choose(now.instant, self.settings.ageing)
            && self.is_open(gate, self.cost_of(next), now)
        {
            match self.first_closed(next, now) {
                // It was open when it offered its first.
                Some(closed) => self.lift(closed, now),
                None => self.grant(next, now, woken),
            }
        }
        let line = self.lines.get_mut(root).expect(LINE);
        line.listed = false;
        let waits = !line.queue.is_empty();
        self.set_blocked(root, waits, now);
        self.tidy(root);
    }

    /// The first line on the way of a request, but for the last, whose gate
    /// has closed.
    fn first_closed(&mut self, waiter: At, now: Now) -> Option<At> {
        let cost = self.cost_of(waiter);
        let mut next = self.waiter(waiter).line;
        while let Some(at) = next {
            let line = self.lines.get(at).expect(LINE);
            let gate = line.gate;
            next = line.parent;
            if next.is_some() && !self.is_open(gate, cost, now) {
                return Some(at);
            }
        }
        None
    }

    /// Charges a request, which may go then.
    pub(super) fn grant(&mut self, waiter: At, now: Now, woken: &mut Vec<Waker>) {
        let mut charges = Charges {
            path: self.waiter(waiter).path,
            ..Charges::default()
        };
        self.charge(&mut charges, now, false);
        self.withdraw(waiter, true, now);
        self.queued -= 1;
        self.alarms.granted(now.instant, waiter);
        let at = now.instant;
        let waiter = self.waiter(waiter);
        waiter.state = State::Granted { charges, at };
        woken.extend(waiter.waker.take());
    }

    #[inline]
    fn charge(&mut self, charges: &mut Charges, now: Now, sent: bool) {
        let gates = charges.path.as_slice().iter();
        for (at, part) in gates.zip(&mut charges.parts) {
            let gate = self.gates.get_mut(*at).expect(GATE);
            *part = gate.take(charges.path.cost, now, sent);
        }
        self.under_way += 1;
        self.of_late = self.of_late.saturating_add(charges.path.cost);
    }
}
