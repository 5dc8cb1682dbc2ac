use std::{mem, time::Duration};

use tokio::time::Instant;

use super::{MINUTE, Rate, Taught, refusals::of_whole};
use crate::request_pacing::{Span, gate::Gate, share::Refused, tick::Now};

/// What a window of a minute or more had admitted when it refused, perhaps.
#[derive(Clone, Copy, Debug)]
pub(in crate::request_pacing) struct LongFound {
    found: u32,
    length: Duration,
}

/// What refusals teach a scope of its windows of a minute and more.
impl Gate {
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

    /// One that names none, while the short windows were little used: whether it is
    /// a longer one's, and so says nothing of them.
    pub(super) fn was_long(&mut self, refused: &Refused, now: Instant) -> bool {
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
        let is_unknown = self.windows.limit(found.length.into()) == Some(u32::MAX);
        let on_trial = is_unknown && short.is_some_and(|it| it.rate.on_trial());
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
        let found = of_whole(found, part, limit);
        Some(LongFound { found, length })
    }

    fn cut_long(&mut self, LongFound { found, length }: LongFound, now: Instant) {
        // The quota may have changed since.
        let limit = self.windows.limit(length.into());
        let Some(limit) = limit.filter(|limit| found < *limit) else {
            return;
        };
        let active = self.active();
        let learned = active.learned.get_or_insert_default();
        let ceiling = match &learned.long {
            Some(taught) => taught.rate.ceiling(),
            None => Some(limit).filter(|limit| *limit < u32::MAX),
        };
        let rate = Rate::long(found, ceiling, active.flights.next());
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
}
