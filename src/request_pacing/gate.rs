use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    Quota, Scope, Window,
    hold::Hold,
    learned::Learned,
    outcome::{Outcome, Refusal},
    queue::FairQueue,
    share::Share,
    trips::Trips,
    window::Count,
};
use crate::slab::At;

/// One scope: its windows, its hold, and who waits for it.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) scope: Scope,
    /// Never used again.
    pub(super) id: u64,
    /// Made when somebody waits: most scopes never see that.
    pub(super) queue: Option<Box<FairQueue>>,
    /// Requests that have passed here and wait for a wider scope.
    pub(super) reserved: u32,
    /// The waiting request that keeps the time for all of them.
    pub(super) driver: Option<At>,
    /// When it wakes.
    pub(super) alarm: Option<Instant>,
    /// Whether it is on the list of those that may be idle.
    pub(super) listed: bool,
    pub(super) hold: Hold,
    pub(super) counts: Vec<Count>,
    pub(super) share: Option<Share>,
    /// Made when a refusal contradicts the quota, or when there is none.
    pub(super) learned: Option<Box<Learned>>,
    /// When each request was sent that short windows wait for. `None`: it has
    /// its slot and is about to be sent.
    pub(super) unanswered: BTreeMap<u64, Option<Instant>>,
    pub(super) next: u64,
    in_flight: u32,
}

/// A request's part in one gate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    pub(super) number: u64,
    /// Whether it took the last free slot.
    pub(super) tight: bool,
}

impl Gate {
    pub(super) fn new(scope: Scope, id: u64, quota: Option<&Quota>, midnight: Instant) -> Self {
        let mut gate = Self {
            scope,
            id,
            queue: None,
            reserved: 0,
            driver: None,
            alarm: None,
            listed: false,
            hold: Hold::default(),
            counts: Vec::new(),
            share: None,
            learned: None,
            unanswered: BTreeMap::new(),
            next: 0,
            in_flight: 0,
        };
        gate.set_quota(quota, midnight);
        gate
    }

    /// Changes the limits and keeps the counts.
    pub(super) fn set_quota(&mut self, quota: Option<&Quota>, midnight: Instant) {
        let mut old = std::mem::take(&mut self.counts);
        for window in quota.map_or(&[][..], Quota::windows) {
            let same = old
                .iter()
                .position(|count| count.limit().1 == window.span());
            let count = match same {
                Some(at) => {
                    let mut count = old.swap_remove(at);
                    count.set_limit(window.requests());
                    count
                }
                None => self.new_count(*window, midnight),
            };
            self.counts.push(count);
        }
        self.learn_below(quota, old, midnight);
        let short = self.counts.iter().filter_map(Count::short);
        let largest = short.map(|(limit, _)| limit).max();
        match (largest, &mut self.share) {
            (Some(limit), Some(share)) => share.set_limit(limit),
            (Some(limit), none) => *none = Some(Share::new(limit)),
            (None, share) => {
                *share = None;
                self.unanswered.clear();
            }
        }
        self.weigh_share();
    }

    /// The count of a window that was not counted so far.
    pub(super) fn new_count(&self, window: Window, midnight: Instant) -> Count {
        let mut count = Count::new(window, midnight);
        (0..self.in_flight).for_each(|_| count.take());
        count
    }

    /// How many more requests may pass.
    pub(super) fn room(&mut self, now: Instant, trips: &Trips) -> u32 {
        self.window_room(now, trips)
            .min(self.hold.room(now))
            .saturating_sub(self.reserved)
    }

    /// Whether a request that has passed may still be sent.
    pub(super) fn still_open(&mut self, now: Instant, trips: &Trips) -> bool {
        self.window_room(now, trips) > 0 && self.hold.room(now) > 0
    }

    fn window_room(&mut self, now: Instant, trips: &Trips) -> u32 {
        let room = self.count_room(now);
        if room == 0 && self.presume(now, trips) {
            return self.count_room(now);
        }
        room
    }

