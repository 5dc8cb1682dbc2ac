use std::{sync::Arc, task::Waker};

use hashbrown::{HashTable, hash_table::Entry};

use super::{
    Limits, QueueFull,
    key::Key,
    limits::Kind,
    snapshot::AccountUse,
    waiters::{Left, Queue, Room, Waiters},
};

/// Accounts up to which the table never shrinks.
const KEPT: usize = 32;

/// The accounts of one lock. It neither locks nor wakes: who calls it does.
///
/// Only accounts that have a request in flight or waiting are in it, and the
/// one that had last, so it is no larger than the traffic.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) accounts: HashTable<Account>,
    /// The account that was idle last. It stays until another one is, for
    /// most likely it is the next to be asked for.
    spare: Option<At>,
    next_id: u64,
    overrides: HashTable<Override>,
    defaults: Limits,
    max_queued: u32,
    pub(super) waiters: Waiters,
    #[cfg(feature = "shared-state")]
    pub(super) lending: Option<super::shared::Lending>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) key: Key,
    /// Never used again in this shard, and quicker to compare than the key.
    id: u64,
    writes: Lane,
    reads: Lane,
}

/// The limits that one account has of its own.
#[derive(Debug)]
struct Override {
    key: Key,
    limits: Limits,
}

/// Where a lane has a queue, its limit is reached: whatever makes room grants
/// at once.
#[derive(Debug)]
pub(super) struct Lane {
    /// How many may be in flight now.
    pub(super) limit: u32,
    pub(super) in_flight: u32,
    pub(super) queue: Queue,
    #[cfg(feature = "shared-state")]
    pub(super) lent: Option<Box<super::shared::Lent>>,
}

/// Where an account is. It stays there until the request that was told so has
/// given up what it got.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    hash: u64,
    id: u64,
}

/// What a request got that asked for a permit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Queued { at: At, slot: crate::slab::At },
    Held { at: At },
}

impl Shard {
    pub(super) fn new(defaults: Limits, max_queued: u32, room: Arc<Room>) -> Self {
        Self {
            accounts: HashTable::new(),
            spare: None,
            next_id: 0,
            overrides: HashTable::new(),
            defaults,
            max_queued,
            waiters: Waiters::new(room),
            #[cfg(feature = "shared-state")]
            lending: None,
        }
    }

    /// Takes a permit, or a place in the queue.
    #[inline]
    pub(super) fn enter(&mut self, key: &Key, kind: Kind) -> Result<Place, QueueFull> {
        if let Some(account) = self.accounts.find_mut(key.hash(), |it| it.key == *key)
            && account.lane(kind).has_room()
        {
            let at = account.at();
            account.lane(kind).take();
            return Ok(Place::Held { at });
        }
        self.enter_anew(key, kind)
    }

    /// The same, of an account that is idle or has no permit left.
    #[inline(never)]
    fn enter_anew(&mut self, key: &Key, kind: Kind) -> Result<Place, QueueFull> {
        let hash = key.hash();
        let account = match self.accounts.find_mut(hash, |found| found.key == *key) {
            Some(account) => account,
            None => {
                let limits = match self.is_shared() {
                    false => limits_of(key, &self.overrides, self.defaults),
                    // Nothing of it is ours yet.
                    true => Limits::paused(),
                };
                let id = self.next_id;
                self.next_id = id.wrapping_add(1);
                let account = Account::idle(key.clone(), id, limits);
                let entry = self.accounts.insert_unique(hash, account, rehash);
                entry.into_mut()
            }
        };
        let at = account.at();
        let lane = account.lane(kind);
        if lane.has_room() {
            lane.take();
            return Ok(Place::Held { at });
        }
        let queued = lane.queue.len();
        if queued < self.max_queued
            && let Some(slot) = self.waiters.join(&mut lane.queue)
        {
            #[cfg(feature = "shared-state")]
            self.borrow(at, kind);
            return Ok(Place::Queued { at, slot });
        }
        let full = if queued < self.max_queued {
            QueueFull::of_all(account.key.account(), self.waiters.room().queued())
        } else {
            QueueFull::of_account(account.key.account(), queued)
        };
        #[cfg(feature = "shared-state")]
        self.borrow(at, kind);
        self.evict_idle(at);
        Err(full)
    }

