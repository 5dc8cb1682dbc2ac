use std::collections::{HashSet, VecDeque};

use super::{
    clock::{Micros, SECOND},
    routes::RouteId,
};

const REMEMBERED: Micros = 10 * SECOND;

type Key = (u32, RouteId, String);

/// The client's request ids of the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashSet<Key>,
    order: VecDeque<(Micros, Key)>,
}

impl Memory {
    pub(super) fn remembers(&mut self, now: Micros, key: &Key) -> bool {
        while self
            .order
            .front()
            .is_some_and(|(at, _)| now - at >= REMEMBERED)
        {
            if let Some((_, key)) = self.order.pop_front() {
                self.known.remove(&key);
            }
        }
        self.known.contains(key)
    }

    pub(super) fn remember(&mut self, now: Micros, key: Key) {
        self.order.push_back((now, key.clone()));
        self.known.insert(key);
    }
}
