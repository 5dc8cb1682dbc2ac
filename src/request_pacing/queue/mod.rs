mod band;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use self::band::Band;
use crate::{
    extensions::{AccountId, Priority},
    slab::At,
};

/// The requests that wait for one scope: first come, first served inside an
/// account, by turns between accounts, a higher priority first.
///
/// Turns are those of start-time fair queueing: each account has a tag, which
/// grows with what it was served, and the least tag goes first. Every
/// operation takes logarithmic time.
#[derive(Debug)]
pub(super) struct FairQueue {
    bands: [Band; 3],
    ageing: Duration,
    len: usize,
}

/// Where a request stands in a [`FairQueue`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    band: u8,
    flow: At,
    age: Instant,
    turn: u64,
}

/// What the queue asks of a request.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) account: Option<AccountId>,
    pub(super) weight: u32,
    pub(super) priority: Priority,
    /// When its first attempt joined.
    pub(super) age: Instant,
    /// Never the same twice.
    pub(super) turn: u64,
}

impl FairQueue {
    pub(super) fn new(ageing: Duration, now: Instant) -> Self {
        Self {
            bands: std::array::from_fn(|_| Band::new(now)),
            ageing,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// `None` if more wait than can be told apart.
    pub(super) fn push(&mut self, arrival: Arrival, waiter: At, now: Instant) -> Option<Standing> {
        let band = match arrival.priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        let standing = self.bands[usize::from(band)].push(band, arrival, waiter, now)?;
        self.len += 1;
        Some(standing)
    }

    /// Takes out the request whose turn it is.
    pub(super) fn pop(&mut self, now: Instant) -> Option<At> {
        let mut next: Option<usize> = None;
        for (n, band) in self.bands.iter().enumerate() {
            if band.waiting.is_empty() {
                continue;
            }
            // A lower one that was passed over for too long goes once.
            let aged = now.saturating_duration_since(band.since) >= self.ageing;
            if next.is_none() || aged {
                next = Some(n);
            }
        }
        let waiter = self.bands[next?].pop(now);
        self.len -= usize::from(waiter.is_some());
        waiter
    }

    /// Takes out a request, wherever it stands.
    pub(super) fn remove(&mut self, standing: Standing) {
        let band = &mut self.bands[usize::from(standing.band)];
        self.len -= usize::from(band.remove(standing));
    }

    /// One that is not likely to be next.
    pub(super) fn late(&self) -> Option<At> {
        let late = |band: &Band| band.waiting.last_key_value().map(|(_, waiter)| *waiter);
        self.bands.iter().rev().find_map(late)
    }

    /// When the one that waits longest began to. Looks at all of them.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let ages = self.bands.iter().flat_map(|band| band.waiting.keys());
        ages.filter_map(|(_, age, _)| *age).min()
    }
}
