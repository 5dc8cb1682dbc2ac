use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::learned::{Arrival, LongFound};

/// Where it starts: as likely on the way there as on the way back.
const START: f64 = 0.5;
/// How much of itself it loses with each answer that taught nothing worse,
/// before the first refusal and after it.
const EAGER: f64 = 0.008;
const CAREFUL: f64 = 0.000_1;
/// How much one refusal may add. A call that came far later than was presumed
/// fills a window, too, and then the bound is nonsense.
const JUMP: f64 = 0.15;
/// How finely a bound is looked for.
const GRID: u32 = 100;
/// Refusals that wait for evidence. More of them are one event.
const MOST_PENDING: usize = 8;
/// How soon after one refusal that nothing explains another confirms it.
const SOON: Duration = Duration::from_secs(10);

/// Which share of its round trip a request needs to arrive at the server.
///
/// Only refusals tell. So it shrinks with every answer while nothing is
/// refused, for a smaller one wastes less; and each refusal proves a lower
/// bound: the refused request found a full window, so with the true share the
/// arrivals around it fill one.
#[derive(Debug)]
pub(super) struct Share {
    value: f64,
    was_refused: bool,
    seen: VecDeque<Trip>,
    most_seen: usize,
    pending: VecDeque<Refused>,
    odd: Option<Instant>,
    /// It never becomes smaller than this by itself.
    least: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    sent: Instant,
    answered: Instant,
    /// As how many it counts.
    requests: u32,
    admitted: bool,
    /// Whether it was not answered: it arrived at any time until then.
    presumed: bool,
}

/// A refusal, and what was thought when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) number: u64,
    /// What the server said that a second admits, of all who use it.
    pub(super) told: Option<u32>,
    trip: Trip,
    share: f64,
    /// What a window of a minute had admitted, where it may be that one's.
    pub(super) long: Option<LongFound>,
    /// The first request that was not in flight when this one was refused.
    after: u64,
}

impl Share {
    /// What it is before anything was learned.
    pub(super) const START: f64 = START;

    /// Goes on from what was learned before.
    pub(super) fn resume(limit: u32, value: f64, was_refused: bool) -> Self {
        let mut share = Self::new(limit);
        (share.value, share.was_refused) = (value, was_refused);
        share
    }

    /// `limit` is the largest of the windows it is learned for.
    pub(super) fn new(limit: u32) -> Self {
        let mut share = Self {
            value: START,
            was_refused: false,
            seen: VecDeque::new(),
            most_seen: 0,
            pending: VecDeque::new(),
            odd: None,
            least: 0.0,
        };
        share.set_limit(limit);
        share
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.most_seen = limit.saturating_mul(4).saturating_add(80).min(8_192);
        let over = self.seen.len().saturating_sub(self.most_seen);
        self.seen.drain(..over);
    }

    /// From where on a smaller one is worth less than it costs.
    pub(super) fn set_least(&mut self, least: f64) {
        self.least = least;
    }

    /// The limit may be larger now.
    pub(super) fn make_room_for(&mut self, limit: u32) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let seen = limit.saturating_mul(4).saturating_add(80).min(8_192);
        self.most_seen = self.most_seen.max(seen);
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// A request was admitted; `tight` if it went into a full window, for only
    /// then does it prove anything.
    #[inline]
    pub(super) fn admitted(
        &mut self,
        sent: Instant,
        answered: Instant,
        requests: u32,
        tight: bool,
    ) {
        self.saw(Trip {
            sent,
            answered,
            requests,
            admitted: true,
            presumed: false,
        });
        if tight && self.value > self.least {
            let loss = if self.was_refused { CAREFUL } else { EAGER };
            self.value *= 1.0 - loss;
        }
    }

    /// A request is taken to have arrived, and been admitted, as if it had
    /// been answered then.
    pub(super) fn presumed(&mut self, sent: Instant, answered: Instant, requests: u32) {
        self.saw(Trip {
            sent,
            answered,
            requests,
            admitted: true,
            presumed: true,
        });
    }

    /// A request was refused, for whatever reason.
    pub(super) fn saw_refused(&mut self, sent: Instant, answered: Instant) -> Trip {
        let trip = Trip {
            sent,
            answered,
            // Whether it counts at all, nobody knows.
            requests: 1,
            admitted: false,
            presumed: false,
        };
        self.saw(trip);
        trip
    }

    /// A request was refused. `after` is the first that is not sent yet.
    pub(super) fn refused(
        &mut self,
        sent: Instant,
        answered: Instant,
        (number, after): (u64, u64),
        told: Option<u32>,
        long: Option<LongFound>,
    ) {
        let trip = self.saw_refused(sent, answered);
        if self.pending.len() < MOST_PENDING {
            self.pending.push_back(Refused {
                number,
                told,
                long,
                trip,
                share: self.value,
                after,
            });
        }
    }

