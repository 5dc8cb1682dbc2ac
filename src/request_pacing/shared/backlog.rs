use hashbrown::HashMap;

use crate::{
    request_pacing::{core::Core, gate::Gate, queue::BANDS},
    slab::At,
};

impl Core {
    /// How many wait that will pass each gate: those that stand before it, and
    /// of those that stand before a narrower one as many as that lets through.
    pub(super) fn backlogs(&self) -> HashMap<At, u32> {
        let mut lines: HashMap<At, i64> = HashMap::with_capacity(self.lines.len());
        let mut order = Vec::with_capacity(self.lines.len());
        let cost = |waiter: At| i64::from(self.cost_of(waiter));
        for (at, line) in self.lines.iter() {
            // All are taken for as dear as the first.
            let first = (0..BANDS).find_map(|band| line.queue.head(band));
            let waits = i64::from(line.queue.len()) * first.map_or(1, cost);
            *lines.entry(at).or_default() += waits;
            if let Some(parent) = line.parent {
                // They stand here as well.
                let offered = line.offers.iter().flatten();
                *lines.entry(parent).or_default() -= offered.map(|it| cost(*it)).sum::<i64>();
            }
            order.push((self.depth(at), at));
        }
        order.sort_unstable_by(|a, b| b.cmp(a));
        let mut gates: HashMap<At, u32> = HashMap::new();
        for (_, at) in order {
            let Some(line) = self.lines.get(at) else {
                continue;
            };
            let waits = lines.get(&at).map_or(0, |waits| (*waits).max(0));
            let sum = gates.entry(line.gate).or_default();
            *sum = sum.saturating_add(u32::try_from(waits).unwrap_or(u32::MAX));
            if let Some(parent) = line.parent {
                let limit = |gate| self.gates.get(gate).map_or(u32::MAX, Gate::lowest_limit);
                let (own, next) = (
                    limit(line.gate),
                    self.lines.get(parent).map(|it| limit(it.gate)),
                );
                // One that is no narrower holds nobody back.
                let most = if next <= Some(own) { u32::MAX } else { own };
                *lines.entry(parent).or_default() += waits.min(most.into());
            }
        }
        gates
    }

    fn depth(&self, line: At) -> usize {
        let line = std::iter::successors(self.lines.get(line), |line| self.lines.get(line.parent?));
        line.count()
    }
}
