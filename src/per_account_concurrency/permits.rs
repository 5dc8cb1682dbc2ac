use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use hashbrown::DefaultHashBuilder;

use super::{
    Limits, QueueFull, Release,
    key::Key,
    limits::Kind,
    shard::{At, Place, Shard},
    snapshot::AccountUse,
    ticket::Ticket,
    waiters::Room,
};
use crate::extensions::{AccountId, RequestContext};

/// A power of two, so that it is cheap to divide by.
const SHARDS: usize = 16;

/// The permits of all accounts: shards behind locks.
///
/// Nothing is woken, and no waker dropped, under a lock: either may end in
/// dropping another request, which takes the lock.
#[derive(Debug)]
pub(super) struct Permits {
    hasher: DefaultHashBuilder,
    pub(super) shards: [Mutex<Shard>; SHARDS],
    /// Held while the shards are changed, so that they agree in the end.
    defaults: Mutex<Limits>,
    room: Arc<Room>,
    #[cfg(feature = "shared-state")]
    pub(super) membership: std::sync::OnceLock<crate::shared_state::Membership>,
}

impl Permits {
    pub(super) fn new(defaults: Limits, max_queued: u32, max_queued_in_total: u32) -> Self {
        let room = Arc::new(Room::new(max_queued_in_total));
        let shard = |_| Mutex::new(Shard::new(defaults, max_queued, room.clone()));
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: std::array::from_fn(shard),
            defaults: Mutex::new(defaults),
            room,
            #[cfg(feature = "shared-state")]
            membership: std::sync::OnceLock::new(),
        }
    }

    /// A permit, or a place in the queue.
    // Always: what it returns is large to move.
    #[inline(always)]
    pub(super) fn ticket(
        self: &Arc<Self>,
        account: Option<AccountId>,
        kind: Kind,
        release: Release,
        context: Option<&RequestContext>,
    ) -> Result<Ticket, QueueFull> {
        let place = self.enter(&self.key(account), kind)?;
        let ticket = Ticket::new(self.clone(), place, kind, release);
        #[cfg(feature = "shared-state")]
        if !ticket.is_held() {
            ticket.call(context);
        }
        #[cfg(not(feature = "shared-state"))]
        let _ = context;
        Ok(ticket)
    }

    #[inline]
    pub(super) fn enter(&self, key: &Key, kind: Kind) -> Result<Place, QueueFull> {
        let entered = self.shard(key.hash()).enter(key, kind);
        #[cfg(feature = "shared-state")]
        if entered.is_err() {
            self.call_if_asked(key.hash());
        }
        entered
    }

    pub(super) fn poll(&self, at: At, slot: crate::slab::At, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.shard(at.hash()).poll(slot, cx.waker());
        match polled {
            Ok(()) => Poll::Ready(()),
            Err(_replaced) => {
                #[cfg(feature = "shared-state")]
                self.call_for_one_that_waits(at.hash());
                Poll::Pending
            }
        }
    }

    #[inline]
    pub(super) fn release(&self, at: At, kind: Kind) {
        let woken = self.shard(at.hash()).release(at, kind);
        if let Some(waker) = woken {
            waker.wake();
        }
    }

    pub(super) fn leave(&self, at: At, kind: Kind, slot: crate::slab::At) {
        let (woken, _own) = self.shard(at.hash()).leave(at, kind, slot);
        if let Some(waker) = woken {
            waker.wake();
        }
    }

    pub(super) fn defaults(&self) -> Limits {
        *lock(&self.defaults)
    }

    pub(super) fn set_defaults(&self, limits: Limits) {
        let mut woken = Vec::new();
        {
            let mut defaults = lock(&self.defaults);
            *defaults = limits;
            for shard in &self.shards {
                lock(shard).set_defaults(limits, &mut woken);
            }
        }
        woken.into_iter().for_each(Waker::wake);
        #[cfg(feature = "shared-state")]
        self.call_from_anywhere();
    }

    pub(super) fn limits_of(&self, account: AccountId) -> Limits {
        let key = self.key(Some(account));
        self.shard(key.hash()).limits_of(&key)
    }

    pub(super) fn set_override(&self, account: AccountId, limits: Option<Limits>) {
        let mut woken = Vec::new();
        let key = self.key(Some(account));
        self.shard(key.hash())
            .set_override(&key, limits, &mut woken);
        woken.into_iter().for_each(Waker::wake);
        #[cfg(feature = "shared-state")]
        self.call_from_anywhere();
    }

    pub(super) fn snapshot(&self) -> Vec<AccountUse> {
        let mut accounts = Vec::new();
        for shard in &self.shards {
            lock(shard).snapshot(&mut accounts);
        }
        accounts
    }

    pub(super) fn queued(&self) -> u32 {
        self.room.queued()
    }

    #[inline]
    pub(super) fn key(&self, account: Option<AccountId>) -> Key {
        Key::new(account, &self.hasher)
    }

    #[inline]
    pub(super) fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // Neither the lowest nor the highest bits: the table uses those.
        lock(&self.shards[(hash >> 40) as usize % SHARDS])
    }
}

/// Locks even after a panic: the only foreign code under a lock is the clone
/// of a waker, and it runs before anything is changed.
#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
