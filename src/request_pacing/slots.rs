use std::task::Waker;

use tokio::time::Instant;

use super::{
    charge::{Charges, Path},
    core::{Core, GATE},
    gate::Gate,
    outcome::{Outcome, Refusal},
    settle::Answer,
    tick::Now,
};
use crate::{classify::ThrottleScope, slab::At};

/// A scope that keeps back what an answer refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) scope: ThrottleScope,
    /// Not later than the answer if it is only full.
    pub(super) until: Instant,
    /// Whether this answer closed it.
    pub(super) begins: bool,
    /// Until when the server says that it is closed. The rest is a guess.
    #[cfg(feature = "shared-state")]
    pub(super) stated: Option<Instant>,
}

/// What becomes of the slots of a request.
impl Core {
    /// What was granted at `taken` was not sent.
    pub(super) fn give_back(
        &mut self,
        charges: &Charges,
        taken: Instant,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        self.hand_back(charges, taken, now);
        self.run(now, woken);
    }

    /// The same, before more is done. [`run`](Self::run) must follow.
    pub(super) fn hand_back(&mut self, charges: &Charges, taken: Instant, now: Now) {
        self.under_way -= 1;
        for (at, charge) in charges.iter() {
            if let Some(gate) = self.charged(at) {
                gate.give_back(charge, charges.path.cost, taken);
                gate.weigh_refusals(now.instant);
                self.list(at, now);
            }
        }
        self.note_used(charges.path);
    }

    /// A gate that a request has a slot in. It is there; but if it were not,
    /// nothing is lost, and a request may be dropped while it panics.
    fn charged(&mut self, at: At) -> Option<&mut Gate> {
        let gate = self.gates.get_mut(at);
        debug_assert!(gate.is_some(), "{GATE}");
        gate
    }

    /// What was called then is sent only now: it arrives later than it was
    /// reckoned to.
    pub(super) fn send_late(&mut self, charges: &mut Charges, called: Now, now: Now) {
        let cost = charges.path.cost;
        for (at, charge) in charges.path.gates().zip(&mut charges.parts) {
            if let Some(gate) = self.charged(at) {
                *charge = gate.send_late(*charge, cost, called.instant, now);
            }
        }
    }

    /// A request that was sent is over. Returns what closed, if one of its
    /// scopes refused it.
    pub(super) fn settle(
        &mut self,
        charges: &Charges,
        (sent, is_trip): (Now, bool),
        mut outcome: Outcome,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Option<Closed> {
        let mut others = false;
        if let Outcome::Refused(refusal) = &mut outcome {
            others = self.attribute(refusal, charges.path, sent);
        }
        let ended = match outcome {
            Outcome::Admitted => {
                if is_trip {
                    self.trips.saw(now.tick.since(sent.tick).into());
                }
                now.tick
            }
            Outcome::Refused(_) | Outcome::Unclear => now.tick,
            // Nobody saw when it ended: it may still be on its way.
            Outcome::Lost => now.tick.max(sent.tick.plus(self.trips.long().into())),
        };
        let latest = match outcome {
            Outcome::Lost => ended.max(sent.tick.plus(self.settings.lost_after.into())),
            _ => ended,
        };
        // The next one needs some time to get there, too: it may go as much
        // sooner.
        let trip = ended.since(sent.tick.plus(self.trips.surely().into()));
        let answer = Answer {
            outcome: &outcome,
            cost: charges.path.cost,
            now,
            sent,
            trip,
            latest,
            others,
        };
        let (mut closed, mut are_placed) = (None, true);
        for (at, charge) in charges.iter() {
            let Some(gate) = self.gates.get_mut(at) else {
                debug_assert!(false, "{GATE}");
                continue;
            };
            are_placed &= gate.is_placed();
            if let Some(it) = gate.settle(charge, &answer, &self.trips) {
                self.closed(at, it, now, woken);
                closed = Some(it);
            }
        }
        #[cfg(feature = "shared-state")]
        if self.lending.is_some() {
            self.tell_learned(charges.path);
        }
        if self.waiters.len() > 0 {
            self.note_used(charges.path);
            self.run(now, woken);
        }
        if !are_placed {
            charges.path.gates().for_each(|at| self.list(at, now));
        }
        self.under_way -= 1;
        self.tell_drained(woken);
        closed
    }

    /// Finds out which scope refused a request that was sent then. Whether
    /// refusals tell of others in any that it touched.
    #[cold]
    #[inline(never)]
    fn attribute(&mut self, refusal: &mut Refusal, path: Path, sent: Now) -> bool {
        self.refused = true;
        refusal.attribute(path.gates().filter_map(|at| {
            let gate = self.gates.get_mut(at)?;
            Some((gate.kind.throttle_scope(), gate.fullness(sent)))
        }));
        path.gates().any(|at| {
            let gate = self.gates.get(at);
            gate.is_some_and(Gate::knows_of_others)
        })
    }

    /// A refusal has closed a gate.
    #[cold]
    #[inline(never)]
    fn closed(&mut self, at: At, closed: Closed, now: Now, woken: &mut Vec<Waker>) {
        self.fail_late(at, closed.until, now, woken);
        #[cfg(feature = "shared-state")]
        self.tell_hold(at, closed, now);
    }
}
