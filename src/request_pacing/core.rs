use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    task::Waker,
    time::Duration,
};

use hashbrown::HashMap;
use tokio::time::Instant;

use super::{
    Quota, Scope, Scopes, Touched,
    gate::{Charge, Gate},
    outcome::Outcome,
    queue::Standing,
    trips::Trips,
};
use crate::extensions::{AccountId, Priority};
use crate::slab::{At, Slab};

/// The state of all scopes. It neither locks nor wakes nor reads a clock: who
/// calls it does.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) gates: Slab<Gate>,
    pub(super) index: HashMap<Scope, At>,
    pub(super) waiters: Slab<Waiter>,
    pub(super) deadlines: BTreeSet<(Instant, At)>,
    pub(super) weights: HashMap<AccountId, u32>,
    /// Quotas that were set by hand, and outlive the use of their scope.
    pub(super) quotas: HashMap<Scope, Quota>,
    pub(super) maybe_idle: BinaryHeap<Reverse<(Instant, At, u64)>>,
    pub(super) trips: Trips,
    pub(super) settings: Settings,
    pub(super) paused: bool,
    pub(super) queued: usize,
    pub(super) turn: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_queued: usize,
    pub(super) ageing: Duration,
    /// A 00:00 UTC.
    pub(super) midnight: Instant,
}

/// The gates of one request, narrow first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Path {
    pub(super) gates: [Option<At>; 4],
}

/// What a request holds that may be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charges {
    pub(super) path: Path,
    pub(super) parts: [Option<Charge>; 4],
}

/// A request that wants to go.
#[derive(Debug)]
pub(super) struct Comer {
    pub(super) account: Option<AccountId>,
    pub(super) priority: Priority,
    pub(super) age: Instant,
    pub(super) deadline: Option<Instant>,
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) comer: Comer,
    pub(super) path: Path,
    /// The gate of its path that it waits for.
    pub(super) stage: usize,
    pub(super) standing: Option<Standing>,
    pub(super) waker: Option<Waker>,
    pub(super) verdict: Option<Verdict>,
    pub(super) turn: u64,
}

/// What became of a request that waited.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    Granted(Charges),
    TooLate { earliest: Instant },
}

/// What a request got that wants to go.
#[derive(Debug)]
pub(super) enum Entered {
    Granted(Charges),
    Queued(At),
    TooLate { earliest: Instant },
    Full { queued: usize },
}

/// What a waiting request learns.
#[derive(Debug)]
pub(super) enum Polled {
    Decided(Verdict),
    /// To be polled again then, if it is the one that keeps the time.
    Waiting {
        alarm: Option<Instant>,
    },
}

