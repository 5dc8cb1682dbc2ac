use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

use super::{
    Scope, alarms::Alarms, by_hand::ByHand, drain::Drain, gate::Gate, line::Line, names::Names,
    tick::Now, trips::Trips, waiter::Waiter, window::Plan,
};
use crate::{
    extensions::AccountId,
    slab::{At, Slab},
};

/// The state of all scopes. It neither locks nor wakes nor reads a clock: who
/// calls it does.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) gates: Slab<Gate>,
    /// The gate of the application.
    pub(super) app: Option<At>,
    /// Those of endpoints and of values of fields, by name.
    pub(super) names: Names,
    /// Those of accounts at endpoints.
    pub(super) accounts: HashTable<At>,
    pub(super) hasher: DefaultHashBuilder,
    /// Those that were used, in line to be made small.
    pub(super) in_line: VecDeque<At>,
    /// The one that was looked at last, whether it can go.
    pub(super) looked_at: Option<At>,
    pub(super) waiters: Slab<Waiter>,
    pub(super) lines: Slab<Line>,
    /// By scope, and the line after.
    pub(super) line_of: HashMap<(At, Option<At>), At>,
    /// Lines that wait for their scope, by scope.
    pub(super) blocked: BTreeSet<(At, At)>,
    /// Gates that may have changed, each once.
    pub(super) changed: Vec<At>,
    /// Lines at the end of a way whose requests may go, each once.
    pub(super) roots: Vec<At>,
    pub(super) alarms: Alarms,
    pub(super) weights: HashMap<AccountId, u32>,
    pub(super) by_hand: HashMap<Scope, ByHand>,
    pub(super) plans: HashSet<Arc<Plan>>,
    pub(super) trips: Trips,
    pub(super) settings: Settings,
    pub(super) paused: bool,
    pub(super) drain: Drain,
    /// Slots that were taken since the clock was read.
    pub(super) of_late: u32,
    /// Requests that may go, or went and are not over.
    pub(super) under_way: usize,
    pub(super) queued: usize,
    pub(super) turn: u64,
    #[cfg(feature = "shared-state")]
    pub(super) lending: Option<Box<super::shared::Lending>>,
    /// Whether any scope ever refused: it may have to forget what it learned.
    pub(super) refused: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_queued: usize,
    pub(super) ageing: Duration,
    /// A call whose answer nobody saw arrives no later than so long after it
    /// was sent.
    pub(super) lost_after: Duration,
}

impl Core {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            gates: Slab::new(),
            app: None,
            names: Names::new(),
            accounts: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            in_line: VecDeque::new(),
            looked_at: None,
            waiters: Slab::new(),
            lines: Slab::new(),
            line_of: HashMap::new(),
            blocked: BTreeSet::new(),
            changed: Vec::new(),
            roots: Vec::new(),
            alarms: Alarms::default(),
            weights: HashMap::new(),
            by_hand: HashMap::new(),
            plans: HashSet::new(),
            trips: Trips::default(),
            settings,
            paused: false,
            drain: Drain::default(),
            of_late: 0,
            under_way: 0,
            queued: 0,
            turn: 0,
            #[cfg(feature = "shared-state")]
            lending: None,
            refused: false,
        }
    }

    /// If the clock was set, what went since it was read before may have gone on
    /// either day.
    pub(super) fn clock_was_read(&mut self, is_set: bool, now: Now, woken: &mut Vec<Waker>) {
        let of_late = std::mem::take(&mut self.of_late);
        if !is_set {
            return;
        }
        let gates: Vec<At> = self.gates.iter().map(|(at, _)| at).collect();
        for at in gates {
            self.gate(at).clock_was_set(of_late, now);
            if self.first_blocked(at).is_some() {
                self.note(at);
            }
        }
        self.run(now, woken);
    }

    pub(super) fn gate(&mut self, at: At) -> &mut Gate {
        self.gates.get_mut(at).expect(GATE)
    }

    pub(super) fn waiter(&mut self, at: At) -> &mut Waiter {
        self.waiters.get_mut(at).expect(WAITER)
    }
}

// NOTE: a gate is removed only when no request that waits has it before it and
// none is in flight: see `Active::is_quiet`.
pub(super) const GATE: &str = "a gate in use stays";
pub(super) const LINE: &str = "a line stays while somebody waits in it";
pub(super) const WAITER: &str = "a waiter stays until it leaves";
