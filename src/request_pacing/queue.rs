use std::time::Duration;

use tokio::time::Instant;

use super::band::{Arrival, Band, Place};
use crate::{
    extensions::{AccountId, Priority},
    slab::At,
};

/// How many priorities there are.
pub(super) const BANDS: usize = 3;

/// The requests that wait in one line: a higher priority first, and in each
/// the accounts by turns.
///
/// It is looked at before it is changed: a request stands in it until it goes
/// through all its scopes at once, or goes away.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    /// Most lines see requests of one priority.
    bands: [Option<Box<Band>>; BANDS],
    len: u32,
    /// Whether the last one passed a higher priority over.
    overtook: bool,
}

/// The place of a priority among them, highest first.
pub(super) fn band(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl FairQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(feature = "shared-state")]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Returns where the requests of its account are. `None` if there are more
    /// accounts than can be told apart.
    pub(super) fn push(&mut self, band: usize, arrival: &Arrival<'_>, waiter: At) -> Option<At> {
        let band = self.bands[band].get_or_insert_with(|| Box::new(Band::new()));
        let flow = band.push(arrival, waiter)?;
        self.len += 1;
        Some(flow)
    }

    /// Whose turn it is among those of one priority.
    pub(super) fn head(&self, band: usize) -> Option<At> {
        self.bands[band].as_ref()?.head()
    }

    /// How many of an account wait before one that comes now.
    pub(super) fn before(&self, band: usize, account: Option<&AccountId>) -> u32 {
        let band = self.bands[band].as_ref();
        band.map_or(0, |band| band.before(account))
    }

    /// Whose turn it is. One of a lower priority that has waited for `ageing`
    /// has every second one.
    pub(super) fn choose(&self, now: Instant, ageing: Duration) -> Option<At> {
        let mut bands = self.bands.iter().flatten();
        let first = bands.next()?.head()?;
        if self.overtook {
            return Some(first);
        }
        let aged = bands.filter_map(|band| band.oldest());
        let aged = aged.filter(|(_, age)| now.saturating_duration_since(*age) >= ageing);
        let oldest = aged.min_by_key(|(_, age)| *age);
        Some(oldest.map_or(first, |(waiter, _)| waiter))
    }

    /// Takes out a request that goes.
    pub(super) fn serve(&mut self, band: usize, flow: At, place: Place, cost: u32) {
        self.overtook = self.bands[..band].iter().flatten().next().is_some();
        self.change(band, |band| band.serve(flow, place, cost));
    }

    /// Takes out a request that goes away, wherever it stands.
    pub(super) fn remove(&mut self, band: usize, flow: At, place: Place) {
        self.change(band, |band| band.remove(flow, place));
    }

    fn change(&mut self, band: usize, change: impl FnOnce(&mut Band)) {
        if let Some(found) = &mut self.bands[band] {
            change(found);
            self.len -= 1;
            // Where nobody waits, nobody is ahead of anybody.
            if found.is_empty() {
                self.bands[band] = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
