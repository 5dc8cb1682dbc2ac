use std::iter;

use tokio::time::Instant;

use super::{Rate, SECOND, Taught, fit};
use crate::request_pacing::{gate::Gate, outcome::Refusal, share::Refused};

/// What refusals teach a scope of its short windows.
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
        let know_others = self.windows.know_others();
        // What the server says is of all who use it, and if fewer came from
        // here, there are others.
        let may_be_others = !know_others
            && windows.clone().any(|(_, length)| length == SECOND)
            && taught.is_none_or(|taught| taught.length == SECOND);
        let known = taught.and_then(|taught| taught.rate.of_all());
        let of_all = refused.told.or(known).filter(|_| may_be_others);
        let on_trial = taught.is_some_and(|taught| taught.rate.on_trial());
        let told = refused.told.filter(|_| !know_others);
        let on_trial = on_trial && told.or(of_all).is_none();
        let explained = match of_all {
            Some(of_all) => share.explain(refused, iter::once((of_all, SECOND))),
            None => !on_trial && share.explain(refused, windows.clone()),
        };
        if explained || (told.is_some() && of_all.is_none()) {
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
            // All who tell each other what they send keep to what the server says.
            None if refused.told.is_some() => {
                taught
                    .rate
                    .refused_beside_others(fit_limit, fit.refused, next);
            }
            None => taught.rate.refused(fit_limit, fit.refused, next),
        }
        learned.cut = Some(now);
        true
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
pub(super) fn of_whole(found: u32, part: u32, whole: u32) -> u32 {
    if part == whole {
        return found;
    }
    let scaled = u64::from(found) * u64::from(whole) / u64::from(part.max(1));
    let scaled = u32::try_from(scaled).unwrap_or(u32::MAX);
    scaled.max(whole - whole / 4)
}
