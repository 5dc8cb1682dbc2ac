use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Waker,
};

use crate::slab::{At, Slab};

/// The requests that wait, as lists through one slab: to join, to leave from
/// anywhere and to be granted take constant time.
#[derive(Debug)]
pub(super) struct Waiters {
    slots: Slab<Waiter>,
    room: Arc<Room>,
}

/// One line of requests, in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    head: Option<At>,
    tail: Option<At>,
    len: u32,
}

#[derive(Debug)]
enum Waiter {
    Waiting {
        prev: Option<At>,
        next: Option<At>,
        waker: Option<Waker>,
    },
    /// It has its permit, and has not been polled since.
    Granted,
}

/// What [`Waiters::leave`] found.
#[derive(Debug)]
pub(super) enum Left {
    Granted,
    /// With its waker, to be dropped outside the lock.
    Waiting(Option<Waker>),
}

impl Queue {
    pub(super) fn len(&self) -> u32 {
        self.len
    }
}

impl Waiters {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self {
            slots: Slab::new(),
            room,
        }
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// Joins the end of `queue`, unless as many wait as may.
    pub(super) fn join(&mut self, queue: &mut Queue) -> Option<At> {
        if !self.room.take() {
            return None;
        }
        let waiting = Waiter::Waiting {
            prev: queue.tail,
            next: None,
            waker: None,
        };
        let Some(slot) = self.slots.insert(waiting) else {
            self.room.give_back();
            return None;
        };
        match queue.tail {
            Some(tail) => self.set_next(tail, Some(slot)),
            None => queue.head = Some(slot),
        }
        queue.tail = Some(slot);
        queue.len += 1;
        Some(slot)
    }

    /// Grants the head of `queue`. `None` if nobody waits; else its waker, if
    /// it has left one.
    pub(super) fn grant(&mut self, queue: &mut Queue) -> Option<Option<Waker>> {
        let head = queue.head?;
        self.unlink(queue, head)
    }

    /// Whether `slot` was granted: it is free then. Else `waker` is told when
    /// it is, and the waker that it replaces comes back, to be dropped outside
    /// the lock.
    pub(super) fn poll(&mut self, slot: At, waker: &Waker) -> Result<(), Option<Waker>> {
        match self.slots.get_mut(slot) {
            Some(Waiter::Waiting { waker: old, .. }) => match old {
                Some(old) if old.will_wake(waker) => Err(None),
                old => Err(old.replace(waker.clone())),
            },
            Some(Waiter::Granted) | None => {
                self.slots.remove(slot);
                Ok(())
            }
        }
    }

    /// Leaves `queue`, from wherever it stands.
    pub(super) fn leave(&mut self, queue: &mut Queue, slot: At) -> Left {
        let left = match self.unlink(queue, slot) {
            Some(waker) => Left::Waiting(waker),
            None => Left::Granted,
        };
        self.slots.remove(slot);
        left
    }

    /// Takes a waiting `slot` out of `queue`, as granted.
    fn unlink(&mut self, queue: &mut Queue, slot: At) -> Option<Option<Waker>> {
        let granted = mem::replace(self.slots.get_mut(slot)?, Waiter::Granted);
        let Waiter::Waiting { prev, next, waker } = granted else {
            return None;
        };
        match prev {
            Some(prev) => self.set_next(prev, next),
            None => queue.head = next,
        }
        match next {
            Some(next) => self.set_prev(next, prev),
            None => queue.tail = prev,
        }
        queue.len -= 1;
        self.room.give_back();
        Some(waker)
    }

    fn set_next(&mut self, slot: At, to: Option<At>) {
        if let Some(Waiter::Waiting { next, .. }) = self.slots.get_mut(slot) {
            *next = to;
        }
    }

    fn set_prev(&mut self, slot: At, to: Option<At>) {
        if let Some(Waiter::Waiting { prev, .. }) = self.slots.get_mut(slot) {
            *prev = to;
        }
    }
}

/// How many may wait in all queues together.
#[derive(Debug)]
pub(super) struct Room {
    queued: AtomicU32,
    max: u32,
}

impl Room {
    pub(super) fn new(max: u32) -> Self {
        Self {
            queued: AtomicU32::new(0),
            max,
        }
    }

    pub(super) fn queued(&self) -> u32 {
        self.queued.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let one_more = |queued| (queued < self.max).then(|| queued + 1);
        self.queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    fn give_back(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}
