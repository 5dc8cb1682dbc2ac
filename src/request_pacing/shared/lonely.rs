use tokio::time::Instant;

use crate::{
    request_pacing::{
        gate::Gate,
        learned::{Taught, WHOLE},
    },
    shared_state::WindowSpan,
};

/// Whether a request was sent while others might send what is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::request_pacing) enum Alone {
    No,
    Yes,
    /// The store is back since.
    Before,
}

/// What a scope meets while others may send what is not known here.
impl Gate {
    pub(super) fn goes_alone(&mut self) {
        let ratios = self.ratios();
        if let Some(lent) = &mut self.active().lent {
            lent.before = ratios;
        }
    }

    /// Somebody says what is to be learned: that stays.
    pub(in crate::request_pacing) fn keep_learned(&mut self) {
        if self.if_active().is_some_and(|it| it.lent.is_some()) {
            self.goes_alone();
        }
    }

    /// What is known of a learned window, if not only from a time alone.
    pub(in crate::request_pacing) fn known_limit(&self, taught: &Taught) -> Option<u32> {
        let lent = self.if_active().and_then(|it| it.lent.as_ref());
        let (Some(lent), Some(ceiling)) = (lent.filter(|lent| lent.alone), taught.rate.ceiling())
        else {
            return Some(taught.rate.limit());
        };
        let before = lent.before.of(WindowSpan::Any(taught.length))?;
        let limit = u64::from(ceiling) * u64::from(before) / u64::from(WHOLE);
        u32::try_from(limit.max(1)).ok()
    }

    /// What others refused it meanwhile was none of its doing: it closes nothing, and
    /// teaches nothing.
    pub(super) fn is_back(&mut self, now: Instant) {
        let active = self.active();
        active.hold.forget_guesses(now);
        let next = active.flights.next();
        if let Some(share) = &mut active.share {
            share.forget_refusals();
        }
        let before = active.lent.as_ref().map(|lent| lent.before);
        self.restore(&before.unwrap_or_default(), now);
        let ratios = self.ratios();
        if let Some(lent) = &mut self.active().lent {
            (lent.ratios, lent.past) = (ratios, next);
            lent.hold = lent.stated;
        }
    }
}
