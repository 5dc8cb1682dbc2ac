use std::time::Duration;

use crate::request_pacing::tick::{Tick, Ticks};

/// How far the server's midnight may be from ours. What may arrive that near
/// to it counts in both days.
const MARGIN: Duration = Duration::from_secs(60);

/// The count of the calendar day, from one 00:00 UTC to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::request_pacing) struct Day {
    /// Twice the number of the day, and one more while midnight is near: what
    /// is sent then counts in both days. So it fits in a [`Count`](super::Count).
    page: u32,
    today: u32,
    /// Those of today that may arrive tomorrow.
    tomorrow: u32,
}

impl Day {
    pub(super) fn used(&self) -> u32 {
        self.today.max(self.tomorrow)
    }

    pub(super) fn today(&self) -> u32 {
        self.today
    }

    /// When there is room, if there is none.
    pub(super) fn next_free(&self, now: Tick) -> Tick {
        match self.begins().filter(|_| self.is_ahead(now)) {
            Some(begins) => begins,
            None => Tick::end_of_day(self.page / 2).plus(margin()),
        }
    }

    /// Whether the clock was set back to the day before, of which the count is
    /// lost: it is taken for full.
    #[inline]
    pub(super) fn is_ahead(&self, now: Tick) -> bool {
        !self.is_near() && self.begins().is_some_and(|begins| now < begins)
    }

    /// When it was sure that the day of this page had begun. `None`: the first.
    fn begins(&self) -> Option<Tick> {
        let before = (self.page / 2).checked_sub(1)?;
        Some(Tick::end_of_day(before).plus(margin()))
    }

    pub(super) fn take(&mut self, requests: u32) {
        self.today = self.today.saturating_add(requests);
        if self.is_near() {
            self.tomorrow = self.tomorrow.saturating_add(requests);
        }
    }

    pub(super) fn give_back(&mut self, requests: u32) {
        // What is in flight is counted on whatever day it may arrive.
        self.today = self.today.saturating_sub(requests);
        self.tomorrow = self.tomorrow.saturating_sub(requests);
    }

    /// Some that are no longer in flight may arrive until then. If that is
    /// near to midnight, they count tomorrow as well.
    pub(super) fn may_arrive(&mut self, until: Tick, requests: u32) {
        let midnight = Tick::end_of_day(self.page / 2);
        if !self.is_near() && until.plus(margin()) >= midnight {
            self.tomorrow = self.tomorrow.saturating_add(requests);
        }
    }

    /// Turns the page, if it is time; so many are in flight.
    #[inline]
    pub(super) fn turn(&mut self, now: Tick, in_flight: u32) {
        if self.is_near() || now.plus(margin()) >= Tick::end_of_day(self.page / 2) {
            self.turn_pages(now, in_flight);
        }
    }

    fn turn_pages(&mut self, now: Tick, in_flight: u32) {
        loop {
            let midnight = Tick::end_of_day(self.page / 2);
            if !self.is_near() && now.plus(margin()) >= midnight {
                self.page += 1;
                self.tomorrow = self.tomorrow.saturating_add(in_flight);
            }
            if !self.is_near() || now < midnight.plus(margin()) {
                return;
            }
            self.page += 1;
            self.today = self.tomorrow;
            self.tomorrow = 0;
            // Idle for days: no need to turn each page.
            if in_flight == 0 && self.today == 0 {
                self.page = self.page.max(2 * now.day().saturating_sub(1));
            }
        }
    }

    fn is_near(&self) -> bool {
        self.page % 2 == 1
    }
}

fn margin() -> Ticks {
    MARGIN.into()
}
