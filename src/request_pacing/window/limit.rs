use std::time::Duration;

use crate::request_pacing::{Span, Window, tick::Ticks};

/// From here on a window is never overrun, at the price of a round trip.
const LONG: Duration = Duration::from_secs(60);

/// Into how many steps a window is parted where it counts so many requests
/// that each would cost too much: so many entries its log has at most.
pub(super) const STEPS: u32 = 1_024;

/// Which part of its own a process leaves free of a window that others use as
/// well and that must not be overrun.
const SPARE: u32 = 16;

/// What a window admits, the same for all scopes of one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::request_pacing) struct Limit {
    pub(in crate::request_pacing) requests: u32,
    /// What it admits of all processes together, if this one has a part of it.
    pub(super) whole: u32,
    /// That part.
    lent: u32,
    pub(in crate::request_pacing) kind: Kind,
    pub(super) length: Ticks,
    pub(super) step: Ticks,
}

/// How a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::request_pacing) enum Kind {
    /// A request arrives when it probably does. Under a minute.
    Short,
    /// A request arrives at any time until it is answered.
    Long,
    /// The calendar day.
    Day,
}

impl Limit {
    pub(in crate::request_pacing) fn new(window: &Window) -> Self {
        let requests = window.requests();
        let (kind, length) = match window.span() {
            Span::Any(length) if length < LONG => (Kind::Short, length),
            Span::Any(length) => (Kind::Long, length),
            Span::DayUtc => (Kind::Day, Duration::ZERO),
        };
        let mut limit = Self {
            requests,
            whole: requests,
            lent: u32::MAX,
            kind,
            length: length.into(),
            step: Ticks::default(),
        };
        limit.set_requests(requests);
        limit
    }

    pub(super) fn set_requests(&mut self, requests: u32) {
        self.whole = requests;
        self.weigh();
    }

    /// Of what it admits, this process has so many.
    pub(super) fn lend(&mut self, requests: u32) {
        self.lent = requests;
        self.weigh();
    }

    /// What this process has of it, if that is so many in so many, and a little
    /// less: parts that were found apart from each other may be too many.
    pub(super) fn part(&self, (has, of): (u32, u32)) -> u32 {
        if self.is_unknown() {
            return u32::MAX;
        }
        let part = u64::from(self.whole) * u64::from(has) / u64::from(of.max(1));
        let part = u32::try_from(part).unwrap_or(u32::MAX);
        (part - part / SPARE).max(1)
    }

    /// Whether nobody knows how many it admits.
    pub(super) fn is_unknown(&self) -> bool {
        self.whole == u32::MAX
    }

    /// Whether this process has just so many.
    pub(super) fn is_lent(&self, requests: u32) -> bool {
        self.lent == requests
    }

    /// As if all of it were this process's.
    pub(super) fn unlent(&self) -> Self {
        Self {
            requests: self.whole,
            ..*self
        }
    }

    fn weigh(&mut self) {
        // A few slots are dear: they are free again to the nanosecond.
        let exact = self.is_short() && self.whole <= STEPS;
        self.step = if exact {
            Ticks::default()
        } else {
            self.length.div(STEPS.into())
        };
        self.requests = self.whole.min(self.lent);
    }

    pub(in crate::request_pacing) fn is_short(&self) -> bool {
        self.kind == Kind::Short
    }

    pub(super) fn is_as_long_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.length == other.length
    }

    pub(super) fn without_limit(mut self) -> Self {
        self.set_requests(u32::MAX);
        self
    }

    /// Whether it counts any stretch of this length.
    pub(super) fn is_of(&self, length: Ticks) -> bool {
        self.kind != Kind::Day && self.length == length
    }

    /// The length, if it has one.
    pub(in crate::request_pacing) fn length(&self) -> Ticks {
        self.length
    }

    pub(super) fn per_second(&self) -> f64 {
        f64::from(self.whole) / Duration::from(self.length).as_secs_f64()
    }

    pub(in crate::request_pacing) fn span(&self) -> Span {
        match self.kind {
            Kind::Day => Span::DayUtc,
            Kind::Short | Kind::Long => Span::Any(self.length.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_what_nobody_knows_is_all_of_it() {
        let minute = |requests| Limit::new(&Window::new(requests, Span::Any(LONG)));
        assert_eq!(minute(600).part((3, 4)), 450 - 450 / 16);
        assert_eq!(minute(u32::MAX).part((3, 4)), u32::MAX);
    }
}
