use std::time::Duration;

use tokio::time::Instant;

use super::{Learned, MINUTE, Rate, Taught};
use crate::{request_pacing::gate::Gate, shared_state::WindowSpan};

/// In millionths.
pub(in crate::request_pacing) const WHOLE: u32 = 1_000_000;

/// Which part of its quota each window admits that was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::request_pacing) struct Ratios([Option<(Duration, u32)>; 2]);

impl Ratios {
    pub(in crate::request_pacing) fn of(&self, span: WindowSpan) -> Option<u32> {
        let mut ratios = self.0.iter().flatten();
        let found = ratios.find(|(length, _)| WindowSpan::Any(*length) == span);
        found.map(|(_, ratio)| *ratio)
    }

    /// Of which windows it says something else, or those say nothing.
    fn others_than(&self, before: &Self) -> [Option<Duration>; 2] {
        self.0.map(|place| {
            let (length, ratio) = place?;
            (before.of(WindowSpan::Any(length)) != Some(ratio)).then_some(length)
        })
    }

    pub(in crate::request_pacing) fn keep(&mut self, is_kept: impl Fn(WindowSpan) -> bool) {
        for place in &mut self.0 {
            place.take_if(|(length, _)| !is_kept(WindowSpan::Any(*length)));
        }
    }
}

/// What others should hear of it, who share the limit.
impl Learned {
    pub(in crate::request_pacing) fn ratios(&self) -> Ratios {
        Ratios([&self.short, &self.long].map(|taught| {
            let taught = taught.as_ref()?;
            let ceiling = u64::from(taught.rate.ceiling()?);
            let ratio = u64::from(taught.rate.limit()) * u64::from(WHOLE);
            // Not one request less, for a fraction.
            let ratio = u32::try_from(ratio.div_ceil(ceiling.max(1))).ok()?;
            Some((taught.length, ratio))
        }))
    }

    /// What the quota admits in the windows that were cut.
    pub(in crate::request_pacing) fn ceilings(&self) -> impl Iterator<Item = (Duration, u32)> {
        let taught = self.short.iter().chain(&self.long);
        taught.filter_map(|taught| Some((taught.length, taught.rate.ceiling()?)))
    }
}

impl Gate {
    /// What was learned is no longer known, but for these.
    pub(in crate::request_pacing) fn restore(&mut self, before: &Ratios, now: Instant) {
        let lost = self.ratios().others_than(before);
        for length in lost.into_iter().flatten() {
            self.forget(length);
            if let Some(ratio) = before.of(WindowSpan::Any(length)) {
                self.adopt_learned(length, ratio, now);
            }
        }
    }

    fn forget(&mut self, length: Duration) {
        let Some(active) = &mut self.active else {
            return;
        };
        let learned = active.learned.iter_mut().flat_map(|it| it.both());
        for place in learned {
            if let Some(taught) = place.take_if(|taught| taught.length == length)
                && let Some(ceiling) = taught.rate.ceiling()
            {
                self.windows.set_limit(length.into(), ceiling);
            }
        }
        self.apply_learned();
    }

    /// Another process has learned which part of this window is real. Whether
    /// that is new here.
    pub(in crate::request_pacing) fn adopt_learned(
        &mut self,
        length: Duration,
        ratio: u32,
        now: Instant,
    ) -> bool {
        let Some(quota) = self.windows.limit(length.into()) else {
            return false;
        };
        let active = self.active();
        let learned = active.learned.get_or_insert_default();
        let place = match length >= MINUTE {
            true => &mut learned.long,
            false => &mut learned.short,
        };
        let known = place.as_ref().filter(|taught| taught.length == length);
        let ceiling = known.map_or(Some(quota), |taught| taught.rate.ceiling());
        let Some(ceiling) = ceiling.filter(|limit| *limit < u32::MAX) else {
            return false;
        };
        let limit = u64::from(ceiling) * u64::from(ratio) / u64::from(WHOLE);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, ceiling);
        let next = active.flights.next();
        let is_new = match place {
            Some(taught) if taught.length == length => taught.rate.heard(limit, next),
            None if limit < ceiling => {
                let rate = match length >= MINUTE {
                    true => Rate::long(limit, Some(ceiling), next),
                    false => Rate::learned(limit, Some(ceiling), next),
                };
                *place = Some(Taught { length, rate });
                true
            }
            _ => false,
        };
        if is_new {
            learned.cut = Some(now);
        }
        self.apply_learned();
        is_new
    }
}
