use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Asked;
use crate::coalesce::{Flight, Follow, Identity, Landed, Outcome};

/// The merged requests that still gather those who will share them.
#[derive(Debug)]
pub(super) struct Crews {
    open: Mutex<HashMap<Identity, Arc<Crew>>>,
    max_crews: usize,
}

/// Those who share one request.
#[derive(Debug, Default)]
struct Crew(Mutex<Aboard>);

#[derive(Debug, Default)]
struct Aboard {
    /// The leader's first.
    members: Vec<(Asked, Arc<Flight>)>,
    is_closed: bool,
    leader: Option<Waker>,
}

/// What a part is to do.
#[derive(Debug)]
pub(super) enum Place {
    /// Gather others, and ask for all.
    Captain(Captain),
    /// Wait for what the merged request brings.
    Sailor(Follow),
    /// Ask for itself.
    Alone,
}

/// The duty to tell all members. Dropped before that, it tells each to ask for
/// itself.
#[derive(Debug)]
pub(super) struct Captain {
    crews: Arc<Crews>,
    group: Identity,
    crew: Arc<Crew>,
}

impl Crews {
    pub(super) fn new(max_crews: usize) -> Self {
        Self {
            open: Mutex::default(),
            max_crews,
        }
    }

    /// At most `max` share one request.
    pub(super) fn join(self: &Arc<Self>, group: &Identity, asked: Asked, max: usize) -> Place {
        let flight = Arc::new(Flight::default());
        let mut open = self.open();
        let is_full = open.len() >= self.max_crews;
        match open.entry(group.clone()) {
            Entry::Occupied(entry) => {
                let follow = flight.follow();
                let crew = Arc::clone(entry.get());
                let mut aboard = crew.aboard();
                // Identical requests are one by now, but for headers that do
                // not matter to the group.
                if aboard
                    .members
                    .iter()
                    .any(|(other, _)| other.member == asked.member)
                {
                    return Place::Alone;
                }
                aboard.members.push((asked, flight));
                let mut woken = None;
                if aboard.members.len() >= max {
                    aboard.is_closed = true;
                    woken = aboard.leader.take();
                    entry.remove();
                }
                drop(aboard);
                drop(open);
                if let Some(leader) = woken {
                    leader.wake();
                }
                Place::Sailor(follow)
            }
            Entry::Vacant(_) if is_full => Place::Alone,
            Entry::Vacant(entry) => {
                let crew = Arc::new(Crew::default());
                crew.aboard().members.push((asked, flight));
                entry.insert(Arc::clone(&crew));
                Place::Captain(Captain {
                    crews: Arc::clone(self),
                    group: group.clone(),
                    crew,
                })
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Crew>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crew {
    fn aboard(&self) -> MutexGuard<'_, Aboard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Captain {
    /// Ready when nobody else can come aboard.
    pub(super) fn poll_full(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut aboard = self.crew.aboard();
        if aboard.is_closed {
            return Poll::Ready(());
        }
        let old = aboard.leader.replace(waker);
        drop(aboard);
        drop(old);
        Poll::Pending
    }

    /// Nobody can come aboard any more. Tells who is.
    pub(super) fn cast_off(&self) -> Vec<Asked> {
        let mut open = self.crews.open();
        if let Entry::Occupied(entry) = open.entry(self.group.clone())
            && Arc::ptr_eq(entry.get(), &self.crew)
        {
            entry.remove();
        }
        drop(open);
        let mut aboard = self.crew.aboard();
        aboard.is_closed = true;
        let members = aboard.members.iter();
        members.map(|(asked, _)| asked.clone()).collect()
    }

    /// Tells the others what they get, in the order in which they came aboard.
    pub(super) fn land(self, others: Vec<Landed>) {
        let members = mem::take(&mut self.crew.aboard().members);
        let flights = members.into_iter().skip(1).map(|(_, flight)| flight);
        for (flight, landed) in flights.zip(others) {
            flight.land(Outcome::Landed(landed));
        }
    }
}

impl Drop for Captain {
    fn drop(&mut self) {
        self.cast_off();
        let members = mem::take(&mut self.crew.aboard().members);
        for (_, flight) in members.into_iter().skip(1) {
            flight.land(Outcome::AskAlone);
        }
    }
}
