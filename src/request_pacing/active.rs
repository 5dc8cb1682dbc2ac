use tokio::time::Instant;

use super::{
    flights::Flights,
    hold::Hold,
    learned::Learned,
    share::Share,
    tick::{Tick, Ticks},
    trips::Trips,
    window::{InFlight, Plan},
};

/// What a scope needs only while it is in use.
#[derive(Debug, Default)]
pub(super) struct Active {
    /// At least so many may go, as far as the windows are concerned: it was
    /// counted once, and time only brings more.
    pub(super) spare: u32,
    /// Requests that wait, here or elsewhere, and will pass here.
    pub(super) users: u32,
    /// Requests that stand in its lines: they pass before any other.
    pub(super) standing: u32,
    /// When it is to be looked at.
    pub(super) alarm: Option<Instant>,
    /// With how much room somebody goes then.
    pub(super) wanted: u32,
    /// Whether it may have changed, and is to be looked at now.
    pub(super) noted: bool,
    pub(super) hold: Hold,
    pub(super) share: Option<Share>,
    /// Made when a refusal contradicts the quota, or when nothing is known.
    pub(super) learned: Option<Box<Learned>>,
    pub(super) flights: Flights,
    /// Requests that were sent or are about to be.
    pub(super) in_flight: u32,
    /// What this process has of it, if several share it.
    #[cfg(feature = "shared-state")]
    pub(super) lent: Option<Box<super::shared::Lent>>,
}

impl Active {
    pub(super) fn new(plan: Option<&Plan>, share: impl FnOnce(u32) -> Share) -> Self {
        let Some(plan) = plan else {
            return Self::default();
        };
        let mut share = plan.largest_short().map(share);
        if let Some(share) = &mut share {
            share.set_least(plan.least_share());
        }
        Self {
            share,
            learned: plan.is_unknown().then(|| Box::new(Learned::new())),
            ..Self::default()
        }
    }

    pub(super) fn in_flight(&self) -> InFlight {
        InFlight {
            all: self.in_flight,
            awaited: self.flights.requests(),
        }
    }

    /// When the short windows, the longest of this length, stop waiting for the
    /// oldest unanswered request.
    pub(super) fn overdue(&self, length: Ticks, trips: &Trips) -> Option<Tick> {
        let share = self.share.as_ref()?.value();
        let (_, sent, _) = self.flights.oldest_sent()?;
        let long = Ticks::from(trips.long());
        let arrival = sent.plus(long.mul_f64(share));
        Some(sent.plus(long).max(arrival.plus(length)))
    }

    /// Whether it can be done without.
    pub(super) fn is_quiet(&mut self, now: Instant) -> bool {
        #[cfg(feature = "shared-state")]
        if self.lent.is_some() {
            return false;
        }
        self.in_flight == 0
            && self.users == 0
            && self.alarm.is_none()
            && !self.noted
            && self.hold.is_clear(now)
            && self.forgets_learned(now)
    }

    /// Whether what was learned is worth no more than nothing.
    fn forgets_learned(&self, now: Instant) -> bool {
        let until = self.learned.as_ref().and_then(|it| it.counts_until());
        until.is_none_or(|until| until <= now)
    }
}
