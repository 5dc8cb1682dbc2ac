use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

#[cfg(feature = "shared-state")]
use super::shared::Alone;
use super::{
    charge::Charge,
    gate::Gate,
    outcome::{Outcome, Refusal},
    share::Share,
    slots::Closed,
    tick::{Now, Tick, Ticks},
    trips::Trips,
    window::{Arrived, Plan},
};

/// Others hear of a suspension only by sending, a while later, and that may
/// prolong it. Who comes back before it is over prolongs it again, for all.
/// So one stays away for a twelfth longer, but not past this: who is told to
/// stay away for longer has long been heard of, and resends wait no longer.
const LATEST: Duration = Duration::from_secs(325);

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) cost: u32,
    pub(super) now: Now,
    pub(super) sent: Now,
    /// What its round trip took beyond what every one takes, if that ended when
    /// it was answered, or as if it had been.
    pub(super) trip: Ticks,
    /// When it arrived at the latest. Not before it ended.
    pub(super) latest: Tick,
    /// Whether refusals tell of others in any of the scopes that it touched.
    pub(super) others: bool,
}

/// What the end of a request tells a scope.
impl Gate {
    /// It was answered, or will never be. Returns what is closed then, if this
    /// scope was the one that refused.
    #[inline]
    pub(super) fn settle(
        &mut self,
        charge: Charge,
        answer: &Answer<'_>,
        trips: &Trips,
    ) -> Option<Closed> {
        let (now, sent) = (answer.now, answer.sent.instant);
        let active = self.active.as_deref_mut()?;
        let in_flight = active.in_flight;
        active.in_flight = in_flight.saturating_sub(answer.cost);
        active.hold.ended(sent);
        let awaited = active.flights.remove(charge.number());
        // NOTE: as `presume` took it, or one stall would teach nonsense.
        let seen = if awaited {
            now.instant
        } else {
            now.instant.min(sent + trips.long())
        };
        let share = active.share.as_ref().filter(|_| awaited);
        let (first, latest) = (answer.sent.tick, answer.latest);
        let probably = share.map(|it| first.plus(answer.trip.mul_f64(it.value())));
        let arrived = Arrived {
            requests: answer.cost,
            probably,
            latest,
            in_flight,
        };
        self.windows.arrived(&arrived, now);
        let closed = match answer.outcome {
            Outcome::Admitted => {
                active.hold.admitted(sent);
                if let Some(share) = &mut active.share
                    && awaited
                {
                    share.admitted(sent, seen, answer.cost, charge.is_tight());
                }
                if active.learned.is_some() {
                    self.learn_admitted(charge);
                }
                None
            }
            Outcome::Refused(refusal) if refusal.by == Some(self.kind.throttle_scope()) => {
                self.refused(charge, sent, seen, now, refusal, answer.others)
            }
            Outcome::Refused(refusal) => {
                if refusal.is_long_of_all() {
                    self.learn_overrun();
                }
                None
            }
            Outcome::Unclear | Outcome::Lost => None,
        };
        self.weigh_refusals(now.instant);
        closed
    }

    /// One less is under way: refusals may have waited for its answer.
    #[inline]
    pub(super) fn weigh_refusals(&mut self, now: Instant) {
        let active = self.if_active();
        if active.is_some_and(|it| it.share.as_ref().is_some_and(Share::is_pending)) {
            self.learn_refusals(now);
        }
    }

