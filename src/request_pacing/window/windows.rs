use std::{mem, sync::Arc, time::Duration};

use super::{
    count::Count,
    counts::Counts,
    flight::{Arrived, InFlight},
    limit::{Kind, Limit},
    plan::Plan,
};
use crate::request_pacing::{
    Span,
    tick::{DAY, Now, Tick, Ticks},
};

/// The counts of one scope, one for each window of its plan.
#[derive(Debug)]
pub(in crate::request_pacing) struct Windows {
    pub(super) plan: Option<Arc<Plan>>,
    counts: Counts,
}

impl Windows {
    pub(in crate::request_pacing) fn new(plan: Option<Arc<Plan>>) -> Self {
        let counts = Counts::new(plan.as_deref());
        Self { plan, counts }
    }

    /// Changes the limits, and keeps the counts of the windows that stay. Those
    /// that must not be overrun count on without a limit: they may come back.
    pub(in crate::request_pacing) fn set_plan(
        &mut self,
        plan: Option<Arc<Plan>>,
        in_flight: InFlight,
    ) {
        let kept = self.limits().iter().filter(|old| !old.is_short());
        let mut new = Self::new(Plan::keeping(plan, kept));
        for (limit, count) in new.each_mut() {
            let same = self.each_mut().find(|(old, _)| old.is_as_long_as(limit));
            match same {
                Some((_, old)) => *count = mem::take(old),
                None => count.take(in_flight.all),
            }
        }
        *self = new;
    }

    pub(in crate::request_pacing) fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// Admits so many in the window of this length from now on, in this scope
    /// only.
    pub(in crate::request_pacing) fn set_limit(&mut self, length: Ticks, requests: u32) {
        if self.limit(length).is_some_and(|limit| limit != requests)
            && let Some(plan) = &mut self.plan
        {
            Arc::make_mut(plan).set_limit(length, requests);
        }
    }

    /// Others use them as well: has so many in so many, from now on, of those
    /// that must not be overrun. `None`: all.
    pub(in crate::request_pacing) fn set_part(&mut self, part: Option<(u32, u32)>) {
        let lent = |limit: &Limit| part.map_or(u32::MAX, |part| limit.part(part));
        let is_long = |limit: &&mut Limit| limit.kind == Kind::Long;
        let mut long = self.limits().iter().filter(|it| it.kind == Kind::Long);
        if long.all(|limit| limit.is_lent(lent(limit))) {
            return;
        }
        if let Some(plan) = &mut self.plan {
            let limits = Arc::make_mut(plan).limits.iter_mut();
            limits.filter(is_long).for_each(|it| it.lend(lent(it)));
        }
    }

    /// Whether it is known what those that must not be overrun admit.
    pub(in crate::request_pacing) fn have_part(&self) -> bool {
        let mut limits = self.limits().iter();
        limits.any(|limit| limit.kind == Kind::Long && !limit.is_unknown())
    }

    /// What the window of this length admits, if there is one.
    pub(in crate::request_pacing) fn limit(&self, length: Ticks) -> Option<u32> {
        let mut limits = self.limits().iter();
        let limit = limits.find(|limit| limit.is_of(length));
        limit.map(|limit| limit.whole)
    }

    /// For how many of all processes one of this process stands, in the window
    /// of this length: only who is told what it has of all knows.
    pub(in crate::request_pacing) fn weight(&self, length: Ticks) -> u32 {
        if !self.know_others() {
            return 1;
        }
        let mut limits = self.limits().iter();
        let limit = limits.find(|limit| limit.is_of(length));
        limit.map_or(1, |limit| limit.whole / limit.requests.max(1))
    }

    /// Whether this process is told what others do with the same limits.
    pub(in crate::request_pacing) fn know_others(&self) -> bool {
        #[cfg(feature = "shared-state")]
        return self.are_lent();
        #[cfg(not(feature = "shared-state"))]
        return false;
    }

    /// How many more requests may go.
    #[inline]
    pub(in crate::request_pacing) fn room(&mut self, in_flight: InFlight, now: Now) -> u32 {
        let mut room = u32::MAX;
        for (limit, count) in self.each_mut() {
            room = room.min(count.room(limit, in_flight.of(limit), now));
        }
        room
    }

    /// Whether so many may go, or as many as a window admits at all.
    pub(in crate::request_pacing) fn have_room(
        &mut self,
        requests: u32,
        in_flight: InFlight,
        now: Now,
    ) -> bool {
        self.each_mut().all(|(limit, count)| {
            let room = count.room(limit, in_flight.of(limit), now);
            // Of one that is shared there may be nothing.
            room >= requests.min(limit.requests.max(1))
        })
    }

    /// Which part of the fullest short window is taken.
    pub(in crate::request_pacing) fn fullness(&mut self, in_flight: InFlight, now: Now) -> f64 {
        let short = self.each_mut().filter(|(limit, _)| limit.is_short());
        let full = short.map(|(limit, count)| {
            // Lets go what has left it by now.
            count.room(limit, in_flight.awaited, now);
            f64::from(count.used(in_flight.awaited)) / f64::from(limit.requests)
        });
        full.fold(0.0, f64::max)
    }

    /// Whether a short window is full.
    pub(in crate::request_pacing) fn is_tight(&mut self, in_flight: InFlight, now: Now) -> bool {
        let mut short = self.each_mut().filter(|(limit, _)| limit.is_short());
        short.any(|(limit, count)| count.room(limit, in_flight.awaited, now) == 0)
    }

