use std::task::Waker;

use tokio::time::Instant;

use super::{
    Scopes, Touched,
    charge::{Charges, Path},
    queue::Standing,
};
use crate::{
    extensions::{AccountId, Priority},
    slab::At,
};

/// Where a request wants to go, and until when.
pub(super) struct Wish<'a> {
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
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) comer: Comer,
    pub(super) deadline: Option<Instant>,
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
    Granted,
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
