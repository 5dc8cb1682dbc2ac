use std::{iter, mem, time::Duration};

use tokio::time::Instant;

use super::{MINUTE, Rate, SECOND, Taught, fit};
use crate::request_pacing::{Span, gate::Gate, outcome::Refusal, share::Refused, tick::Now};

/// What a window of a minute or more had admitted when it refused, perhaps.
#[derive(Clone, Copy, Debug)]
pub(in crate::request_pacing) struct LongFound {
    found: u32,
    /// What it was said to admit.
    limit: u32,
    length: Duration,
}

/// What refusals teach a scope.
impl Gate {
    /// Learns from the refusals for which all evidence is there.
    #[cold]
    #[inline(never)]
    pub(in crate::request_pacing) fn learn_refusals(&mut self, now: Instant) {
        let mut cut = false;
        while let Some(refused) = self.next_refusal() {
            cut |= !self.was_long(&refused, now) && self.was_short(&refused, now);
        }
        if cut {
            self.apply_learned();
        }
    }

    fn next_refusal(&mut self) -> Option<Refused> {
        let active = self.active.as_mut()?;
        let share = active.share.as_mut()?;
        share.next_refusal(active.flights.oldest())
    }

    /// Whether it has cut a short window.
    fn was_short(&mut self, refused: &Refused, now: Instant) -> bool {
        let Some(active) = &mut self.active else {
            return false;
        };
        let Some(share) = &mut active.share else {
            return false;
        };
        let next = active.flights.next();
        let taught = active.learned.as_ref().and_then(|it| it.short.as_ref());
        if taught.is_some_and(|taught| taught.rate.is_past(refused.number)) {
            return false;
        }
        let windows = self.windows.short();
        // What the server says is of all who use it, and if fewer came from
        // here, there are others.
        let may_be_others = !self.windows.know_others()
            && windows.clone().any(|(_, length)| length == SECOND)
            && taught.is_none_or(|taught| taught.length == SECOND);
        let known = taught.and_then(|taught| taught.rate.of_all());
        let of_all = refused.told.or(known).filter(|_| may_be_others);
        let on_trial = taught.is_some_and(|taught| taught.rate.on_trial());
        let on_trial = on_trial && refused.told.or(of_all).is_none();
        let explained = match of_all {
            Some(of_all) => share.explain(refused, iter::once((of_all, SECOND))),
            None => !on_trial && share.explain(refused, windows.clone()),
        };
        if explained || (refused.told.is_some() && of_all.is_none()) {
            return false;
        }
        // The fullest window is the one that refused.
        let mut arrivals = share.evidence(refused);
        let fits = windows.filter_map(|(limit, length)| {
            let fit = fit(&mut arrivals, length)?;
            let full = f64::from(fit.limit) / f64::from(limit);
            Some((full, fit, limit, length))
        });
        let fullest = fits
            .filter(|(.., length)| taught.is_none_or(|taught| taught.length == *length))
            .filter(|(.., length)| of_all.is_none() || *length == SECOND)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, fit, limit, length)) = fullest else {
            return false;
        };
        // One alone may be anything, such as a call that came very late.
        // And where others have a part of it, mostly it is their doing.
        let whole = self.windows.limit(length.into()).unwrap_or(limit);
        let is_far = fit.limit + 1 < limit && whole == limit;
        let is_sure = on_trial || known.is_some() || fit.refused > 1 || is_far;
        if !is_sure && !share.is_odd(refused) {
            return false;
        }
        let fit_limit = of_whole(fit.limit, limit, whole);
        let learned = active.learned.get_or_insert_default();
        let taught = learned.short.get_or_insert_with(|| Taught {
            length,
            rate: Rate::below(whole),
        });
        match of_all {
            Some(of_all) => taught.rate.refused_by_others(fit_limit, of_all, next),
            None => taught.rate.refused(fit_limit, fit.refused, next),
        }
        learned.cut = Some(now);
        true
    }

    /// A refusal that names a window of a minute. To be told before the hold is.
    pub(in crate::request_pacing) fn learn_long(&mut self, sent: Instant, now: Now) {
        let active = self.if_active();
        if active.is_some_and(|it| it.hold.is_known(sent)) || self.learn_overrun() {
            return;
        }
        if let Some(found) = self.long_found(now) {
            self.cut_long(found, now.instant);
        }
    }

    /// One that names none, and whose second was all but empty: whether it is a
    /// longer window's, and so says nothing of a shorter one.
    fn was_long(&mut self, refused: &Refused, now: Instant) -> bool {
        let Some(active) = &self.active else {
            return false;
        };
        let Some(found) = refused.long else {
            return false;
        };
        let long = active.learned.as_ref().and_then(|it| it.long.as_ref());
        // Those that were sent before that was known are one event.
        if long.is_some_and(|taught| taught.rate.is_past(refused.number)) {
            return true;
        }
        let Some(share) = &active.share else {
            return false;
        };
        // A burst that finds the last of a minute is admitted in part.
        let is_used = |(limit, length): (u32, Duration)| {
            share.inside(refused, length).saturating_mul(4) >= limit.max(1)
        };
        if self.windows.short().any(is_used) {
            return false;
        }
        let short = active.learned.as_ref().and_then(|it| it.short.as_ref());
        // Where nothing is known, a second that is on trial is the likelier one.
        let on_trial = found.limit == u32::MAX && short.is_some_and(|it| it.rate.on_trial());
        // And where others use it as well, one's own second tells little.
        if on_trial || self.knows_of_others() || self.windows.know_others() {
            return false;
        }
        self.cut_long(found, now);
        true
    }

    /// What the shortest window of a minute or more admitted, if that says
    /// anything of its limit.
    pub(in crate::request_pacing) fn long_found(&mut self, now: Now) -> Option<LongFound> {
        // Lets go what has left the windows by now.
        self.windows.room(self.in_flight_now(), now);
        let active = self.if_active()?;
        let windows = self.windows.uses(active.in_flight());
        let long = windows.filter_map(|(limit, span, used)| match span {
            Span::Any(length) if length >= MINUTE => Some((used, limit, length)),
            _ => None,
        });
        let (used, part, length) = long.min_by_key(|(.., length)| *length)?;
        // With a margin for those that were refused, and count or do not.
        let found = used.saturating_sub(active.in_flight.saturating_add(1));
        let found = (found - found / 32).min(part.saturating_sub(1));
        // Fewer than half tell of somebody else, or of a pause that goes on.
        if found == 0 || (part < u32::MAX && found < part / 2) {
            return None;
        }
        let limit = self.windows.limit(length.into()).unwrap_or(part);
        Some(LongFound {
            found: of_whole(found, part, limit),
            limit,
            length,
        })
    }

    fn cut_long(&mut self, mut it: LongFound, now: Instant) {
        // The quota may have changed since.
        let Some(limit) = self.windows.limit(it.length.into()) else {
            return;
        };
        if it.found >= limit {
            return;
        }
        it.limit = limit;
        let active = self.active();
        let learned = active.learned.get_or_insert_default();
        let ceiling = match &learned.long {
            Some(taught) => taught.rate.ceiling(),
            None => Some(it.limit).filter(|limit| *limit < u32::MAX),
        };
        let length = it.length;
        let rate = Rate::long(it.found, ceiling, active.flights.next());
        learned.long = Some(Taught { length, rate });
        learned.cut = Some(now);
        self.apply_learned();
    }

    /// A window of a minute refused, here or in another scope of all: words do
    /// not tell for certain in which. Whether there are others, and it was not
    /// known that they overrun it together: what all send counts there, and what
    /// is refused may count as well.
    #[cold]
    pub(in crate::request_pacing) fn learn_overrun(&mut self) -> bool {
        if !self.windows.have_part() {
            return false;
        }
        let learned = self.active.as_mut().and_then(|it| it.learned.as_mut());
        let learned = learned.filter(|it| it.part().is_some());
        let is_new = learned.is_some_and(|it| !mem::replace(&mut it.overran, true));
        if is_new {
            self.apply_learned();
        }
        is_new
    }

    /// A refusal that says how many a second admits.
    pub(in crate::request_pacing) fn learn_told(&mut self, now: Instant, refusal: &Refusal) {
        let Some(told) = refusal.limit_per_second() else {
            return;
        };
        let Some(limit) = self.windows.limit(SECOND.into()) else {
            return;
        };
        let active = self.active();
        if active.learned.is_none() && told >= limit {
            return;
        }
        let learned = active.learned.get_or_insert_default();
        let taught = learned.short.get_or_insert_with(|| Taught {
            length: SECOND,
            rate: Rate::below(limit),
        });
        taught.rate.told(told, active.flights.next());
        learned.cut = Some(now);
        self.apply_learned();
    }
}

/// What is found of this process's part, of the whole. One that has a part only
/// sees little of it, and is believed a quarter at a time.
fn of_whole(found: u32, part: u32, whole: u32) -> u32 {
    if part == whole {
        return found;
    }
    let scaled = u64::from(found) * u64::from(whole) / u64::from(part.max(1));
    let scaled = u32::try_from(scaled).unwrap_or(u32::MAX);
    scaled.max(whole - whole / 4)
}
