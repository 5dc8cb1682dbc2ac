use std::time::Duration;

use tokio::time::Instant;

use super::{LearnedLimit, MEMORY, MINUTE, Rate, SECOND, Taught, fit};
use crate::request_pacing::{
    Quota, Span, Window,
    gate::{Charge, Gate},
    outcome::Refusal,
    window::Count,
};

/// Where a scope learns.
impl Gate {
    /// The quota has changed, and the counts with it: what was learned holds on
    /// below it, and one that is unknown is learned from the start.
    pub(in crate::request_pacing) fn learn_below(
        &mut self,
        quota: Option<&Quota>,
        mut old: Vec<Count>,
        midnight: Instant,
    ) {
        let nothing_known = quota.is_some_and(|quota| quota.windows().is_empty());
        if nothing_known {
            let learned = self.learned.get_or_insert_default();
            learned.short.take_if(|taught| taught.length != SECOND);
            learned.short.get_or_insert_with(|| Taught {
                length: SECOND,
                rate: Rate::start(),
            });
            for length in [SECOND, MINUTE] {
                let window = Window::new(u32::MAX, Span::Any(length));
                let same = old.iter().position(|count| is_of(count, length));
                let mut count = match same {
                    Some(at) => old.swap_remove(at),
                    None => self.new_count(window, midnight),
                };
                count.set_limit(u32::MAX);
                self.counts.push(count);
            }
        }
        let counts = &self.counts;
        for taught in self.learned.iter_mut().flat_map(|it| it.both()) {
            *taught = taught.take().and_then(|mut taught| {
                let count = counts.iter().find(|count| is_of(count, taught.length))?;
                let (limit, _) = count.limit();
                taught.rate.set_ceiling((!nothing_known).then_some(limit));
                Some(taught)
            });
        }
        self.apply_learned();
    }

    /// A request was admitted: the limit may be higher than it was learned.
    pub(in crate::request_pacing) fn learn_admitted(&mut self, charge: Charge) {
        let Some(learned) = &mut self.learned else {
            return;
        };
        let (number, next) = (charge.number, self.next);
        let waits = self.queue.is_some();
        let short = learned.short.as_mut().map(|it| (it, charge.tight));
        let long = learned.long.as_mut().map(|it| (it, waits));
        let mut changed = false;
        for (taught, tight) in short.into_iter().chain(long) {
            changed |= taught.rate.admitted(number, tight, next);
        }
        if changed {
            self.apply_learned();
        }
    }