    /// What was refused so far was so for the sake of others.
    #[cfg(feature = "shared-state")]
    pub(super) fn forget_refusals(&mut self) {
        self.pending.clear();
        self.odd = None;
    }

    /// Whether a refusal waits for evidence.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How many may have been in the window of this length when it refused, but
    /// for what it refused along with this one.
    pub(super) fn inside(&self, refused: &Refused, length: Duration) -> u32 {
        let Trip { sent, answered, .. } = refused.trip;
        let inside = self.seen.iter().filter(|trip| {
            let is_past = trip.answered + length < sent;
            let along = !trip.admitted && trip.answered > sent;
            !(is_past || along || trip.sent >= answered)
        });
        inside.fold(0, |sum, trip| sum.saturating_add(trip.requests))
    }

    /// Starts with what was learned before.
    pub(super) fn set_value(&mut self, value: f64) {
        self.value = value;
        self.was_refused = true;
    }

    /// Its value, if any refusal has taught it.
    pub(super) fn taught(&self) -> Option<f64> {
        self.was_refused.then_some(self.value)
    }

    /// The next refusal for which all evidence is there: all requests before
    /// `answered_before` are answered.
    pub(super) fn next_refusal(&mut self, answered_before: u64) -> Option<Refused> {
        let first = self.pending.front()?;
        let complete = first.after <= answered_before;
        complete.then(|| self.pending.pop_front())?
    }

    /// Whether the refused request came too early, for some share: that is
    /// learned then.
    pub(super) fn explain(
        &mut self,
        refused: &Refused,
        windows: impl Iterator<Item = (u32, Duration)> + Clone,
    ) -> bool {
        // Whether refused requests count is unknown: with them only if
        // the others do not explain it.
        let bound = self
            .bound(&refused.trip, false, windows.clone())
            .or_else(|| self.bound(&refused.trip, true, windows));
        let Some(bound) = bound else { return false };
        self.was_refused = true;
        self.value = if bound > refused.share {
            bound.min(refused.share + JUMP).max(self.value)
        } else {
            self.value.max(refused.share)
        };
        true
    }

    /// Whether nothing explained a refusal that was not long before this one.
    pub(super) fn is_odd(&mut self, refused: &Refused) -> bool {
        let before = self.odd.replace(refused.trip.sent);
        before.is_some_and(|before| before + SOON > refused.trip.sent)
    }

    /// What arrived when. What came with the refused request or after it
    /// proves something.
    pub(super) fn evidence(&self, refused: &Refused) -> Vec<Arrival> {
        let first = refused.trip.arrival(self.value);
        let seen = self.seen.iter().map(|trip| {
            let at = trip.arrival(self.value);
            Arrival {
                at,
                admitted: trip.admitted,
                proves: at >= first,
            }
        });
        seen.collect()
    }

    /// The smallest share with which the refused request found a full window.
    fn bound(
        &self,
        refused: &Trip,
        count_refused: bool,
        mut windows: impl Iterator<Item = (u32, Duration)> + Clone,
    ) -> Option<f64> {
        (0..=GRID)
            .map(|step| f64::from(step) / f64::from(GRID))
            .find(|share| {
                windows.clone().any(|(limit, length)| {
                    self.around(refused, count_refused, *share, length) >= limit
                })
            })
            .filter(|_| windows.next().is_some())
    }

    /// Arrivals in the window that ends with that of the refused request.
    fn around(&self, refused: &Trip, count_refused: bool, share: f64, length: Duration) -> u32 {
        let last = refused.arrival(share);
        let inside = self.seen.iter().filter(|trip| {
            let counts = trip.admitted || count_refused;
            let itself = trip.sent == refused.sent && trip.answered == refused.answered;
            let (first, latest) = trip.arrives(share);
            counts && !itself && first <= last && latest + length > last
        });
        u32::try_from(inside.count()).unwrap_or(u32::MAX)
    }

    #[inline]
    fn saw(&mut self, trip: Trip) {
        if self.seen.len() >= self.most_seen {
            self.seen.pop_front();
        }
        self.seen.push_back(trip);
    }
}

impl Trip {
    /// From when to when it may have arrived.
    fn arrives(&self, share: f64) -> (Instant, Instant) {
        if self.presumed {
            return (self.sent, self.answered);
        }
        let at = self.arrival(share);
        (at, at)
    }

    fn arrival(&self, share: f64) -> Instant {
        arrival(share, self.sent, self.answered)
    }
}

fn arrival(share: f64, sent: Instant, answered: Instant) -> Instant {
    sent + answered.saturating_duration_since(sent).mul_f64(share)
}

#[cfg(test)]
mod tests;
