use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Span,
    active::Active,
    charge::Charge,
    names::NameAt,
    scopes::Kind,
    share::Share,
    tick::{Now, Tick},
    trips::Trips,
    window::{InFlight, Plan, Windows},
};
use crate::extensions::AccountId;

/// One scope: whose it is, what is in its windows, and the rest while it is in
/// use.
///
/// There is one for each account at each endpoint, so it is small while
/// nothing happens.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) kind: Kind,
    pub(super) account: Option<AccountId>,
    pub(super) name: Option<NameAt>,
    /// Whether it is in line to be made small.
    pub(super) listed: bool,
    /// Whether it was used since it came into that line.
    pub(super) used: bool,
    /// What was learned before it was made small.
    pub(super) share: f32,
    pub(super) was_refused: bool,
    pub(super) windows: Windows,
    pub(super) active: Option<Box<Active>>,
}

impl Gate {
    pub(super) fn new(
        kind: Kind,
        account: Option<AccountId>,
        name: Option<NameAt>,
        plan: Option<Arc<Plan>>,
    ) -> Self {
        Self {
            kind,
            account,
            name,
            listed: false,
            used: false,
            share: Share::START as f32,
            was_refused: false,
            windows: Windows::new(plan),
            active: None,
        }
    }

    /// Changes the limits and keeps the counts.
    pub(super) fn set_plan(&mut self, plan: Option<Arc<Plan>>) {
        let in_flight = self.in_flight_now();
        #[cfg(feature = "shared-state")]
        let is_lent = self.windows.are_lent();
        self.windows.set_plan(plan, in_flight);
        #[cfg(feature = "shared-state")]
        self.lend_again(is_lent);
        self.learn_below();
        let largest = self.windows.plan().and_then(Plan::largest_short);
        if let Some(active) = &mut self.active {
            active.spare = 0;
            match (largest, &mut active.share) {
                (Some(limit), Some(share)) => share.set_limit(limit),
                (Some(limit), none) => *none = Some(Share::new(limit)),
                (None, share) => *share = None,
            }
        }
        self.weigh_share();
    }

    /// Nobody knows on which day those count that went of late.
    pub(super) fn clock_was_set(&mut self, of_late: u32, now: Now) {
        let unsure = self.in_flight().saturating_add(of_late);
        self.windows.step(unsure, now);
        if let Some(active) = &mut self.active {
            active.spare = 0;
        }
    }

    /// What it needs while it is in use.
    #[inline]
    pub(super) fn active(&mut self) -> &mut Active {
        let (windows, share, was_refused) = (&self.windows, self.share, self.was_refused);
        self.active.get_or_insert_with(|| {
            let share = |limit| Share::resume(limit, share.into(), was_refused);
            Box::new(Active::new(windows.plan(), share))
        })
    }

    /// The same, if it is in use.
    #[inline]
    pub(super) fn if_active(&self) -> Option<&Active> {
        self.active.as_deref()
    }

    /// Whether a request may pass at once: nobody stands here.
    #[inline]
    pub(super) fn lets_pass(&mut self, cost: u32, now: Now, trips: &Trips) -> bool {
        match &mut self.active {
            Some(active) if active.standing > 0 => false,
            Some(active) if active.spare >= cost => active.hold.admits(cost, now.instant),
            _ => self.admits(cost, now, trips),
        }
    }

    /// Whether a request of this cost may pass. One that costs more than was
    /// learned that a window admits passes when that is empty.
    pub(super) fn admits(&mut self, cost: u32, now: Now, trips: &Trips) -> bool {
        let mut room = self.windows.room(self.in_flight_now(), now);
        if room < cost && self.presume(now, trips) {
            room = self.windows.room(self.in_flight_now(), now);
        }
        let fits =
            room >= cost || (cost > 1 && self.windows.have_room(cost, self.in_flight_now(), now));
        let Some(active) = &mut self.active else {
            return fits;
        };
        active.spare = room;
        fits && active.hold.admits(cost, now.instant)
    }

    /// When a request of this cost may perhaps pass. `None`: when an answer
    /// comes.
    pub(super) fn opens_at(&mut self, cost: u32, now: Now, trips: &Trips) -> Option<Instant> {
        let in_flight = self.in_flight_now();
        let Some(active) = &mut self.active else {
            let opens = self.windows.open_at(cost, in_flight, now, None)?;
            return Some(now.instant_of(opens));
        };
        let mut opens = now.instant;
        if !active.hold.admits(cost, opens) {
            opens = active.hold.next_free(cost, opens)?;
        }
        let longest = self.windows.plan().map(Plan::longest_short);
        let overdue = longest.and_then(|length| active.overdue(length, trips));
        let room_at = self.windows.open_at(cost, in_flight, now, overdue)?;
        Some(opens.max(now.instant_of(room_at)))
    }

