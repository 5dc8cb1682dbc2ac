use std::collections::VecDeque;

use crate::request_pacing::tick::{Tick, Ticks};

/// When requests leave a window, soonest first.
///
/// Those that leave within one step of the window are merged, and leave with
/// the last of them.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    leaves: Tick,
    requests: u32,
}

impl Log {
    /// So many leave at `leaves` or up to a step later.
    #[inline]
    pub(super) fn add(&mut self, leaves: Tick, requests: u32, step: Ticks) {
        let new = Entry {
            leaves: leaves.plus(step),
            requests,
        };
        // Almost always it is the last.
        match self.entries.back_mut() {
            Some(last) if last.leaves >= leaves && last.leaves <= new.leaves => last.add(requests),
            _ => self.insert(leaves, new),
        }
    }

    fn insert(&mut self, leaves: Tick, new: Entry) {
        if self.entries.back().is_none_or(|last| last.leaves < leaves) {
            return self.entries.push_back(new);
        }
        let at = self.entries.partition_point(|it| it.leaves < leaves);
        match self.entries.get_mut(at) {
            Some(near) if near.leaves <= new.leaves => near.add(new.requests),
            _ => self.entries.insert(at, new),
        }
    }

    /// Takes out those that have left. Returns how many.
    pub(super) fn leave(&mut self, now: Tick) -> u32 {
        let mut left = 0_u32;
        while let Some(entry) = self.entries.front()
            && entry.leaves <= now
        {
            left = left.saturating_add(entry.requests);
            self.entries.pop_front();
        }
        left
    }

    /// When the next one leaves.
    pub(super) fn next(&self) -> Option<Tick> {
        self.entries.front().map(|entry| entry.leaves)
    }

    /// The only instant at which any leave, if there is only one.
    pub(super) fn only(&self) -> Option<Tick> {
        self.next().filter(|_| self.entries.len() == 1)
    }

    /// When how many leave, soonest first.
    #[cfg(feature = "shared-state")]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Tick, u32)> {
        self.entries.iter().map(|it| (it.leaves, it.requests))
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Entry {
    fn add(&mut self, requests: u32) {
        self.requests = self.requests.saturating_add(requests);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::request_pacing::tick::Origin;

    proptest! {
        /// In whatever order they are told.
        #[test]
        fn none_leaves_too_soon_nor_a_step_too_late(
            step in 0_u64..50,
            leave in prop::collection::vec((0_u64..1_000, 1_u32..3), 1..60),
        ) {
            let start = Instant::now();
            let origin = Origin::new(start, start + Duration::from_secs(1));
            let at = |n| origin.at(start + Duration::from_nanos(n)).tick;
            let ticks = Ticks::from(Duration::from_nanos(step));
            let mut log = Log::default();
            leave.iter().for_each(|(n, requests)| log.add(at(*n), *requests, ticks));
            let mut gone = 0;
            for n in 0..1_100 {
                gone += log.leave(at(n));
                let sum = |before: u64| -> u32 {
                    leave.iter().filter(|it| it.0 < before).map(|it| it.1).sum()
                };
                prop_assert!(gone <= sum(n + 1) && gone >= sum((n + 1).saturating_sub(step)));
            }
            prop_assert_eq!(log.next(), None);
        }
    }
}
