use std::time::Duration;

use tokio::time::Instant;

use super::{
    WindowDemand,
    settings::{Outage, Settings, after},
};
use crate::shared_state::{Tokens, WindowAsk, WindowReply, WindowSpan};

/// From here on a window must not be overrun, whatever happens to the store.
const LONG: Duration = Duration::from_secs(60);

/// How long a use that has ended still counts as a wish.
const LINGER: Duration = Duration::from_secs(1);

/// One window of a scope, as this process sees it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) demand: WindowDemand,
    /// Tokens of ours, as the store will know with the next exchange.
    pub(super) held: u32,
    /// Of those, which may be used only from an instant on.
    late: Vec<(Instant, u32)>,
    /// Given back, but not confirmed: when each is free.
    returning: Vec<(Instant, u32)>,
    /// Given back, but still used by requests of ours: as long as the layer
    /// counts those, its limit counts them too.
    leaving: Vec<(Instant, u32)>,
    pub(super) target: u32,
    /// More that is safe to use should the store be lost.
    spare: u32,
    pub(super) want: u32,
    wanted_at: Option<Instant>,
    /// When anything was sent, or waited, last.
    used_at: Option<Instant>,
    pub(super) told_want: u32,
}

impl Window {
    pub(super) fn new(demand: WindowDemand) -> Self {
        Self {
            demand,
            held: 0,
            late: Vec::new(),
            returning: Vec::new(),
            leaving: Vec::new(),
            target: 0,
            spare: 0,
            want: 0,
            wanted_at: None,
            used_at: None,
            told_want: 0,
        }
    }

    pub(super) fn observe(&mut self, demand: WindowDemand, queued: u32, now: Instant) {
        let before = std::mem::replace(&mut self.demand, demand).used();
        let used = self.demand.used();
        // In a long window uses stay for long; whether anything is sent now is
        // another matter.
        if queued > 0 || self.demand.in_flight > 0 || used > before || self.used_at.is_none() {
            self.used_at = Some(now);
        }
        let active = self.used_at.is_some_and(|at| now < at + LINGER);
        let want = match used.saturating_add(queued) {
            _ if !active => 0,
            0 => 0,
            // What is under way does not say what comes next, so a little more.
            want if self.demand.span != PERMIT => want.saturating_add(1 + used / 8),
            want => want,
        };
        let want = want.min(self.demand.limit);
        let lingers = self.wanted_at.is_some_and(|at| now < at + LINGER);
        if want >= self.want || !lingers {
            self.want = want;
            self.wanted_at = Some(now);
        }
    }

    /// Whether a wish that has passed may be forgotten now.
    pub(super) fn forgets_at(&self) -> Option<Instant> {
        self.wanted_at
            .filter(|_| self.want > 0)
            .map(|at| at + LINGER)
    }

    fn late_at(&self, now: Instant) -> u32 {
        let late = self.late.iter().filter(|(from, _)| *from > now);
        late.map(|(_, count)| count).sum()
    }

