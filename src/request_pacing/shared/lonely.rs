use tokio::time::Instant;

use crate::request_pacing::gate::Gate;

/// What a scope meets while others may send what is not known here.
impl Gate {
    pub(super) fn goes_alone(&mut self) {
        let ratios = self.ratios();
        if let Some(lent) = &mut self.active().lent {
            lent.before = ratios;
        }
    }

    /// What others refused it meanwhile was none of its doing: it closes nothing, and
    /// teaches nothing.
    pub(super) fn is_back(&mut self, now: Instant) {
        let active = self.active();
        active.hold.forget_event(now);
        let next = active.flights.next();
        if let Some(share) = &mut active.share {
            share.forget_refusals(next);
        }
        let before = active.lent.as_ref().map(|lent| lent.before);
        self.restore(&before.unwrap_or_default(), now);
        let ratios = self.ratios();
        if let Some(lent) = &mut self.active().lent {
            lent.ratios = ratios;
        }
    }
}
