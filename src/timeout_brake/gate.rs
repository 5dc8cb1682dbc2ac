use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::tally::later;
use crate::extensions::Priority;

/// The places of the reads under way, and of those that timed out lately.
///
/// A waker may run anything when it is cloned, woken or dropped, so none of
/// that is done under the lock.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    places: usize,
    /// For how long a timeout keeps its place.
    hold: Duration,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// When the places of those that timed out are free, the first one first.
    cooling: VecDeque<Instant>,
    /// Those who wait: the more urgent first, and else who came first.
    line: BTreeMap<Number, Option<Waker>>,
    next: u64,
}

type Number = (Reverse<Priority>, u64);

/// A read that wants a place.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    priority: Priority,
    /// Once it waits.
    number: Option<Number>,
}

/// The right to be under way.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
}

impl Gate {
    pub(super) fn new(places: usize, hold: Duration) -> Self {
        Self {
            state: Mutex::default(),
            places,
            hold,
        }
    }

    pub(super) fn ticket(self: &Arc<Self>, priority: Priority) -> Ticket {
        Ticket {
            gate: Arc::clone(self),
            priority,
            number: None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever is the first in line then.
    fn change(&self, work: impl FnOnce(&mut State)) {
        let first = {
            let mut state = self.state();
            work(&mut state);
            state.first()
        };
        if let Some(first) = first {
            first.wake();
        }
    }
}

impl State {
    fn first(&mut self) -> Option<Waker> {
        self.line.first_entry()?.get_mut().take()
    }

    fn has_room(&mut self, places: usize, now: Instant) -> bool {
        while self.cooling.front().is_some_and(|free| *free <= now) {
            self.cooling.pop_front();
        }
        self.taken.saturating_add(self.cooling.len()) < places
    }
}

impl Ticket {
    /// A place; or, for the first in line, when the next one is free at the
    /// latest, as far as is known.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<Result<Place, Option<Instant>>> {
        let waker = cx.waker().clone();
        let mut state = self.gate.state();
        let number = self.number.unwrap_or_else(|| {
            state.next += 1;
            (Reverse(self.priority), state.next)
        });
        let first = state.line.keys().next();
        let is_first = first.is_none_or(|first| number <= *first);
        if is_first && state.has_room(self.gate.places, now) {
            let own = self.number.take().and_then(|n| state.line.remove(&n));
            state.taken += 1;
            let next = state.first();
            drop(state);
            drop(own);
            // There may be room for that one, too.
            if let Some(next) = next {
                next.wake();
            }
            let gate = Arc::clone(&self.gate);
            return Poll::Ready(Ok(Place { gate }));
        }
        self.number = Some(number);
        let old = state.line.insert(number, Some(waker));
        let free = state.cooling.front().copied().filter(|_| is_first);
        drop(state);
        drop(old);
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

impl Place {
    /// It timed out: the place is free later.
    pub(super) fn cool(self, now: Instant) {
        let free = later(now, self.gate.hold);
        self.gate.state().cooling.push_back(free);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.change(|state| state.taken -= 1);
    }
}