    /// Whether the request in `slot` has a permit by now. See [`Waiters::poll`].
    pub(super) fn poll(
        &mut self,
        slot: crate::slab::At,
        waker: &Waker,
    ) -> Result<(), Option<Waker>> {
        self.waiters.poll(slot, waker)
    }

    /// Gives a permit back. The waker is that of the request that has it now.
    #[inline]
    pub(super) fn release(&mut self, at: At, kind: Kind) -> Option<Waker> {
        let account = self.accounts.find_mut(at.hash, is(at))?;
        let lane = account.lane(kind);
        lane.in_flight -= 1;
        if lane.queue.len() > 0 {
            return self.hand_on(at, kind);
        }
        if account.is_idle() {
            self.set_spare(at);
        }
        None
    }

    /// Grants to the next in a queue what was given back.
    #[inline(never)]
    fn hand_on(&mut self, at: At, kind: Kind) -> Option<Waker> {
        let lane = self.accounts.find_mut(at.hash, is(at))?.lane(kind);
        if !lane.has_room() {
            return None;
        }
        let waker = self.waiters.grant(&mut lane.queue)?;
        lane.take();
        waker
    }

    #[inline]
    fn set_spare(&mut self, at: At) {
        if let Some(before) = self.spare
            && before.id != at.id
        {
            self.evict_idle(before);
        }
        self.spare = Some(at);
    }

    /// Gives up a place in the queue, or the permit that was granted to it.
    /// The first waker is to be woken, the second only to be dropped.
    pub(super) fn leave(
        &mut self,
        at: At,
        kind: Kind,
        slot: crate::slab::At,
    ) -> (Option<Waker>, Option<Waker>) {
        let Some(account) = self.accounts.find_mut(at.hash, is(at)) else {
            return (None, None);
        };
        match self.waiters.leave(&mut account.lane(kind).queue, slot) {
            Left::Granted => (self.release(at, kind), None),
            Left::Waiting(own) => {
                self.evict_idle(at);
                (None, own)
            }
        }
    }

    pub(super) fn set_defaults(&mut self, limits: Limits, woken: &mut Vec<Waker>) {
        self.defaults = limits;
        let shared = self.is_shared();
        for account in &mut self.accounts {
            let limits = limits_of(&account.key, &self.overrides, limits);
            account.set_limits(limits, shared, &mut self.waiters, woken);
        }
        #[cfg(feature = "shared-state")]
        self.call();
    }

    /// `None` puts the account back under the defaults.
    pub(super) fn set_override(
        &mut self,
        key: &Key,
        limits: Option<Limits>,
        woken: &mut Vec<Waker>,
    ) {
        let of_key = |own: &Override| own.key == *key;
        let found = self
            .overrides
            .entry(key.hash(), of_key, |own| own.key.hash());
        match (found, limits) {
            (Entry::Occupied(mut entry), Some(limits)) => entry.get_mut().limits = limits,
            (Entry::Occupied(entry), None) => drop(entry.remove()),
            (Entry::Vacant(entry), Some(limits)) => {
                let key = key.clone();
                entry.insert(Override { key, limits });
            }
            (Entry::Vacant(_), None) => {}
        }
        let of_key = |account: &Account| account.key == *key;
        let shared = self.is_shared();
        if let Some(account) = self.accounts.find_mut(key.hash(), of_key) {
            let limits = limits.unwrap_or(self.defaults);
            account.set_limits(limits, shared, &mut self.waiters, woken);
        }
        #[cfg(feature = "shared-state")]
        self.call();
    }

    /// Whether other processes use the same permits.
    #[inline]
    fn is_shared(&self) -> bool {
        #[cfg(feature = "shared-state")]
        return self.lending.is_some();
        #[cfg(not(feature = "shared-state"))]
        false
    }

    pub(super) fn limits_of(&self, key: &Key) -> Limits {
        limits_of(key, &self.overrides, self.defaults)
    }

