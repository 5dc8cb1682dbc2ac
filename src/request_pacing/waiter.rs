use std::{task::Waker, time::Duration};

use tokio::time::Instant;

use super::{
    Inadmissible, Scopes, Touched,
    band::Place,
    charge::{Charges, Path},
};
use crate::{
    extensions::{AccountId, Priority, RequestContext},
    slab::At,
};

/// Where a request wants to go, and until when.
pub(super) struct Wish<'a> {
    pub(super) context: Option<&'a RequestContext>,
    pub(super) touched: Touched<'a>,
    pub(super) scopes: &'a dyn Scopes,
    pub(super) deadline: Option<Instant>,
}

/// A request that wants to go.
#[derive(Debug)]
pub(super) struct Comer {
    pub(super) account: Option<AccountId>,
    pub(super) priority: Priority,
    pub(super) age: Instant,
    /// Whether it had a turn before, and got nothing for it.
    pub(super) again: bool,
    /// How long it may be passed over, if not as long as others.
    pub(super) patience: Option<Duration>,
}

/// The turn of one that had to wait for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) place: Place,
    /// Since when it has its slots.
    pub(super) since: Instant,
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) comer: Comer,
    pub(super) deadline: Option<Instant>,
    pub(super) path: Path,
    pub(super) turn: u64,
    /// By how much sooner it has aged than others.
    pub(super) sooner: Duration,
    /// Its line, while it stands.
    pub(super) line: Option<At>,
    /// Where it stands at each gate of its path.
    pub(super) flows: [Option<At>; 4],
    pub(super) waker: Option<Waker>,
    pub(super) state: State,
}

/// How far a waiting request has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// In its line.
    Standing,
    /// In none, until it is polled: it did not take in time what it was
    /// granted, or the service inside was not ready in time.
    Aside { lapsed: bool },
    /// It may go, since then.
    Granted { charges: Charges, at: Instant },
    /// It cannot be sent in time.
    TooLate { earliest: Option<Instant> },
}

/// What a request got that wants to go.
#[derive(Debug)]
pub(super) enum Entered {
    Granted(Option<Turn>),
    Queued(At),
    TooLate { earliest: Instant },
    Full { queued: usize },
    Draining,
    Inadmissible(Box<Inadmissible>),
}

/// What a waiting request learns. Once it is no longer waiting, its place is
/// free.
#[derive(Debug)]
pub(super) enum Polled {
    Granted { charges: Charges, turn: Turn },
    TooLate { earliest: Option<Instant> },
    Waiting,
}

impl Waiter {
    /// `ageing` is how long others may be passed over.
    pub(super) fn new(
        path: Path,
        comer: Comer,
        deadline: Option<Instant>,
        turn: u64,
        ageing: Duration,
    ) -> Self {
        let patience = comer.patience.unwrap_or(ageing);
        Self {
            sooner: ageing.saturating_sub(patience),
            comer,
            deadline,
            path,
            turn,
            line: None,
            flows: [None; 4],
            waker: None,
            state: State::Aside { lapsed: false },
        }
    }

    pub(super) fn place(&self) -> Place {
        let age = self.comer.age;
        Place {
            age: age.checked_sub(self.sooner).unwrap_or(age),
            turn: self.turn,
            again: self.comer.again,
        }
    }

    /// Whether it counts as one that waits.
    pub(super) fn waits(&self) -> bool {
        matches!(self.state, State::Standing | State::Aside { .. })
    }
}
