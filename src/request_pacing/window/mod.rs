//! What a window has room for, as pure arithmetic.

mod day;
mod slots;
mod trailing;

use std::time::Duration;

use tokio::time::Instant;

use self::{day::Day, slots::Slots, trailing::Trailing};
use super::{Span, Window};

/// From here on a window is never overrun, at the price of a round trip.
const LONG: Duration = Duration::from_secs(60);

/// The count of one window.
#[derive(Debug)]
pub(super) enum Count {
    Short(Slots),
    Long(Trailing),
    Day(Day),
}

impl Count {
    /// An unused one. `midnight` is the next 00:00 UTC.
    pub(super) fn new(window: Window, midnight: Instant) -> Self {
        let limit = window.requests();
        match window.span() {
            Span::Any(length) if length < LONG => Self::Short(Slots::new(limit, length)),
            Span::Any(length) => Self::Long(Trailing::new(limit, length)),
            Span::DayUtc => Self::Day(Day::new(limit, midnight)),
        }
    }

    /// How many more requests may go.
    pub(super) fn room(&mut self, now: Instant) -> u32 {
        match self {
            Self::Short(slots) => slots.room(now),
            Self::Long(trailing) => trailing.room(now),
            Self::Day(day) => day.room(now),
        }
    }

    /// The requests that are, or may be, in the window.
    pub(super) fn used(&self) -> u32 {
        match self {
            Self::Short(slots) => slots.used(),
            Self::Long(trailing) => trailing.used(),
            Self::Day(day) => day.used(),
        }
    }

    /// When there is more room. `None`: when an answer comes.
    pub(super) fn next_free(&self) -> Option<Instant> {
        match self {
            Self::Short(slots) => slots.next_free(),
            Self::Long(trailing) => trailing.next_free(),
            Self::Day(day) => Some(day.next_free()),
        }
    }

    pub(super) fn take(&mut self) {
        match self {
            Self::Short(slots) => slots.take(),
            Self::Long(trailing) => trailing.take(),
            Self::Day(day) => day.take(),
        }
    }

    /// A request was not sent after all.
    pub(super) fn give_back(&mut self) {
        match self {
            Self::Short(slots) => slots.give_back(),
            Self::Long(trailing) => trailing.give_back(),
            Self::Day(day) => day.give_back(),
        }
    }

    /// A request arrived, probably at `arrival` and certainly before `latest`.
    /// No `arrival`: a short window has been told before.
    pub(super) fn arrived(&mut self, arrival: Option<Instant>, latest: Instant) {
        match self {
            Self::Short(slots) => {
                if let Some(arrival) = arrival {
                    slots.arrived(arrival);
                }
            }
            Self::Long(trailing) => trailing.answered(latest),
            Self::Day(day) => day.answered(latest),
        }
    }

    /// A request that was not answered is taken to have arrived. Only a short
    /// window takes that for granted.
    pub(super) fn presume(&mut self, arrival: Instant) {
        if let Self::Short(slots) = self {
            slots.arrived(arrival);
        }
    }

    /// Counts for another limit from now on.
    pub(super) fn set_limit(&mut self, limit: u32) {
        match self {
            Self::Short(slots) => slots.set_limit(limit),
            Self::Long(trailing) => trailing.set_limit(limit),
            Self::Day(day) => day.set_limit(limit),
        }
    }

    /// The window that it counts.
    pub(super) fn limit(&self) -> (u32, Span) {
        match self {
            Self::Short(slots) => (slots.limit(), Span::Any(slots.length())),
            Self::Long(trailing) => (trailing.limit(), Span::Any(trailing.length())),
            Self::Day(day) => (day.limit(), Span::DayUtc),
        }
    }

    /// Its limit and length, if it is short.
    pub(super) fn short(&self) -> Option<(u32, Duration)> {
        match self {
            Self::Short(slots) => Some((slots.limit(), slots.length())),
            Self::Long(_) | Self::Day(_) => None,
        }
    }
}