    pub(super) fn snapshot(&self, into: &mut Vec<AccountUse>) {
        let lanes = |account: &&Account| [&account.writes, &account.reads].map(Lane::is_used);
        let in_use = self.accounts.iter().filter(|it| lanes(it) != [false; 2]);
        into.extend(in_use.map(|account| AccountUse {
            account: account.key.account().cloned(),
            limits: self.limits_of(&account.key),
            writes_in_flight: account.writes.in_flight,
            reads_in_flight: account.reads.in_flight,
            writes_queued: account.writes.queue.len(),
            reads_queued: account.reads.queue.len(),
        }));
    }

    pub(super) fn evict_idle(&mut self, at: At) {
        if let Ok(entry) = self.accounts.find_entry(at.hash, is(at))
            && entry.get().is_idle()
        {
            entry.remove();
            self.shrink();
        }
    }

    #[inline]
    fn shrink(&mut self) {
        let (len, capacity) = (self.accounts.len(), self.accounts.capacity());
        // Far apart from where it grows, so that its cost is spread over as
        // many evictions as it moves accounts.
        if capacity > KEPT && len < capacity / 8 {
            self.accounts.shrink_to(KEPT.max(2 * len), rehash);
        }
    }
}

#[inline]
fn rehash(account: &Account) -> u64 {
    account.key.hash()
}

#[inline]
pub(super) fn is(at: At) -> impl Fn(&Account) -> bool {
    move |account| account.id == at.id
}

fn limits_of(key: &Key, overrides: &HashTable<Override>, defaults: Limits) -> Limits {
    if overrides.is_empty() {
        return defaults;
    }
    let own = overrides.find(key.hash(), |own| own.key == *key);
    own.map_or(defaults, |own| own.limits)
}

impl At {
    #[inline]
    pub(super) fn hash(self) -> u64 {
        self.hash
    }
}

impl Account {
    #[inline]
    fn idle(key: Key, id: u64, limits: Limits) -> Self {
        Self {
            key,
            id,
            writes: Lane::idle(limits.max_writes()),
            reads: Lane::idle(limits.max_reads()),
        }
    }

    #[inline]
    pub(super) fn at(&self) -> At {
        At {
            hash: self.key.hash(),
            id: self.id,
        }
    }

    #[inline]
    fn is_idle(&self) -> bool {
        self.writes.is_idle() && self.reads.is_idle()
    }

    #[inline]
    pub(super) fn lane(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::Write => &mut self.writes,
        }
    }

    fn set_limits(
        &mut self,
        limits: Limits,
        shared: bool,
        waiters: &mut Waiters,
        woken: &mut Vec<Waker>,
    ) {
        for kind in [Kind::Read, Kind::Write] {
            let lane = self.lane(kind);
            lane.limit = if shared { 0 } else { limits.of(kind) };
            #[cfg(feature = "shared-state")]
            if let Some(lent) = &mut lane.lent {
                lane.limit = lent.reconfigured(limits.of(kind));
            }
            lane.let_go(waiters, woken);
        }
    }
}

impl Lane {
    #[inline]
    fn idle(limit: u32) -> Self {
        Self {
            limit,
            in_flight: 0,
            queue: Queue::default(),
            #[cfg(feature = "shared-state")]
            lent: None,
        }
    }

    #[inline]
    pub(super) fn has_room(&self) -> bool {
        #[cfg(feature = "shared-state")]
        if let Some(lent) = &self.lent
            && lent.has_ended()
        {
            return false;
        }
        self.in_flight < self.limit
    }

    #[inline]
    fn take(&mut self) {
        self.in_flight += 1;
        #[cfg(feature = "shared-state")]
        if let Some(lent) = &mut self.lent {
            lent.peak = lent.peak.max(self.in_flight);
        }
    }

    /// Lets as many go as may.
    pub(super) fn let_go(&mut self, waiters: &mut Waiters, woken: &mut Vec<Waker>) {
        while self.has_room()
            && let Some(waker) = waiters.grant(&mut self.queue)
        {
            self.take();
            woken.extend(waker);
        }
    }

    fn is_used(&self) -> bool {
        self.in_flight > 0 || self.queue.len() > 0
    }

    fn is_idle(&self) -> bool {
        #[cfg(feature = "shared-state")]
        if self.lent.is_some() {
            return false;
        }
        !self.is_used()
    }
}
