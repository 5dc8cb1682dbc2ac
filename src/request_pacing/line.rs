use std::{mem, ops::Bound};

use super::{
    band::Arrival,
    core::{Core, LINE, WAITER},
    queue::{BANDS, FairQueue, band},
    tick::Now,
};
use crate::slab::At;

/// The requests that have the same way from one scope on.
///
/// Lines make a tree: that of a narrow scope leads to that of the next wider
/// one, and who waits in the last goes. While its scope is open, a line offers
/// the first of each priority to the next line, where it stands as well. So
/// nobody holds anything while he waits; the last line chooses among all who
/// may go; and nobody looks at those behind.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) gate: At,
    /// The next wider line. `None`: from here they go.
    pub(super) parent: Option<At>,
    pub(super) queue: FairQueue,
    /// Who of each priority stands in the next line too.
    pub(super) offers: [Option<At>; BANDS],
    /// Lines that lead to this.
    children: u32,
    /// Whether its requests wait for its own scope.
    pub(super) blocked: bool,
    /// Whether it is to be looked at.
    pub(super) listed: bool,
}

impl Core {
    /// Makes a request stand in its line. `false` if there are more lines than
    /// can be told apart.
    pub(super) fn join(&mut self, waiter: At, now: Now) -> bool {
        let path = self.waiter(waiter).path;
        let mut line = None;
        for gate in path.wide_first() {
            match self.line(gate, line) {
                Some(found) => line = Some(found),
                None => {
                    line.into_iter().for_each(|line| self.lift(line, now));
                    return false;
                }
            }
        }
        let Some(line) = line else {
            return false;
        };
        self.waiter(waiter).line = Some(line);
        let stands = self.stand(waiter, line);
        if !stands {
            self.waiter(waiter).line = None;
        }
        self.lift(line, now);
        stands
    }

    /// Takes a request out of all lines; `served` if it goes.
    pub(super) fn withdraw(&mut self, at: At, served: bool, now: Now) {
        let waiter = self.waiter(at);
        let (line, flows) = (waiter.line.take(), mem::take(&mut waiter.flows));
        let cost = waiter.path.cost;
        let (band, place) = (band(waiter.comer.priority), waiter.place());
        let mut next = line;
        for flow in flows {
            let Some(line) = next.and_then(|next| self.lines.get_mut(next)) else {
                break;
            };
            match flow {
                Some(flow) if served => line.queue.serve(band, flow, place, cost),
                Some(flow) => line.queue.remove(band, flow, place),
                None => {}
            }
            if line.offers[band] == Some(at) {
                line.offers[band] = None;
            }
            next = line.parent;
            let gate = line.gate;
            if flow.is_some() {
                self.gate(gate).active().standing -= 1;
            }
        }
        if let Some(line) = line {
            self.lift(line, now);
        }
    }

    /// Brings up to date whom a line, and those after it, offer.
    pub(super) fn lift(&mut self, line: At, now: Now) {
        let mut next = Some(line);
        while let Some(at) = next {
            let line = self.lines.get(at).expect(LINE);
            let (gate, waits) = (line.gate, !line.queue.is_empty());
            next = line.parent;
            match next {
                Some(parent) => {
                    let offered = self.offer(at, gate, parent, now);
                    self.set_blocked(at, waits && !offered, now);
                }
                None if waits => self.list_root(at),
                None => self.set_blocked(at, false, now),
            }
            self.tidy(at);
        }
    }

    /// Offers the first of each priority to the next line, as far as `gate` has
    /// room for it. Whether all are offered.
    fn offer(&mut self, at: At, gate: At, parent: At, now: Now) -> bool {
        let mut all = true;
        for band in 0..BANDS {
            let head = self.lines.get(at).expect(LINE).queue.head(band);
            let offered = head.filter(|head| self.is_open(gate, self.cost_of(*head), now));
            all &= offered == head;
            let head = offered;
            let line = self.lines.get_mut(at).expect(LINE);
            let old = mem::replace(&mut line.offers[band], head);
            if old == head {
                continue;
            }
            if let Some(old) = old {
                self.unstand(old, parent);
            }
            if let Some(head) = head
                && !self.stand(head, parent)
            {
                self.lines.get_mut(at).expect(LINE).offers[band] = None;
                all = false;
            }
        }
        all
    }

    fn stand(&mut self, at: At, line: At) -> bool {
        let found = self.lines.get_mut(line).expect(LINE);
        let waiter = self.waiters.get_mut(at).expect(WAITER);
        let account = waiter.comer.account.as_ref();
        let weight = account.and_then(|account| self.weights.get(account));
        let arrival = Arrival {
            account,
            weight: weight.copied().unwrap_or(1),
            place: waiter.place(),
        };
        let flow = found.queue.push(band(waiter.comer.priority), &arrival, at);
        let (gate, stage) = (found.gate, waiter.path.stage(found.gate));
        waiter.flows[stage] = flow;
        if flow.is_some() {
            self.gate(gate).active().standing += 1;
        }
        flow.is_some()
    }