    /// Returns until when it is closed, or now if it is only full.
    #[cold]
    #[inline(never)]
    fn refused(
        &mut self,
        charge: Charge,
        sent: Instant,
        seen: Instant,
        now: Now,
        refusal: &Refusal,
        by_others: bool,
    ) -> Option<Closed> {
        // Where it was sent alone, and the store is back since, it tells nothing but
        // what the server says.
        #[cfg(feature = "shared-state")]
        let (alone, is_late) = match self.count_refusal(charge.number()) {
            Alone::No => (false, false),
            Alone::Yes => (true, false),
            Alone::Before => (true, true),
        };
        #[cfg(not(feature = "shared-state"))]
        let (alone, is_late) = (false, false);
        let was_open = self.held_until(now.instant).is_none();
        if self.windows.plan().is_none_or(Plan::admits_all) {
            // So there is a limit after all.
            self.set_plan(Some(Arc::new(Plan::unknown())));
        }
        // One that names none can be no other's, where there is no other.
        let is_only = self.windows.short().next().is_none() && refusal.may_be_short();
        if !is_late && (refusal.is_long() || is_only) {
            self.learn_long(sent, now);
        }
        self.learn_told(now.instant, refusal);
        // Should it turn out to be a longer one's.
        let long = match refusal.is_short() || is_late {
            true => None,
            false => self.long_found(now),
        };
        let learns = self.learns_short();
        let others = alone || self.knows_of_others();
        // Of which only refusals tell, here or in another scope.
        let unknown_others = by_others && !self.windows.know_others();
        let active = self.active();
        let mut known = false;
        if let Some(share) = &mut active.share
            && refusal.may_be_short()
        {
            let told = refusal.limit_per_second();
            let numbers = (charge.number(), active.flights.next());
            match is_late {
                true => _ = share.saw_refused(sent, seen),
                false => share.refused(sent, seen, numbers, told, long),
            }
            // A probe that failed is the likely reason, and it was undone.
            known = refusal.is_short() || learns;
        }
        let hold = &mut active.hold;
        hold.refused(sent, now.instant, |repeats| {
            if is_late {
                return refusal.stated();
            }
            // Others may have been quicker, and had the slot that was free.
            let repeats = if others { repeats / 2 } else { repeats };
            refusal.wait(repeats, known).map(|wait| {
                let is_blind = unknown_others && refusal.is_long();
                let later = if is_blind { wait / 12 } else { Duration::ZERO };
                wait + later.min(LATEST.saturating_sub(wait))
            })
        });
        #[cfg(feature = "shared-state")]
        let stated = refusal.stated().map(|wait| {
            let stated = now.instant.checked_add(wait);
            // No longer than it is closed.
            stated.or(hold.until(now.instant)).unwrap_or(now.instant)
        });
        #[cfg(feature = "shared-state")]
        hold.says(stated);
        let held = hold.until(now.instant);
        let in_flight = active.in_flight();
        let waits = active.standing > 0 || self.windows.is_tight(in_flight, now);
        let until = held.or_else(|| waits.then_some(now.instant))?;
        Some(Closed {
            scope: self.kind.throttle_scope(),
            until,
            begins: was_open && until > now.instant,
            #[cfg(feature = "shared-state")]
            stated: stated.map(|stated| stated.min(until)),
        })
    }

    /// Takes as arrived what should have been answered long ago: a call that
    /// stalls would hold its slot for ever. It may yet arrive, and then a short
    /// window has one too many; the windows of a minute and more wait on.
    #[cold]
    pub(super) fn presume(&mut self, now: Now, trips: &Trips) -> bool {
        let Some(active) = &mut self.active else {
            return false;
        };
        let longest = self.windows.plan().map(Plan::longest_short);
        let Some(longest) = longest.filter(|length| *length > Ticks::default()) else {
            return false;
        };
        let mut any = false;
        while active
            .overdue(longest, trips)
            .is_some_and(|at| at <= now.tick)
            && let Some((number, sent, requests)) = active.flights.oldest_sent()
            && let Some(share) = &mut active.share
        {
            let long = Ticks::from(trips.long());
            let arrival = sent.plus(long.mul_f64(share.value()));
            let left = now.past(sent);
            share.presumed(left, left + trips.long(), requests);
            active.flights.remove(number);
            self.windows.presume(arrival, requests);
            any = true;
        }
        any
    }
}
