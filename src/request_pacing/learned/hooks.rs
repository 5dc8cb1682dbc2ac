use std::time::Duration;

use tokio::time::Instant;

use super::{Learned, LearnedLimit, MEMORY, MINUTE, Rate, SECOND, Taught};
use crate::request_pacing::{Scope, Span, charge::Charge, gate::Gate, share::Share, window::Plan};

/// Where others use the same limit, who comes too early loses the slot to them
/// until the next probe, and hears nothing of whose fault it was.
const AMONG_OTHERS: f64 = 0.3;

/// Where a scope learns.
impl Gate {
    /// The quota has changed, and the windows with it: what was learned holds on
    /// below it, and one that is unknown is learned from the start.
    pub(in crate::request_pacing) fn learn_below(&mut self) {
        let Some(active) = &mut self.active else {
            return;
        };
        let windows = &self.windows;
        let nothing_known = windows.plan().is_some_and(Plan::is_unknown);
        if nothing_known {
            active.learned.get_or_insert_default().know_nothing();
        }
        for taught in active.learned.iter_mut().flat_map(|it| it.both()) {
            *taught = taught.take().and_then(|mut taught| {
                let limit = windows.limit(taught.length.into())?;
                taught.rate.set_ceiling((!nothing_known).then_some(limit));
                Some(taught)
            });
        }
        self.apply_learned();
    }

    /// A request was admitted: the limit may be higher than it was learned.
    #[inline(never)]
    pub(in crate::request_pacing) fn learn_admitted(&mut self, charge: Charge) {
        let Some(active) = &mut self.active else {
            return;
        };
        let Some(learned) = &mut active.learned else {
            return;
        };
        let (number, next) = (charge.number(), active.flights.next());
        let waits = active.users > 0;
        let windows = &self.windows;
        let short = learned.short.as_mut().map(|it| (it, charge.is_tight()));
        let long = learned.long.as_mut().map(|it| (it, waits));
        let mut changed = false;
        for (taught, tight) in short.into_iter().chain(long) {
            let weight = windows.weight(taught.length.into());
            changed |= taught.rate.admitted(number, tight, next, weight);
        }
        if changed {
            self.apply_learned();
        }
    }

    /// Whether a short window is known to admit less than its quota, or nothing
    /// is known.
    pub(in crate::request_pacing) fn learns_short(&self) -> bool {
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        learned.is_some_and(|it| it.short.is_some())
    }

    /// Whether others use the limit of its seconds as well, as far as refusals
    /// tell.
    pub(in crate::request_pacing) fn knows_of_others(&self) -> bool {
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        let short = learned.and_then(|it| it.short.as_ref());
        short.is_some_and(|it| it.rate.of_all().is_some())
    }

    /// Whether the limit of this window was learned.
    pub(in crate::request_pacing) fn has_learned(&self, span: Span) -> bool {
        if self.windows.plan().is_some_and(Plan::is_unknown) {
            return true;
        }
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        let learned = learned.into_iter();
        let mut taught = learned.flat_map(|it| it.short.iter().chain(&it.long));
        taught.any(|taught| Span::Any(taught.length) == span)
    }

    /// What is to be kept of it.
    pub(in crate::request_pacing) fn export_learned(
        &self,
        scope: impl Fn() -> Scope,
        now: Instant,
    ) -> impl Iterator<Item = LearnedLimit> {
        let share = match self.if_active() {
            Some(active) => active.share.as_ref().and_then(Share::taught),
            None => self.was_refused.then_some(self.share.into()),
        };
        let learned = self.if_active().and_then(|it| it.learned.as_ref());
        let learned = learned.and_then(|it| Some((it, it.cut?)));
        let taught = |which: fn(&Learned) -> &Option<Taught>| {
            let (taught, cut) = learned.and_then(|(it, cut)| Some((which(it).as_ref()?, cut)))?;
            let limit = self.known_limit(taught)?;
            // Until a window has proved it, it is still on trial.
            let is_less = taught.rate.ceiling().is_none_or(|most| limit < most);
            is_less.then_some((taught.length, limit, cut))
        };
        let (short, long) = (taught(|it| &it.short), taught(|it| &it.long));
        let kept = [(short, share), (long, None)].map(|(taught, share)| {
            (taught.is_some() || share.is_some()).then(|| LearnedLimit {
                scope: scope(),
                requests: taught.map(|(_, limit, _)| limit),
                time: taught.map_or(SECOND, |(length, ..)| length),
                share,
                age: taught.map_or(Duration::ZERO, |(.., cut)| {
                    now.saturating_duration_since(cut)
                }),
            })
        });
        kept.into_iter().flatten()
    }

    #[cfg(not(feature = "shared-state"))]
    fn known_limit(&self, taught: &Taught) -> Option<u32> {
        Some(taught.rate.limit())
    }

    /// Goes on with what was kept.
    pub(in crate::request_pacing) fn import_learned(&mut self, kept: &LearnedLimit, now: Instant) {
        let limit = self.windows.limit(kept.time.into());
        let active = self.active();
        if let (Some(share), Some(value)) = (&mut active.share, kept.share) {
            share.set_value(value);
        }
        let (Some(requests), Some(limit)) = (kept.requests, limit) else {
            return;
        };
        let learned = active.learned.get_or_insert_default();
        let is_long = kept.time >= MINUTE;
        let place = if is_long {
            &mut learned.long
        } else {
            &mut learned.short
        };
        let ceiling = match place {
            Some(taught) => taught.rate.ceiling(),
            None => Some(limit).filter(|limit| *limit < u32::MAX),
        };
        if kept.age < MEMORY && ceiling.is_none_or(|ceiling| requests < ceiling) {
            let next = active.flights.next();
            let rate = match is_long {
                true => Rate::long(requests, ceiling, next),
                false => Rate::learned(requests, ceiling, next),
            };
            let length = kept.time;
            *place = Some(Taught { length, rate });
            learned.cut = Some(now.checked_sub(kept.age).unwrap_or(now));
        }
        self.apply_learned();
        #[cfg(feature = "shared-state")]
        self.keep_learned();
    }

    pub(super) fn apply_learned(&mut self) {
        let Some(active) = &mut self.active else {
            return;
        };
        let Some(learned) = &mut active.learned else {
            return;
        };
        for place in learned.both() {
            let Some(taught) = place else { continue };
            let limit = taught.rate.limit();
            self.windows.set_limit(taught.length.into(), limit);
            if let Some(share) = &mut active.share
                && taught.length < MINUTE
            {
                share.make_room_for(limit);
            }
            if taught.rate.is_over() {
                *place = None;
            }
        }
        if !self.windows.know_others() {
            let part = learned.part().filter(|_| learned.overran);
            self.windows.set_part(part);
        }
        if learned.short.is_none() && learned.long.is_none() {
            active.learned = None;
        }
        // It was counted for another limit.
        active.spare = 0;
        self.weigh_share();
    }

    /// How far the share of the round trip may shrink.
    pub(in crate::request_pacing) fn weigh_share(&mut self) {
        let others = self.knows_of_others();
        if let Some(active) = &mut self.active
            && let Some(share) = &mut active.share
        {
            let least = self.windows.plan().map_or(0.0, Plan::least_share);
            share.set_least(if others {
                least.max(AMONG_OTHERS)
            } else {
                least
            });
        }
    }
}