    fn count_room(&mut self, now: Instant) -> u32 {
        let counts = self.counts.iter_mut();
        counts
            .map(|count| count.room(now))
            .min()
            .unwrap_or(u32::MAX)
    }

    /// When there may be more room. `None`: when an answer comes.
    pub(super) fn opens_at(&mut self, now: Instant, trips: &Trips) -> Option<Instant> {
        let mut opens = now;
        if self.hold.room(now) == 0 {
            opens = self.hold.next_free(now)?;
        }
        for n in 0..self.counts.len() {
            let count = &mut self.counts[n];
            if count.room(now) > 0 {
                continue;
            }
            let free = match count.short() {
                Some((_, length)) => [count.next_free(), self.overdue(length, trips)]
                    .into_iter()
                    .flatten()
                    .min(),
                None => count.next_free(),
            };
            opens = opens.max(free?);
        }
        Some(opens)
    }

    /// An instant before which nothing passes for certain.
    pub(super) fn closed_until(&mut self, now: Instant) -> Option<Instant> {
        let held = self.hold.until(now);
        let in_flight = self.in_flight;
        let full = self.counts.iter_mut().filter_map(|count| {
            let certain = in_flight == 0 || count.limit().1 == super::Span::DayUtc;
            (certain && count.room(now) == 0).then(|| count.next_free())?
        });
        full.chain(held).max()
    }

    /// Takes a slot in every window.
    pub(super) fn take(&mut self, now: Instant, sent: bool) -> Charge {
        let number = self.next;
        self.next += 1;
        self.in_flight += 1;
        self.hold.take();
        let mut tight = false;
        for count in &mut self.counts {
            count.take();
            tight |= count.short().is_some() && count.room(now) == 0;
        }
        if self.share.is_some() {
            self.unanswered.insert(number, sent.then_some(now));
        }
        Charge { number, tight }
    }

    /// It is sent now, or not yet.
    pub(super) fn set_sent(&mut self, charge: Charge, sent: Option<Instant>) {
        if let Some(entry) = self.unanswered.get_mut(&charge.number) {
            *entry = sent;
        }
    }

    /// It was not sent.
    pub(super) fn give_back(&mut self, charge: Charge, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.hold.ended(now);
        self.unanswered.remove(&charge.number);
        self.counts.iter_mut().for_each(Count::give_back);
    }