    fn unstand(&mut self, at: At, line: At) {
        let found = self.lines.get_mut(line).expect(LINE);
        let waiter = self.waiters.get_mut(at).expect(WAITER);
        let (gate, stage) = (found.gate, waiter.path.stage(found.gate));
        if let Some(flow) = waiter.flows[stage].take() {
            let place = waiter.place();
            found.queue.remove(band(waiter.comer.priority), flow, place);
            self.gate(gate).active().standing -= 1;
        }
    }

    /// The line at `gate` that leads to `parent`.
    fn line(&mut self, gate: At, parent: Option<At>) -> Option<At> {
        if let Some(line) = self.line_of.get(&(gate, parent)) {
            return Some(*line);
        }
        let line = self.lines.insert(Line {
            gate,
            parent,
            queue: FairQueue::default(),
            offers: [None; BANDS],
            children: 0,
            blocked: false,
            listed: false,
        })?;
        self.line_of.insert((gate, parent), line);
        if let Some(parent) = parent {
            self.lines.get_mut(parent).expect(LINE).children += 1;
        }
        Some(line)
    }

    /// How many of the same account and priority wait on the same way.
    pub(super) fn before(&mut self, at: At) -> u32 {
        let waiter = self.waiters.get_mut(at).expect(WAITER);
        let (path, comer) = (waiter.path, &waiter.comer);
        let mut line = None;
        for gate in path.wide_first() {
            line = self.line_of.get(&(gate, line)).copied();
            if line.is_none() {
                return 0;
            }
        }
        let line = line.and_then(|line| self.lines.get(line));
        line.map_or(0, |line| {
            let band = band(comer.priority);
            line.queue.before(band, comer.account.as_ref())
        })
    }

    /// Forgets a line in which nobody waits.
    pub(super) fn tidy(&mut self, at: At) {
        if let Some(line) = self.lines.get(at)
            && line.queue.is_empty()
            && line.children == 0
            && !line.listed
            && !line.blocked
        {
            let (gate, parent) = (line.gate, line.parent);
            self.lines.remove(at);
            self.line_of.remove(&(gate, parent));
            if let Some(parent) = parent {
                self.lines.get_mut(parent).expect(LINE).children -= 1;
            }
        }
    }

    /// Notes whether the requests of a line wait for its own scope.
    pub(super) fn set_blocked(&mut self, at: At, blocked: bool, now: Now) {
        let line = self.lines.get_mut(at).expect(LINE);
        let gate = line.gate;
        if mem::replace(&mut line.blocked, blocked) == blocked {
            // Less room may do by now, and that comes sooner.
            if blocked && self.wanted(at, now) < self.gate(gate).active().wanted {
                self.note(gate);
            }
            return;
        }
        if blocked {
            self.blocked.insert((gate, at));
        } else {
            self.blocked.remove(&(gate, at));
        }
        self.note(gate);
    }

    /// The least room with which a line that waits for its scope goes on.
    pub(super) fn wanted(&self, at: At, now: Now) -> u32 {
        let line = self.lines.get(at).expect(LINE);
        if line.parent.is_none() {
            let next = line.queue.choose(now.instant, self.settings.ageing);
            return next.map_or(1, |next| self.cost_of(next));
        }
        let heads = (0..BANDS).filter_map(|band| {
            let head = line.queue.head(band)?;
            (line.offers[band] != Some(head)).then(|| self.cost_of(head))
        });
        heads.min().unwrap_or(1)
    }

    /// The least room with which any line goes on that waits for this scope.
    pub(super) fn wanted_at(&self, gate: At, now: Now) -> Option<u32> {
        let mut least = None;
        let mut next = self.first_blocked(gate);
        while let Some(line) = next {
            let wanted = self.wanted(line, now);
            least = Some(least.map_or(wanted, |least: u32| least.min(wanted)));
            next = self.next_blocked(gate, line);
        }
        least
    }

    /// As how many requests one that waits counts.
    pub(super) fn cost_of(&self, waiter: At) -> u32 {
        self.waiters
            .get(waiter)
            .map_or(1, |waiter| waiter.path.cost)
    }

    /// One of the lines whose requests wait for this scope.
    pub(super) fn first_blocked(&self, gate: At) -> Option<At> {
        let first = self.blocked.range((gate, At::FIRST)..).next();
        first.filter(|(of, _)| *of == gate).map(|(_, line)| *line)
    }

    /// The one after it.
    pub(super) fn next_blocked(&self, gate: At, line: At) -> Option<At> {
        let after = (Bound::Excluded((gate, line)), Bound::Unbounded);
        let next = self.blocked.range(after).next();
        next.filter(|(of, _)| *of == gate).map(|(_, line)| *line)
    }
}