impl Core {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            gates: Slab::new(),
            index: HashMap::new(),
            waiters: Slab::new(),
            deadlines: BTreeSet::new(),
            weights: HashMap::new(),
            quotas: HashMap::new(),
            maybe_idle: BinaryHeap::new(),
            trips: Trips::default(),
            settings,
            paused: false,
            queued: 0,
            turn: 0,
        }
    }

    /// Lets a request go, or gives it a place in the queue.
    pub(super) fn enter(
        &mut self,
        comer: Comer,
        touched: Touched,
        scopes: &dyn Scopes,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) -> Entered {
        self.evict(now);
        let path = self.resolve(touched, scopes, now);
        if let Some(charges) = self.pass(path, now) {
            return Entered::Granted(charges);
        }
        if let (Some(deadline), Some(earliest)) = (comer.deadline, self.closed_until(path, now))
            && deadline <= earliest
        {
            return Entered::TooLate { earliest };
        }
        let full = Entered::Full {
            queued: self.queued,
        };
        if self.queued >= self.settings.max_queued {
            return full;
        }
        let deadline = comer.deadline;
        self.turn += 1;
        let waiter = self.waiters.insert(Waiter {
            comer,
            path,
            stage: 0,
            standing: None,
            waker: None,
            verdict: None,
            turn: self.turn,
        });
        let Some(at) = waiter else {
            return full;
        };
        self.queued += 1;
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, at)));
        if !self.stand(at, now) {
            self.remove(at);
            return full;
        }
        if let Some(first) = path.gates[0] {
            self.pump(first, now, Some(at), woken);
        }
        Entered::Queued(at)
    }

    /// Whether the request in `at` may go by now; it is out of the queue then.
    /// Else `waker` is told, and the waker that it replaces comes back.
    pub(super) fn poll(
        &mut self,
        at: At,
        waker: &Waker,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) -> (Polled, Option<Waker>) {
        if let Some(gate) = self.gate_of(at)
            && self.gate(gate).alarm.is_some_and(|alarm| alarm <= now)
        {
            self.pump(gate, now, Some(at), woken);
        }
        let gate = self.gate_of(at);
        let waiter = self.waiter(at);
        if let Some(verdict) = waiter.verdict {
            self.remove(at);
            if let Verdict::Granted(charges) = verdict {
                self.set_sent(&charges, Some(now));
            }
            return (Polled::Decided(verdict), None);
        }
        let replaced = match &mut waiter.waker {
            Some(old) if old.will_wake(waker) => None,
            old => old.replace(waker.clone()),
        };
        let alarm = gate.and_then(|gate| {
            let gate = self.gate(gate);
            gate.alarm.filter(|_| gate.driver == Some(at))
        });
        (Polled::Waiting { alarm }, replaced)
    }

    /// The request in `at` is gone. Its waker comes back.
    pub(super) fn leave(&mut self, at: At, now: Instant, woken: &mut Vec<Waker>) -> Option<Waker> {
        let waiter = self.waiter(at);
        let waker = waiter.waker.take();
        let (path, stage, verdict) = (waiter.path, waiter.stage, waiter.verdict);
        match verdict {
            Some(Verdict::Granted(charges)) => {
                self.remove(at);
                self.give_back(&charges, now, woken);
            }
            Some(Verdict::TooLate { .. }) => self.remove(at),
            None => {
                self.withdraw(at);
                self.remove(at);
                for gate in path.gates.into_iter().flatten().take(stage + 1) {
                    self.pump(gate, now, None, woken);
                }
                path.gates
                    .into_iter()
                    .flatten()
                    .for_each(|gate| self.list_if_idle(gate, now));
            }
        }
        waker
    }

    /// Notes when a request goes, or that it does not go yet.
    pub(super) fn set_sent(&mut self, charges: &Charges, sent: Option<Instant>) {
        for (gate, charge) in charges.iter() {
            self.gate(gate).set_sent(charge, sent);
        }
    }

    /// A granted request was not sent.
    pub(super) fn give_back(&mut self, charges: &Charges, now: Instant, woken: &mut Vec<Waker>) {
        for (gate, charge) in charges.iter() {
            self.gate(gate).give_back(charge, now);
        }
        self.pump_all(charges.path, now, woken);
    }

    /// A request that was sent is over. Returns until when its scope is
    /// closed, if one of its scopes refused it.
    pub(super) fn settle(
        &mut self,
        charges: &Charges,
        sent: Instant,
        mut outcome: Outcome,
        now: Instant,
        woken: &mut Vec<Waker>,
    ) -> Option<Instant> {
        if matches!(outcome, Outcome::Admitted) {
            self.trips.saw(now.saturating_duration_since(sent));
        }
        if let Outcome::Refused(refusal) = &mut outcome {
            let touched = charges.path.gates.into_iter().flatten();
            refusal.attribute(touched.map(|at| {
                let gate = self.gate(at);
                (gate.scope.throttle_scope(), gate.fullness())
            }));
        }
        let mut closed = None;
        for (at, charge) in charges.iter() {
            let gate = self.gates.get_mut(at).expect(GATE);
            let by_this = gate.settle(charge, sent, now, &outcome, &self.trips);
            if let Some(until) = by_this {
                self.fail_late(at, until, now, woken);
                closed = Some(until);
            }
        }
        self.pump_all(charges.path, now, woken);
        closed
    }

    pub(super) fn gate(&mut self, at: At) -> &mut Gate {
        self.gates.get_mut(at).expect(GATE)
    }

    pub(super) fn waiter(&mut self, at: At) -> &mut Waiter {
        self.waiters.get_mut(at).expect(WAITER)
    }
}

// NOTE: a gate is removed only when nobody waits for it or is in flight.
pub(super) const GATE: &str = "a gate in use stays";
const WAITER: &str = "a waiter stays until it leaves";

impl Charges {
    pub(super) fn iter(&self) -> impl Iterator<Item = (At, Charge)> + use<> {
        let parts = self.path.gates.into_iter().zip(self.parts);
        parts.filter_map(|(gate, part)| Some((gate?, part?)))
    }
}
