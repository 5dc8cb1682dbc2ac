use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Identity,
    flight::{Flight, Follow, Outcome},
};

/// The calls under way, by what they ask.
#[derive(Debug)]
pub(crate) struct Board {
    flights: Mutex<HashMap<Identity, Arc<Flight>>>,
    /// At most so many at once.
    max: usize,
}

/// What a request is to do.
#[derive(Debug)]
pub(crate) enum Role {
    /// Ask, for itself and for all who follow.
    Lead(Lead),
    /// Wait for an answer that is on its way.
    Follow(Follow),
    /// Ask for itself: there are too many calls to keep in mind.
    Alone,
}

/// The duty to tell those who follow. Dropped before that, it tells them to
/// ask anew.
#[derive(Debug)]
pub(crate) struct Lead {
    board: Arc<Board>,
    identity: Identity,
    flight: Arc<Flight>,
    has_landed: bool,
}

impl Board {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            flights: Mutex::default(),
            max,
        }
    }

    pub(crate) fn join(self: &Arc<Self>, identity: &Identity) -> Role {
        let mut flights = self.flights();
        let is_full = flights.len() >= self.max;
        match flights.entry(identity.clone()) {
            // Under the lock, so that the leader knows of it when it lands.
            Entry::Occupied(flight) => Role::Follow(flight.get().follow()),
            Entry::Vacant(_) if is_full => Role::Alone,
            Entry::Vacant(entry) => {
                let flight = Arc::clone(entry.insert(Arc::default()));
                Role::Lead(Lead {
                    board: Arc::clone(self),
                    identity: identity.clone(),
                    flight,
                    has_landed: false,
                })
            }
        }
    }

    /// How many calls are under way.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.flights().len()
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Flight>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// Nobody can join any more. Tells whether anybody follows.
    pub(crate) fn close(&mut self) -> bool {
        let removed = self.board.flights().remove(&self.identity);
        drop(removed);
        self.has_landed = true;
        self.flight.is_followed()
    }

    /// Tells those who follow what it came to.
    pub(crate) fn land(mut self, outcome: Outcome) {
        if !self.has_landed {
            self.close();
        }
        self.flight.land(outcome);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.has_landed {
            self.close();
            self.flight.land(Outcome::AskAnew);
        }
    }
}