    /// `in_flight` are those before.
    #[inline]
    pub(in crate::request_pacing) fn take(&mut self, requests: u32, in_flight: u32, now: Now) {
        if self.plan.as_deref().is_some_and(Plan::has_day) {
            for (_, count) in self.each_mut() {
                count.turn(in_flight, now);
                count.take(requests);
            }
        }
    }

    pub(in crate::request_pacing) fn give_back(&mut self, requests: u32) {
        self.each_mut()
            .for_each(|(_, count)| count.give_back(requests));
    }

    #[inline]
    pub(in crate::request_pacing) fn arrived(&mut self, it: &Arrived, now: Now) {
        for (limit, count) in self.each_mut() {
            match (limit.kind, it.probably) {
                (Kind::Short, Some(at)) => count.arrived(at, it.requests, limit),
                (Kind::Short, None) => {}
                (Kind::Long, _) => count.arrived(it.latest, it.requests, limit),
                // It was in flight if midnight came near before now.
                (Kind::Day, _) => {
                    count.turn(it.in_flight, now);
                    count.may_arrive(it.latest, it.requests, now);
                }
            }
        }
    }

    /// A request that was not answered is taken to have arrived. Only a short
    /// window takes that for granted.
    pub(in crate::request_pacing) fn presume(&mut self, at: Tick, requests: u32) {
        for (limit, count) in self.each_mut().filter(|(limit, _)| limit.is_short()) {
            count.arrived(at, requests, limit);
        }
    }

    /// When all windows that lack room for so many have more. The short ones no
    /// longer wait for an answer once it is `overdue`. `None`: when an answer
    /// comes.
    pub(in crate::request_pacing) fn open_at(
        &mut self,
        requests: u32,
        in_flight: InFlight,
        now: Now,
        overdue: Option<Tick>,
    ) -> Option<Tick> {
        let mut opens = now.tick;
        for (limit, count) in self.each_mut() {
            let room = count.room(limit, in_flight.of(limit), now);
            if room >= requests.min(limit.requests.max(1)) {
                continue;
            }
            let mut free = count.next_free(now);
            if limit.is_short() {
                free = [free, overdue].into_iter().flatten().min();
            }
            opens = opens.max(free?);
        }
        Some(opens)
    }

    /// An instant before which, for certain, none passes that lets so many go
    /// `before` it, if windows of a length admit as many as `most` tells. The
    /// oldest in flight was sent at `oldest`.
    pub(in crate::request_pacing) fn earliest(
        &mut self,
        before: u32,
        most: impl Fn(Ticks) -> Option<u32>,
        in_flight: InFlight,
        oldest: Tick,
        now: Now,
    ) -> Tick {
        let mut earliest = now.tick;
        for (limit, count) in self.each_mut() {
            // It may have all of it any time.
            let limit = &limit.unlent();
            let most = most(limit.length).unwrap_or(limit.requests);
            let room = count.room(limit, in_flight.of(limit), now);
            let room = room.saturating_add(most.saturating_sub(limit.requests));
            if before < room {
                continue;
            }
            // When the first slot is free again: of those that left, of those
            // in flight, or of those that go now.
            let (length, free) = match limit.kind {
                Kind::Short => (limit.length, oldest.plus(limit.length)),
                Kind::Long => (limit.length, now.tick.plus(limit.length)),
                Kind::Day => (DAY, Tick::NEVER),
            };
            let free = count.next_free(now).map_or(free, |next| next.min(free));
            let free = free.max(now.tick);
            let rounds = u64::from((before - room) / most.max(1));
            earliest = earliest.max(free.plus(length.mul(rounds)));
        }
        earliest
    }

    /// The clock was set; so many went of late, and nobody knows on which day.
    pub(in crate::request_pacing) fn step(&mut self, unsure: u32, now: Now) {
        self.each_mut()
            .for_each(|(_, count)| count.turn(unsure, now));
    }

    /// Whether nothing is in any, and nothing in flight.
    pub(in crate::request_pacing) fn are_empty(&mut self, now: Now) -> bool {
        self.each_mut()
            .all(|(limit, count)| count.room(&limit.unlent(), 0, now) == limit.whole)
    }

    /// Each limit, its span, and what is in it.
    pub(in crate::request_pacing) fn uses(
        &self,
        in_flight: InFlight,
    ) -> impl Iterator<Item = (u32, Span, u32)> {
        let each = self.each();
        each.map(move |(limit, count)| {
            let used = count.used(in_flight.of(limit));
            (limit.requests, limit.span(), used)
        })
    }

    /// Limit and length of those that are short.
    pub(in crate::request_pacing) fn short(&self) -> impl Iterator<Item = (u32, Duration)> + Clone {
        let short = self.limits().iter().filter(|limit| limit.is_short());
        short.map(|limit| (limit.requests, limit.length.into()))
    }

    /// Takes as little memory as may be.
    pub(in crate::request_pacing) fn shrink(&mut self) {
        self.each_mut().for_each(|(_, count)| count.shrink());
    }

    #[cfg(test)]
    pub(super) fn longest_log(&self) -> usize {
        let logs = self.each().map(|(_, count)| match count {
            Count::Many { log, .. } => log.len(),
            _ => 0,
        });
        logs.max().unwrap_or(0)
    }

    fn limits(&self) -> &[Limit] {
        self.plan.as_deref().map_or(&[], Plan::limits)
    }

    #[inline]
    pub(super) fn each(&self) -> impl Iterator<Item = (&Limit, &Count)> {
        self.limits().iter().zip(self.counts.as_slice())
    }

    #[inline]
    fn each_mut(&mut self) -> impl Iterator<Item = (&Limit, &mut Count)> {
        let limits = self.plan.as_deref().map_or(&[][..], Plan::limits);
        limits.iter().zip(self.counts.as_mut_slice())
    }
}
