use std::mem;

use super::{
    day::Day,
    limit::{Kind, Limit},
    log::Log,
};
use crate::request_pacing::tick::{Now, Tick, Ticks};

/// What is, or may be, in one window, less those in flight.
///
/// A short window of n requests is n slots. A request that is sent takes one,
/// and holds it until its answer tells when it arrived at the server; one
/// window after that arrival the slot is free again. So each slot's arrivals
/// are a window apart, and no stretch of one window holds more than n: neither
/// as a sliding log counts, nor as fixed windows of any phase do.
///
/// In a long one, which must never be overrun, the slot is free one window
/// after the answer. The request arrived at some time between its sending and
/// that, so it leaves this count no sooner than it leaves the server's.
///
/// It is small, for most scopes have little in their windows.
#[derive(Debug, Default)]
pub(in crate::request_pacing) enum Count {
    #[default]
    Empty,
    /// All leave at once.
    One {
        leaves: Tick,
        requests: u32,
    },
    Many {
        log: Box<Log>,
        requests: u32,
    },
    Day(Day),
}

impl Count {
    /// An unused one.
    pub(in crate::request_pacing) fn new(limit: &Limit) -> Self {
        match limit.kind {
            Kind::Short | Kind::Long => Self::Empty,
            Kind::Day => Self::Day(Day::default()),
        }
    }

    /// How many more requests may go, while so many are in flight.
    #[inline]
    pub(in crate::request_pacing) fn room(
        &mut self,
        limit: &Limit,
        in_flight: u32,
        now: Now,
    ) -> u32 {
        let counted = match self {
            Self::Empty => 0,
            Self::One { leaves, requests } => {
                let requests = *requests;
                if *leaves <= now.tick {
                    *self = Self::Empty;
                    0
                } else {
                    requests
                }
            }
            Self::Many { log, requests } => {
                *requests = requests.saturating_sub(log.leave(now.tick));
                *requests
            }
            Self::Day(day) => {
                day.turn(now.utc, in_flight);
                let is_known = !day.is_ahead(now.utc);
                return limit.requests.saturating_sub(day.used()) * u32::from(is_known);
            }
        };
        limit
            .requests
            .saturating_sub(counted.saturating_add(in_flight))
    }

    /// The requests that are, or may be, in the window.
    pub(in crate::request_pacing) fn used(&self, in_flight: u32) -> u32 {
        match self {
            Self::Empty => in_flight,
            Self::One { requests, .. } | Self::Many { requests, .. } => {
                requests.saturating_add(in_flight)
            }
            Self::Day(day) => day.today(),
        }
    }

    /// When the next request leaves. `None`: none has been answered. Where the
    /// limit was lowered, more than one must leave.
    pub(in crate::request_pacing) fn next_free(&self, now: Now) -> Option<Tick> {
        match self {
            Self::Empty => None,
            Self::One { leaves, .. } => Some(*leaves),
            Self::Many { log, .. } => log.next(),
            Self::Day(day) => Some(now.tick_of(day.next_free(now.utc))),
        }
    }

    #[inline]
    pub(in crate::request_pacing) fn take(&mut self, requests: u32) {
        if let Self::Day(day) = self {
            day.take(requests);
        }
    }

    /// Requests were not sent after all.
    pub(in crate::request_pacing) fn give_back(&mut self, requests: u32) {
        if let Self::Day(day) = self {
            day.give_back(requests);
        }
    }

    /// Turns the page of a day, if it is time.
    #[inline]
    pub(super) fn turn(&mut self, in_flight: u32, now: Now) {
        if let Self::Day(day) = self {
            day.turn(now.utc, in_flight);
        }
    }

    /// Requests that are over may arrive until then.
    pub(super) fn may_arrive(&mut self, until: Tick, requests: u32, now: Now) {
        if let Self::Day(day) = self {
            day.may_arrive(now.utc_of(until), requests);
        }
    }

    /// Requests arrived, as far as this window is concerned, at `at`.
    #[inline]
    pub(in crate::request_pacing) fn arrived(&mut self, at: Tick, new: u32, limit: &Limit) {
        let leaves_at = at.plus(limit.length);
        match self {
            Self::Many { log, requests } => {
                log.add(leaves_at, new, limit.step);
                *requests = requests.saturating_add(new);
            }
            _ => self.begin(leaves_at, new, limit.step),
        }
    }

    /// As long as there is little in it, it does without a log.
    fn begin(&mut self, leaves_at: Tick, new: u32, step: Ticks) {
        match self {
            Self::Empty => {
                *self = Self::One {
                    leaves: leaves_at.plus(step),
                    requests: new,
                };
            }
            Self::One { leaves, requests }
                if *leaves >= leaves_at && *leaves <= leaves_at.plus(step) =>
            {
                *requests = requests.saturating_add(new);
            }
            Self::One { leaves, requests } => {
                let mut log = Box::new(Log::default());
                log.add(*leaves, *requests, Default::default());
                log.add(leaves_at, new, step);
                let requests = requests.saturating_add(new);
                *self = Self::Many { log, requests };
            }
            Self::Many { .. } | Self::Day(_) => {}
        }
    }

    /// Takes as little room as may be.
    pub(in crate::request_pacing) fn shrink(&mut self) {
        *self = match mem::take(self) {
            Self::Many { requests: 0, .. } => Self::Empty,
            Self::Many { mut log, requests } => match log.only() {
                Some(leaves) => Self::One { leaves, requests },
                None => {
                    log.shrink();
                    Self::Many { log, requests }
                }
            },
            other => other,
        };
    }
}