    /// It was answered, or will never be. Returns until when this scope is
    /// closed, if it was the one that refused.
    pub(super) fn settle(
        &mut self,
        charge: Charge,
        sent: Instant,
        now: Instant,
        outcome: &Outcome,
        trips: &Trips,
    ) -> Option<Instant> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.hold.ended(sent);
        // Nobody saw when it ended: it may still be on its way.
        let latest = match outcome {
            Outcome::Lost => now.max(sent + trips.long()),
            Outcome::Admitted | Outcome::Refused(_) | Outcome::Unclear => now,
        };
        let (mut arrival, mut seen) = (Some(latest), now);
        if let Some(share) = &mut self.share {
            let waited_for = self.unanswered.remove(&charge.number).is_some();
            arrival = waited_for.then(|| share.arrival(sent, latest));
            // NOTE: as `presume` took it, or one stall would teach nonsense.
            if !waited_for {
                seen = now.min(sent + trips.long());
            }
        }
        for count in &mut self.counts {
            count.arrived(arrival, latest);
        }
        let refusal = match outcome {
            Outcome::Admitted => {
                self.hold.admitted(sent);
                if let Some(share) = &mut self.share
                    && arrival.is_some()
                {
                    share.admitted(sent, seen, charge.tight);
                }
                self.learn_admitted(charge);
                None
            }
            Outcome::Refused(refusal) => Some(refusal),
            Outcome::Unclear | Outcome::Lost => None,
        };
        let refusal = refusal.filter(|refusal| refusal.by == Some(self.scope.throttle_scope()));
        let closed = refusal.map(|refusal| self.refused(charge, sent, seen, now, refusal));
        self.learn_refusals(now);
        closed
    }

    fn refused(
        &mut self,
        charge: Charge,
        sent: Instant,
        seen: Instant,
        now: Instant,
        refusal: &Refusal,
    ) -> Instant {
        let mut known = false;
        if self.counts.is_empty() {
            // So there is a limit after all.
            self.set_quota(Some(&Quota::unknown()), now);
        }
        self.learn_long(sent, now, refusal);
        self.learn_told(now, refusal);
        if let Some(share) = &mut self.share
            && refusal.may_be_short()
        {
            let told = refusal.limit_per_second().is_some();
            share.refused(sent, seen, (charge.number, self.next), told);
            // A probe that failed is the likely reason, and it was undone.
            known = refusal.is_short() || self.learns_short();
        }
        self.hold
            .refused(sent, now, |repeats| refusal.wait(repeats, known));
        self.hold.until(now).unwrap_or(now)
    }

    /// When the short window stops waiting for the oldest unanswered request.
    fn overdue(&self, length: Duration, trips: &Trips) -> Option<Instant> {
        let share = self.share.as_ref()?;
        let sent = self.unanswered.values().find_map(|sent| *sent)?;
        let long = trips.long();
        Some((sent + long).max(share.arrival(sent, sent + long) + length))
    }

    /// Takes as arrived what should have been answered long ago: a call that
    /// stalls would hold its slot for ever. It may yet arrive, and then a short
    /// window has one too many; the windows of a minute and more wait on.
    fn presume(&mut self, now: Instant, trips: &Trips) -> bool {
        let lengths = self.counts.iter().filter_map(Count::short);
        let Some(longest) = lengths.map(|(_, length)| length).max() else {
            return false;
        };
        let mut any = false;
        while self.overdue(longest, trips).is_some_and(|at| at <= now)
            && let Some(share) = &mut self.share
            && let Some((&number, &Some(sent))) =
                self.unanswered.iter().find(|(_, sent)| sent.is_some())
        {
            let arrival = share.arrival(sent, sent + trips.long());
            share.presumed(sent, sent + trips.long());
            self.unanswered.remove(&number);
            for count in &mut self.counts {
                count.presume(arrival);
            }
            any = true;
        }
        any
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn share(&self) -> Option<f64> {
        self.share.as_ref().map(Share::value)
    }

    pub(super) fn counts(&self) -> &[Count] {
        &self.counts
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    /// Which part of the fullest short window is taken.
    pub(super) fn fullness(&self) -> f64 {
        let short = self.counts.iter().filter_map(|count| {
            let (limit, _) = count.short()?;
            Some(f64::from(count.used()) / f64::from(limit))
        });
        short.fold(0.0, f64::max)
    }

    /// When it may be as a new one, if nothing more comes.
    pub(super) fn idle_from(&self, now: Instant) -> Option<Instant> {
        if self.in_flight > 0 || self.queued() > 0 || self.reserved > 0 {
            return None;
        }
        let ends = self.counts.iter().filter(|count| count.used() > 0);
        let latest = ends.filter_map(|count| {
            let (_, span) = count.limit();
            match span {
                super::Span::Any(length) => Some(now + length * 2),
                super::Span::DayUtc => count.next_free(),
            }
        });
        let learned = self.learned.as_ref().and_then(|it| it.counts_until());
        let latest = latest.chain(self.hold.until(now)).chain(learned).max();
        Some(latest.unwrap_or(now).max(now))
    }

    /// Whether a new one would do as well.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.in_flight == 0
            && self.queued() == 0
            && self.reserved == 0
            && self.hold.is_clear(now)
            && self.forgets_learned(now)
            && self.counts.iter_mut().all(|count| {
                let (limit, _) = count.limit();
                count.room(now) == limit
            })
    }
}
