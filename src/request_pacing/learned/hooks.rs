use tokio::time::Instant;

use super::{Learned, Rate, fit};
use crate::request_pacing::{
    Quota, Span, Window,
    gate::{Charge, Gate},
    window::Count,
};

/// Where a scope learns.
impl Gate {
    /// The quota has changed, and the counts with it: what was learned holds on
    /// below it, and where there is none, it is learned from the start.
    pub(in crate::request_pacing) fn learn_below(
        &mut self,
        quota: Option<&Quota>,
        old: Vec<Count>,
        midnight: Instant,
    ) {
        let nothing_known = quota.is_none_or(|quota| quota.windows().is_empty());
        if nothing_known {
            let start = || Box::new(Learned::start());
            let learned = self.learned.get_or_insert_with(start);
            learned.rate.set_ceiling(None);
            let span = Span::Any(learned.length);
            let window = Window::new(learned.rate.limit(), span);
            let same = old.into_iter().find(|count| count.limit().1 == span);
            let count = same.unwrap_or_else(|| self.new_count(window, midnight));
            self.counts.push(count);
        } else if let Some(learned) = &mut self.learned {
            let span = Span::Any(learned.length);
            match self.counts.iter().find(|count| count.limit().1 == span) {
                Some(count) => learned.rate.set_ceiling(Some(count.limit().0)),
                None => self.learned = None,
            }
        }
        self.apply_learned();
    }

    /// A request was admitted: the limit may be higher than it was learned.
    pub(in crate::request_pacing) fn learn_admitted(&mut self, charge: Charge) {
        if let Some(learned) = &mut self.learned
            && learned
                .rate
                .admitted(charge.number, charge.tight, self.next)
        {
            self.apply_learned();
        }
    }

    /// Learns from the refusals for which all evidence is there.
    pub(in crate::request_pacing) fn learn_refusals(&mut self, now: Instant) {
        let Some(share) = &mut self.share else { return };
        let oldest = self.unanswered.first_key_value();
        let before = oldest.map_or(self.next, |(number, _)| *number);
        while let Some(refused) = share.next_refusal(before) {
            let rate = self.learned.as_ref().map(|learned| &learned.rate);
            if rate.is_some_and(|rate| rate.is_past(refused.number)) {
                continue;
            }
            let on_trial = rate.is_some_and(Rate::on_trial);
            let windows = self.counts.iter().filter_map(Count::short);
            if !on_trial && share.explain(&refused, windows.clone()) {
                continue;
            }
            let mut arrivals = share.evidence(&refused);
            let fits = windows.filter_map(|(limit, length)| {
                let fit = fit(&mut arrivals, length)?;
                Some((f64::from(fit.limit) / f64::from(limit), fit, limit, length))
            });
            let of_learned = |length| self.learned.as_ref().is_none_or(|it| it.length == length);
            let fullest = fits
                .filter(|(.., length)| of_learned(*length))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, fit, limit, length)) = fullest else {
                continue;
            };
            // One alone may be anything, such as a call that came very late.
            if !on_trial && fit.refused < 2 && fit.limit + 1 >= limit && !share.is_odd(&refused) {
                continue;
            }
            let learned = self
                .learned
                .get_or_insert_with(|| Box::new(Learned::below(limit, length)));
            learned.rate.refused(fit.limit, fit.refused, self.next);
            learned.cut = Some(now);
        }
        self.apply_learned();
    }

    /// Whether what was learned is worth no more than nothing.
    pub(in crate::request_pacing) fn forgets_learned(&self, now: Instant) -> bool {
        let until = self.learned.as_ref().and_then(|it| it.counts_until());
        until.is_none_or(|until| until <= now)
    }

    fn apply_learned(&mut self) {
        let Some(learned) = &self.learned else { return };
        let limit = learned.rate.limit();
        let span = Span::Any(learned.length);
        let count = self.counts.iter_mut().find(|count| count.limit().1 == span);
        if let Some(count) = count {
            count.set_limit(limit);
        }
        if let Some(share) = &mut self.share {
            share.make_room_for(limit);
        }
        if learned.rate.is_over() {
            self.learned = None;
        }
    }
}