    /// When the limit changes of itself.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let late = self.late.iter().map(|(from, _)| *from);
        let margin = self.margin();
        let leaving = self
            .leaving
            .iter()
            .filter_map(|(at, _)| at.checked_sub(margin));
        late.chain(leaving).filter(|at| *at > now).min()
    }

    /// A limit is lowered a little before the token is another's.
    fn margin(&self) -> Duration {
        (self.demand.span.length() / 64).min(Duration::from_millis(250))
    }

    /// The tokens that it should keep: no more than its part, and than it has
    /// a use for.
    pub(super) fn keep(&self) -> u32 {
        self.held.min(self.target).min(self.want)
    }

    /// Whether what it could give back is worth an exchange.
    pub(super) fn has_surplus(&self) -> bool {
        let keep = self.keep();
        let least = (self.held / 16).max(1);
        let beyond = self.held >= self.target.max(self.demand.in_flight) + least;
        let idle = self.held - keep >= (self.held / 4).max(1) && keep >= self.demand.in_flight;
        beyond || (idle && self.held > keep)
    }

    /// Whether it is worth an exchange to get what is missing.
    pub(super) fn lacks(&self) -> bool {
        self.held + (self.target / 16).max(1) <= self.target
    }

    /// Whether the store should hear that more, or much less, is wanted.
    pub(super) fn is_news(&self) -> bool {
        let (want, told) = (self.want, self.told_want);
        (want == 0) != (told == 0) || want.abs_diff(told) > (told / 4).max(1)
    }

    /// What the layer may have in the window now.
    pub(super) fn limit(&self, now: Instant) -> u32 {
        self.owned(now).saturating_sub(self.late_at(now))
    }

    /// Tokens that are ours, or still count as used by us.
    pub(super) fn owned(&self, now: Instant) -> u32 {
        let margin = self.margin();
        let leaving = self.leaving.iter().filter(|(at, _)| *at > now + margin);
        let leaving = leaving.map(|(_, count)| *count);
        leaving.fold(self.held, u32::saturating_add)
    }

    /// How much may be used while the store is away. See the module docs.
    pub(super) fn limit_alone(&self, settings: &Settings, outage: &Outage, now: Instant) -> u32 {
        let leased = outage.leased_until.is_some_and(|until| now < until);
        let held = if leased { self.limit(now) } else { 0 };
        if outage.closed {
            return held;
        }
        let length = self.demand.span.length();
        let share = self.share(outage, now);
        if length < LONG {
            return match self.held {
                0 => share,
                // Who has less than its part waits until those with more must
                // have noticed too.
                _ if leased && now < outage.since + settings.noticed() => held.min(share.max(1)),
                _ => share,
            };
        }
        if now >= outage.alone_at(settings, length) {
            share
        } else if self.held + self.spare == 0 {
            // Those who held it all do not know of us. All who wake take together
            // what is worth a second.
            let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
            (share / seconds.max(1)).max(share.min(1))
        } else if leased {
            held + self.spare
        } else {
            (self.held + self.spare).min(share)
        }
    }

    /// An equal part of the limit; where that is less than one, one at times.
    fn share(&self, outage: &Outage, now: Instant) -> u32 {
        let instances = outage.instances.max(1);
        let whole = outage.scaled(self.demand.limit);
        if whole >= instances {
            return whole / instances;
        }
        let turns = u64::from(instances.div_ceil(whole.max(1)));
        u32::from(self.turn(outage, now) % turns == outage.member % turns)
    }

    fn turn(&self, outage: &Outage, now: Instant) -> u64 {
        let length = self.demand.span.length().max(LINGER).as_millis();
        let turn = now.saturating_duration_since(outage.began).as_millis() / length;
        u64::try_from(turn).unwrap_or(0)
    }

    /// When `limit_alone` may change of itself.
    pub(super) fn changes_alone(
        &self,
        settings: &Settings,
        outage: &Outage,
        now: Instant,
    ) -> Option<Instant> {
        let length = self.demand.span.length();
        let mut at = vec![
            outage.since + settings.noticed(),
            outage.alone_at(settings, length),
        ];
        at.extend(outage.leased_until);
        at.extend(self.next_change(now));
        if outage.scaled(self.demand.limit) < outage.instances {
            let step = length.max(LINGER);
            let turn = u32::try_from(self.turn(outage, now) + 1).unwrap_or(u32::MAX);
            at.push(after(outage.began, step.saturating_mul(turn)));
        }
        at.into_iter().filter(|at| *at > now).min()
    }

    /// Its tokens are somebody else's. Permits are in use for as long as they are.
    pub(super) fn lapse(&mut self) {
        self.held = match self.demand.span {
            PERMIT => self.held.min(self.demand.in_flight),
            _ => 0,
        };
        self.late.clear();
    }

    /// What it holds is another member's.
    pub(super) fn forget(&mut self) {
        (self.held, self.target, self.spare, self.told_want) = (0, 0, 0, 0);
        self.late.clear();
        self.returning.clear();
    }

    /// States what it was using on its own as held: what it might use, and what
    /// it has used and is in the window yet.
    pub(super) fn claim(&mut self, limit: u32) {
        self.held = limit.max(self.demand.used());
        self.spare = 0;
        self.target = self.held;
        self.late.clear();
        // All that is among what is held again.
        self.leaving.clear();
        self.returning.clear();
    }

    /// Gives back what is beyond `keep`. The layer's limit is lower already, so
    /// no more than `keep` is sent from now on.
    pub(super) fn give_back(&mut self, keep: u32, now: Instant) {
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

    pub(super) fn ask(&mut self, queued: u32, now: Instant) -> WindowAsk {
        let mut ask = WindowAsk::new(self.demand.span, self.demand.limit);
        self.returning.sort_unstable_by_key(|(at, _)| *at);
        ask.returned = self
            .returning
            .iter()
            .map(|(at, count)| Tokens::new(*count, at.saturating_duration_since(now)))
            .collect();
        (ask.held, ask.want, ask.queued) = (self.held, self.want, queued);
        self.told_want = self.want;
        ask
    }

    pub(super) fn hear(&mut self, reply: &WindowReply, now: Instant) {
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
        self.target = reply.target.min(self.demand.limit);
        self.spare = reply.spare.min(self.demand.limit.saturating_sub(self.held));
    }
}

/// The span of what is free as soon as it is released.
pub(super) const PERMIT: WindowSpan = WindowSpan::Any(Duration::ZERO);
