use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::tally::later;
use crate::extensions::{AccountId, Priority, RequestContext};

/// The places of the reads under way, and of those that timed out lately.
///
/// A waker may run anything when it is cloned, woken or dropped, so none of
/// that is done under the lock.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    places: usize,
    /// So many of them may be had by reads that nobody waits for.
    low: usize,
    /// And so many by one account.
    own: usize,
    /// For how long a timeout keeps its place.
    hold: Duration,
}

#[derive(Debug, Default)]
struct State {
    held: Held,
    /// When the places of those that timed out are free, the first one first.
    cooling: VecDeque<(Instant, Kind)>,
    /// Those who wait: the more urgent first, and else who came first.
    line: BTreeMap<Number, Waiter>,
    next: u64,
}

/// How many places are taken, or were and are not free yet.
#[derive(Debug, Default)]
struct Held {
    all: usize,
    low: usize,
    by_account: HashMap<AccountId, usize>,
}

/// Whose read it is, and how urgent.
#[derive(Clone, Debug)]
struct Kind {
    priority: Priority,
    account: Option<AccountId>,
}

#[derive(Debug)]
struct Waiter {
    waker: Option<Waker>,
    account: Option<AccountId>,
}

type Number = (Reverse<Priority>, u64);

/// A read that wants a place.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    kind: Kind,
    /// Once it waits.
    number: Option<Number>,
}

/// The right to be under way.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    kind: Kind,
}

// ===== impl Gate =====

impl Gate {
    pub(super) fn new(places: usize, hold: Duration) -> Self {
        Self {
            state: Mutex::default(),
            places,
            low: places - (places / 4).min(2),
            own: places.div_ceil(2),
            hold,
        }
    }

    pub(super) fn ticket(self: &Arc<Self>, context: Option<&RequestContext>) -> Ticket {
        Ticket {
            gate: Arc::clone(self),
            kind: Kind {
                priority: context.map(RequestContext::priority).unwrap_or_default(),
                account: context.and_then(RequestContext::account).cloned(),
            },
            number: None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever may have something to do then.
    fn change(&self, work: impl FnOnce(&mut State)) {
        let woken = {
            let mut state = self.state();
            work(&mut state);
            self.woken(&mut state)
        };
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// The first in line, who looks after the time, and the first for whom
    /// there is room.
    fn woken(&self, state: &mut State) -> [Option<Waker>; 2] {
        let next = self.next(state);
        let first = state.line.keys().next().copied();
        [first, next].map(|number| state.line.get_mut(&number?)?.waker.take())
    }

    /// The first in line for whom there is room.
    fn next(&self, state: &State) -> Option<Number> {
        if state.held.all >= self.places {
            return None;
        }
        let mut line = state.line.iter();
        let next = line.find(|((priority, _), waiter)| {
            self.has_room(&state.held, priority.0, waiter.account.as_ref())
        });
        next.map(|(number, _)| *number)
    }

    fn has_room(&self, held: &Held, priority: Priority, account: Option<&AccountId>) -> bool {
        let own = account.and_then(|account| held.by_account.get(account));
        held.all < self.places
            && (priority != Priority::Low || held.low < self.low)
            && own.is_none_or(|own| *own < self.own)
    }
}

// ===== impl State =====

impl State {
    /// Frees the places of those that timed out long enough ago.
    fn cool_down(&mut self, now: Instant) {
        while let Some((free, _)) = self.cooling.front()
            && *free <= now
            && let Some((_, kind)) = self.cooling.pop_front()
        {
            self.held.free(&kind);
        }
    }
}

// ===== impl Held =====

impl Held {
    fn take(&mut self, kind: &Kind) {
        self.all += 1;
        self.low += usize::from(kind.priority == Priority::Low);
        if let Some(account) = &kind.account {
            *self.by_account.entry(account.clone()).or_default() += 1;
        }
    }

    fn free(&mut self, kind: &Kind) {
        self.all -= 1;
        self.low -= usize::from(kind.priority == Priority::Low);
        if let Some(account) = &kind.account
            && let Some(own) = self.by_account.get_mut(account)
        {
            *own -= 1;
            if *own == 0 {
                self.by_account.remove(account);
            }
        }
    }
}

// ===== impl Ticket =====

impl Ticket {
    /// A place; or, for the first in line, when the next one is free at the
    /// latest, as far as is known.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<Result<Place, Option<Instant>>> {
        let waker = cx.waker().clone();
        let (gate, kind) = (&*self.gate, &self.kind);
        let mut state = gate.state();
        state.cool_down(now);
        let number = self.number.unwrap_or_else(|| {
            state.next += 1;
            (Reverse(kind.priority), state.next)
        });
        let is_next = gate.has_room(&state.held, kind.priority, kind.account.as_ref())
            && gate.next(&state).is_none_or(|next| number <= next);
        if is_next {
            let own = self.number.take().and_then(|n| state.line.remove(&n));
            state.held.take(kind);
            // There may be room for another one, too.
            let woken = gate.woken(&mut state);
            drop(state);
            drop(own);
            woken.into_iter().flatten().for_each(Waker::wake);
            return Poll::Ready(Ok(Place {
                gate: Arc::clone(&self.gate),
                kind: kind.clone(),
            }));
        }
        self.number = Some(number);
        let waiter = Waiter {
            waker: Some(waker),
            account: kind.account.clone(),
        };
        let old = state.line.insert(number, waiter);
        let is_first = state.line.keys().next() == Some(&number);
        let free = state.cooling.front().filter(|_| is_first);
        let free = free.map(|(free, _)| *free);
        // Not this one, but what has cooled down may be another's.
        let next = gate.next(&state);
        let next = next.and_then(|next| state.line.get_mut(&next)?.waker.take());
        drop(state);
        drop(old);
        if let Some(next) = next {
            next.wake();
        }
        match free {
            Some(_) => Poll::Ready(Err(free)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(number) = self.number else {
            return;
        };
        let mut own = None;
        self.gate.change(|state| own = state.line.remove(&number));
    }
}

// ===== impl Place =====

impl Place {
    /// It timed out: the place is free later.
    pub(super) fn cool(self, now: Instant) {
        let free = later(now, self.gate.hold);
        let kind = self.kind.clone();
        let mut state = self.gate.state();
        state.held.take(&kind);
        state.cooling.push_back((free, kind));
        drop(state);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.change(|state| state.held.free(&self.kind));
    }
}
