use std::time::Duration;

use tokio::time::Instant;

use super::Scope;
use crate::shared_state::member::{ScopeDemand, settings::fraction, window::Window};

/// One in so many that is refused tells of others.
const FEW: u32 = 20;

/// Fewer than so many may be by chance.
const LEAST: u32 = 3;

/// So many of which fewer were refused than that tell that there are none:
/// by chance the server may refuse the others for a while.
const MANY: u32 = 100;

/// Each time it stays away so many times as long, up to that.
const LONGER: (u32, Duration) = (4, Duration::from_secs(300));

/// Whether others share on, of whom one that goes on alone does not hear.
///
/// Where all have lost the store, their parts are within the limit, and hardly any
/// request is refused. Where one is cut off, the others have all of the limit, and
/// for each request that it sends one is refused, of theirs or its own. So it leaves
/// the limit to them, and tries again more and more seldom. Each member after another
/// time: should they have left together, there are no others.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    sent: u32,
    refused: u32,
    stays: Duration,
    /// How often it has left.
    times: u32,
    pub(super) until: Option<Instant>,
}

/// What has become of requests since the last time.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::shared_state::member) struct Went {
    sent: u32,
    refused: u32,
}

impl From<&ScopeDemand> for Went {
    fn from(demand: &ScopeDemand) -> Self {
        Self {
            sent: demand.sent,
            refused: demand.refused,
        }
    }
}

impl Scope {
    /// Whether others may have sent, as far as the layer knows, what is not known here.
    /// Then it tells what the server said, when the store is back; what it guesses to be
    /// closed others know better.
    pub(in crate::shared_state::member) fn minds_others(&self, demand: &mut ScopeDemand) -> bool {
        let alone = self.applied.as_ref().is_some_and(|share| share.alone);
        if alone {
            demand.hold = demand.stated;
        }
        alone
    }

    /// It has lost the store. What it sends by its lease is its own; beyond, refusals
    /// tell of others, unless much less than the limit is known to be real: then they
    /// tell of that.
    pub(in crate::shared_state::member) fn look_for_others(
        &mut self,
        went: Went,
        member: u64,
        lease: Duration,
        now: Instant,
    ) {
        if self.is_leased(now) {
            return;
        }
        if self.windows.iter().any(Window::admits_less) {
            self.others = Others::default();
        } else {
            self.others.observe(went, member, lease, now);
        }
    }

    /// Whether others have all of it, as far as one that goes on alone knows.
    pub(super) fn leaves_it_to_others(&self, now: Instant) -> bool {
        self.others.until.is_some_and(|until| now < until)
    }
}

impl Others {
    fn observe(&mut self, went: Went, member: u64, lease: Duration, now: Instant) {
        if self.until.is_some_and(|until| now < until) {
            return;
        }
        self.sent = self.sent.saturating_add(went.sent);
        self.refused = self.refused.saturating_add(went.refused);
        if self.refused >= LEAST && self.refused.saturating_mul(FEW) >= self.sent {
            self.stays = (self.stays * LONGER.0).clamp(lease, LONGER.1.max(lease));
            let chance = fraction(member.wrapping_add(self.times.into()));
            self.until = Some(now + self.stays.mul_f64(0.5 + chance));
            self.times = self.times.wrapping_add(1);
            (self.sent, self.refused) = (0, 0);
        } else if self.sent >= MANY {
            self.stays /= LONGER.0;
            (self.sent, self.refused) = (self.sent / 2, self.refused / 2);
        }
    }
}