    /// Learns from the refusals by short windows for which all evidence is
    /// there.
    pub(in crate::request_pacing) fn learn_refusals(&mut self, now: Instant) {
        let Some(share) = &mut self.share else { return };
        let oldest = self.unanswered.first_key_value();
        let before = oldest.map_or(self.next, |(number, _)| *number);
        let mut cut = false;
        while let Some(refused) = share.next_refusal(before) {
            let taught = self.learned.as_ref().and_then(|it| it.short.as_ref());
            if taught.is_some_and(|taught| taught.rate.is_past(refused.number)) {
                continue;
            }
            let on_trial = taught.is_some_and(|taught| taught.rate.on_trial()) && !refused.told;
            let windows = self.counts.iter().filter_map(Count::short);
            if !on_trial && (share.explain(&refused, windows.clone()) || refused.told) {
                continue;
            }
            // The fullest window is the one that refused.
            let mut arrivals = share.evidence(&refused);
            let fits = windows.filter_map(|(limit, length)| {
                let fit = fit(&mut arrivals, length)?;
                let full = f64::from(fit.limit) / f64::from(limit);
                Some((full, fit, limit, length))
            });
            let fullest = fits
                .filter(|(.., length)| taught.is_none_or(|taught| taught.length == *length))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, fit, limit, length)) = fullest else {
                continue;
            };
            // One alone may be anything, such as a call that came very late.
            if !on_trial && fit.refused < 2 && fit.limit + 1 >= limit && !share.is_odd(&refused) {
                continue;
            }
            let learned = self.learned.get_or_insert_default();
            let taught = learned.short.get_or_insert_with(|| Taught {
                length,
                rate: Rate::below(limit),
            });
            taught.rate.refused(fit.limit, fit.refused, self.next);
            learned.cut = Some(now);
            cut = true;
        }
        if cut {
            self.apply_learned();
        }
    }

    /// A refusal that names a window of a minute, or whose second was empty.
    /// To be told before the hold is.
    pub(in crate::request_pacing) fn learn_long(
        &mut self,
        sent: Instant,
        now: Instant,
        refusal: &Refusal,
    ) {
        let in_flight = self.in_flight();
        let empty = || {
            let share = self.share.as_ref();
            in_flight == 0 && share.is_some_and(|share| share.was_empty(sent, SECOND))
        };
        let is_long =
            refusal.is_long() || (refusal.may_be_short() && empty() && !refusal.is_short());
        if !is_long || self.hold.is_known(sent) {
            return;
        }
        let long = self.counts.iter().filter_map(|count| match count.limit() {
            (limit, Span::Any(length)) if length >= MINUTE => Some((count, limit, length)),
            _ => None,
        });
        let Some((count, limit, length)) = long.min_by_key(|(.., length)| *length) else {
            return;
        };
        // With a margin for those that were refused, and count or do not.
        let found = count.used().saturating_sub(in_flight.saturating_add(1));
        let found = (found - found / 32).min(limit - 1);
        // Fewer than half tell of somebody else, or of a pause that goes on.
        if found == 0 || (limit < u32::MAX && found < limit / 2) {
            return;
        }
        let learned = self.learned.get_or_insert_default();
        let ceiling = match &learned.long {
            Some(taught) => taught.rate.ceiling(),
            None => Some(limit).filter(|limit| *limit < u32::MAX),
        };
        let rate = Rate::long(found, ceiling, self.next);
        learned.long = Some(Taught { length, rate });
        learned.cut = Some(now);
        self.apply_learned();
    }

    /// A refusal that says how many a second admits.
    pub(in crate::request_pacing) fn learn_told(&mut self, now: Instant, refusal: &Refusal) {
        let Some(told) = refusal.limit_per_second() else {
            return;
        };
        let Some(count) = self.counts.iter().find(|count| is_of(count, SECOND)) else {
            return;
        };
        let (limit, _) = count.limit();
        if self.learned.is_none() && told >= limit {
            return;
        }
        let learned = self.learned.get_or_insert_default();
        let taught = learned.short.get_or_insert_with(|| Taught {
            length: SECOND,
            rate: Rate::below(limit),
        });
        taught.rate.told(told, self.next);
        learned.cut = Some(now);
        self.apply_learned();
    }

    /// Whether a short window is known to admit less than its quota, or nothing
    /// is known.
    pub(in crate::request_pacing) fn learns_short(&self) -> bool {
        self.learned.as_ref().is_some_and(|it| it.short.is_some())
    }

    /// Whether the limit of this window was learned.
    pub(in crate::request_pacing) fn has_learned(&self, span: Span) -> bool {
        let learned = self.learned.iter();
        let mut taught = learned.flat_map(|it| it.short.iter().chain(&it.long));
        taught.any(|taught| Span::Any(taught.length) == span)
    }

    /// Whether what was learned is worth no more than nothing.
    pub(in crate::request_pacing) fn forgets_learned(&self, now: Instant) -> bool {
        let until = self.learned.as_ref().and_then(|it| it.counts_until());
        until.is_none_or(|until| until <= now)
    }

    /// What is to be kept of it.
    pub(in crate::request_pacing) fn export_learned(&self, now: Instant) -> Option<LearnedLimit> {
        let share = self.share.as_ref().and_then(|share| share.taught());
        let taught = self.learned.as_ref().and_then(|it| {
            let taught = it.short.as_ref()?;
            Some((it.cut?, taught.rate.limit(), taught.length))
        });
        if share.is_none() && taught.is_none() {
            return None;
        }
        Some(LearnedLimit {
            scope: self.scope.clone(),
            requests: taught.map(|(_, requests, _)| requests),
            time: taught.map_or(SECOND, |(.., length)| length),
            share,
            age: taught.map_or(Duration::ZERO, |(cut, ..)| {
                now.saturating_duration_since(cut)
            }),
        })
    }

    /// Goes on with what was kept.
    pub(in crate::request_pacing) fn import_learned(&mut self, kept: &LearnedLimit, now: Instant) {
        if let (Some(share), Some(value)) = (&mut self.share, kept.share) {
            share.set_value(value);
        }
        let count = self.counts.iter().find(|count| is_of(count, kept.time));
        let (Some(requests), Some(count)) = (kept.requests, count) else {
            return;
        };
        let learned = self.learned.get_or_insert_default();
        let ceiling = match &learned.short {
            Some(taught) => taught.rate.ceiling(),
            None => Some(count.limit().0),
        };
        if kept.age < MEMORY && ceiling.is_none_or(|ceiling| requests < ceiling) {
            learned.short = Some(Taught {
                length: kept.time,
                rate: Rate::learned(requests, ceiling, self.next),
            });
            learned.cut = Some(now.checked_sub(kept.age).unwrap_or(now));
        }
        self.apply_learned();
    }

    fn apply_learned(&mut self) {
        let Some(learned) = &mut self.learned else {
            return;
        };
        for place in learned.both() {
            let Some(taught) = place else { continue };
            let limit = taught.rate.limit();
            let mut counts = self.counts.iter_mut();
            if let Some(count) = counts.find(|count| is_of(count, taught.length)) {
                count.set_limit(limit);
            }
            if let Some(share) = &mut self.share
                && taught.length < MINUTE
            {
                share.make_room_for(limit);
            }
            if taught.rate.is_over() {
                *place = None;
            }
        }
        if learned.short.is_none() && learned.long.is_none() {
            self.learned = None;
        }
        self.weigh_share();
    }

    /// Where a longer window keeps requests back by far the most, a share that
    /// is nearer to the truth makes nothing quicker, and costs refusals.
    pub(in crate::request_pacing) fn weigh_share(&mut self) {
        let lowest = |is_short: bool| {
            let rates = self.counts.iter().filter_map(|count| match count.limit() {
                (limit, Span::Any(length)) if count.short().is_some() == is_short => {
                    Some(f64::from(limit) / length.as_secs_f64())
                }
                _ => None,
            });
            rates.fold(f64::INFINITY, f64::min)
        };
        let pays = 0.9 * lowest(true) <= lowest(false);
        if let Some(share) = &mut self.share {
            share.set_pays(pays);
        }
    }
}

fn is_of(count: &Count, length: Duration) -> bool {
    count.limit().1 == Span::Any(length)
}
