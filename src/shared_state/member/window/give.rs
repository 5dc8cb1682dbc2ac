//! What a window says to the store, and hears from it.

use tokio::time::Instant;

use super::{PERMIT, Window};
use crate::shared_state::{Tokens, WindowAsk, WindowReply, member::settings::after};

impl Window {
    /// States what it was using on its own as held: what it might use, and what
    /// it has used and is in the window yet. What it leaves to others just now may
    /// be used later, should the store stay away.
    pub(in crate::shared_state::member) fn claim(&mut self, limit: u32) {
        let had = self.held.saturating_add(self.spare);
        self.held = limit.max(self.demand.used());
        self.spare = had.saturating_sub(self.held);
        self.target = self.held;
        self.late.clear();
        // All that is among what is held again.
        self.leaving.clear();
        self.returning.clear();
    }

    /// Gives back what is beyond `keep`. The layer's limit is lower already, so
    /// no more than `keep` is sent from now on.
    pub(in crate::shared_state::member) fn give_back(&mut self, keep: u32, now: Instant) {
        let kept = keep.max(self.demand.in_flight.min(self.held));
        let gone = self.held.saturating_sub(kept);
        if gone == 0 {
            return;
        }
        self.late.retain(|(from, _)| *from > now);
        self.leaving.retain(|(at, _)| *at > now);
        // Those that are free go first. Of those in use some of each age go:
        // with the oldest gone, nothing could be sent until they were free.
        let busy = self
            .demand
            .busy
            .iter()
            .map(|(at, count)| (*at, *count, false));
        let mut used: Vec<_> = busy.collect();
        used.sort_unstable_by_key(|(at, ..)| *at);
        // Uses of what was given back before are not ours to give.
        for (at, count) in &self.leaving {
            let mut left = *count;
            for (_, busy, _) in used.iter_mut().filter(|(busy_at, ..)| busy_at >= at) {
                let some = left.min(*busy);
                *busy -= some;
                left -= some;
            }
        }
        used.extend(self.late.iter().map(|(at, count)| (*at, *count, true)));
        used.sort_unstable_by_key(|(at, ..)| *at);
        let all: u32 = used.iter().map(|(_, count, _)| count).sum();
        let ours = self.demand.in_flight + all;
        let going = u64::from(ours.saturating_sub(kept).min(gone).min(all));
        let free = gone - going as u32;
        if free > 0 {
            self.returning.push((now, free));
        }
        let mut seen = 0;
        for (at, count, is_late) in used {
            let before = seen * going / u64::from(all.max(1));
            seen += u64::from(count);
            let some = (seen * going / u64::from(all.max(1)) - before) as u32;
            if some == 0 {
                continue;
            }
            self.returning.push((at, some));
            if !is_late {
                self.leaving.push((at, some));
            } else if let Some(late) = self.late.iter_mut().find(|late| late.0 == at) {
                late.1 -= some;
            }
        }
        self.late.retain(|(_, count)| *count > 0);
        self.held = kept;
    }

    pub(in crate::shared_state::member) fn ask(&mut self, queued: u32, now: Instant) -> WindowAsk {
        let mut ask = WindowAsk::new(self.demand.span, self.demand.limit);
        self.returning.sort_unstable_by_key(|(at, _)| *at);
        ask.returned = self
            .returning
            .iter()
            .map(|(at, count)| Tokens::new(*count, at.saturating_duration_since(now)))
            .collect();
        (ask.held, ask.want, ask.queued) = (self.held, self.want, queued);
        ask.learned = self.learned.news;
        self.told_want = self.want;
        ask
    }

    pub(in crate::shared_state::member) fn hear(&mut self, reply: &WindowReply, now: Instant) {
        self.returning.clear();
        self.late.retain(|(from, _)| *from > now);
        // Whatever a store says, no more than there is.
        let mut room = self.demand.limit.saturating_sub(self.held);
        for granted in &reply.granted {
            let count = granted.count.min(room);
            room -= count;
            self.held += count;
            if !granted.free_in.is_zero() && count > 0 {
                let from = after(now, granted.free_in);
                // NOTE: `give_back` relies on one entry for each instant.
                match self.late.iter_mut().find(|late| late.0 == from) {
                    Some(late) => late.1 += count,
                    None => self.late.push((from, count)),
                }
            }
        }
        if self.demand.span == PERMIT {
            // What is in use though its lease was over may be another's by now,
            // and must not be taken again.
            self.held = self.held.min(reply.held);
            self.is_full = reply.spare == 0 && reply.held < reply.limit;
        }
        self.learned.hear(reply.learned);
        self.target = reply.target.min(self.demand.limit);
        self.spare = reply.spare.min(self.demand.limit.saturating_sub(self.held));
    }

    /// Its tokens are somebody else's. Permits are in use for as long as they are.
    pub(in crate::shared_state::member) fn lapse(&mut self) {
        self.held = match self.demand.span {
            PERMIT => self.held.min(self.demand.in_flight),
            _ => 0,
        };
        self.late.clear();
    }

    /// What it holds is another member's.
    pub(in crate::shared_state::member) fn forget(&mut self) {
        (self.held, self.target, self.spare, self.told_want) = (0, 0, 0, 0);
        self.kept_until = None;
        self.late.clear();
        self.returning.clear();
    }
}