    /// An instant before which, for certain, none passes that lets so many go
    /// before it.
    pub(super) fn earliest(&mut self, before: u32, now: Now) -> Instant {
        let in_flight = self.in_flight_now();
        let flights = self.if_active().map(|active| &active.flights);
        let oldest = flights.and_then(|flights| flights.oldest_sent());
        let oldest = oldest.map_or(now.tick, |(_, sent, _)| sent);
        let learned = self.active.as_ref().and_then(|it| it.learned.as_ref());
        let most = |length| learned?.most(length);
        let passes = self.windows.earliest(before, most, in_flight, oldest, now);
        let held = self.held_until(now.instant).unwrap_or(now.instant);
        held.max(now.instant_of(passes))
    }

    /// Whether it was closed after a request took its slot.
    pub(super) fn closed_since(&self, taken: Instant) -> bool {
        let active = self.if_active();
        active.is_some_and(|active| active.hold.paused || active.hold.closed_since(taken))
    }

    /// Takes slots in every window.
    #[inline]
    pub(super) fn take(&mut self, cost: u32, now: Now, sent: bool) -> Charge {
        self.used = true;
        let in_flight = self.in_flight();
        self.windows.take(cost, in_flight, now);
        let active = self.active();
        active.in_flight = active.in_flight.saturating_add(cost);
        active.spare = active.spare.saturating_sub(cost);
        active.hold.take(cost);
        let number = active.flights.add(sent.then_some(now.tick), cost);
        let (spare, in_flight) = (active.spare, active.in_flight());
        let tight = spare == 0 && self.windows.is_tight(in_flight, now);
        Charge::new(number, tight)
    }

    /// It is sent now, or not yet.
    pub(super) fn set_sent(&mut self, charge: Charge, sent: Option<Tick>) {
        self.active().flights.set_sent(charge.number(), sent);
    }

    /// What was called then is sent only now. Its short windows may have given
    /// it up.
    pub(super) fn send_late(
        &mut self,
        charge: Charge,
        cost: u32,
        called: Instant,
        now: Now,
    ) -> Charge {
        let active = self.active();
        if !active.flights.remove(charge.number()) {
            active.spare = active.spare.saturating_sub(cost);
        }
        active.hold.sent_late(called, now.instant);
        let number = active.flights.add(Some(now.tick), cost);
        // What is full by now, nobody knows.
        Charge::new(number, false)
    }

    /// Slots that were taken then are free: the request was not sent.
    pub(super) fn give_back(&mut self, charge: Charge, cost: u32, taken: Instant) {
        self.windows.give_back(cost);
        let active = self.active();
        active.in_flight = active.in_flight.saturating_sub(cost);
        active.hold.give_back(cost, taken);
        active.flights.remove(charge.number());
    }

    #[inline]
    pub(super) fn in_flight_now(&self) -> InFlight {
        self.if_active()
            .map_or_else(InFlight::default, Active::in_flight)
    }

    #[inline]
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight_now().all
    }

    pub(super) fn share(&self) -> Option<f64> {
        self.windows.plan().and_then(Plan::largest_short)?;
        let active = self.if_active().and_then(|active| active.share.as_ref());
        Some(active.map_or(self.share.into(), Share::value))
    }

    /// Until when refusals keep it closed.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.if_active()?.hold.until(now)
    }

    /// Each limit, its span, and what is in it.
    pub(super) fn windows(&self) -> impl Iterator<Item = (u32, Span, u32)> {
        self.windows.uses(self.in_flight_now())
    }

    /// What each window admits, but for what was learned.
    pub(super) fn limits(&self) -> impl Iterator<Item = u32> {
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        self.windows().map(move |(requests, span, _)| {
            let most = match span {
                Span::Any(length) => learned.and_then(|it| it.most(length.into())),
                Span::DayUtc => None,
            };
            most.unwrap_or(requests)
        })
    }

    /// Which part of the fullest short window is taken.
    pub(super) fn fullness(&mut self, now: Now) -> f64 {
        self.windows.fullness(self.in_flight_now(), now)
    }

    /// Whether refusals have taught it to admit less than its quota.
    pub(super) fn is_cut(&self) -> bool {
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        learned.is_some_and(|it| it.counts_until().is_some())
    }

    /// Whether it is in line to be made small, or never will be.
    #[inline]
    pub(super) fn is_placed(&self) -> bool {
        self.listed || self.kind == Kind::App
    }

    /// Whether a new one would do as well.
    pub(super) fn is_idle(&mut self, now: Now) -> bool {
        let active = self.active.as_mut();
        active.is_none_or(|active| active.is_quiet(now.instant)) && self.windows.are_empty(now)
    }

    /// Makes it small, if nothing happens. What counts, counts on.
    pub(super) fn shrink(&mut self, now: Now) {
        if let Some(active) = &mut self.active
            && active.is_quiet(now.instant)
            && active.learned.as_ref().is_none_or(|it| it.is_new())
        {
            if let Some(share) = &active.share {
                (self.share, self.was_refused) = (share.value() as f32, share.taught().is_some());
            }
            self.active = None;
            self.windows.shrink();
        }
    }
}
