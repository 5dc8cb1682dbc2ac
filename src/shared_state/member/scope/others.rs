use std::time::Duration;

use tokio::time::Instant;

use super::Scope;
use crate::shared_state::member::{ScopeDemand, window::Window};

/// One in so many that is refused tells of others.
const FEW: u32 = 10;

/// So many of which fewer were refused than that tell that there are none.
const MANY: u32 = 40;

/// Each time it stays away so many times as long, up to that.
const LONGER: (u32, Duration) = (4, Duration::from_secs(300));

/// Whether others share on, of whom one that goes on alone does not hear.
///
/// Where all have lost the store, their parts are within the limit, and hardly any
/// request is refused. Where one is cut off, the others have all of the limit, and
/// for each request that it sends one is refused, of theirs or its own. So it leaves
/// the limit to them, and tries again more and more seldom.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    /// Much less than the limit was known to be real when it began. Refusals tell of
    /// that then.
    learned: Option<bool>,
    sent: u32,
    refused: u32,
    stays: Duration,
    pub(super) until: Option<Instant>,
}

impl Scope {
    /// It has lost the store. What it sends by its lease is its own; beyond, refusals
    /// tell of others, who know better than it whether all is closed.
    pub(in crate::shared_state::member) fn look_for_others(
        &mut self,
        demand: &mut ScopeDemand,
        lease: Duration,
        now: Instant,
    ) {
        if self.is_leased(now) {
            return;
        }
        demand.hold = None;
        let learned = || self.windows.iter().any(Window::admits_less);
        if !*self.others.learned.get_or_insert_with(learned) {
            self.others.observe(demand, lease, now);
        }
    }

    /// Whether others have all of it, as far as one that goes on alone knows.
    pub(super) fn leaves_it_to_others(&self, now: Instant) -> bool {
        self.others.until.is_some_and(|until| now < until)
    }
}

impl Others {
    fn observe(&mut self, demand: &ScopeDemand, lease: Duration, now: Instant) {
        if self.until.is_some_and(|until| now < until) {
            return;
        }
        self.sent = self.sent.saturating_add(demand.sent);
        self.refused = self.refused.saturating_add(demand.refused);
        if self.refused > 0 && self.refused.saturating_mul(FEW) >= self.sent {
            self.stays = (self.stays * LONGER.0).clamp(lease, LONGER.1.max(lease));
            self.until = Some(now + self.stays);
            (self.sent, self.refused) = (0, 0);
        } else if self.sent >= MANY {
            self.stays = Duration::ZERO;
            (self.sent, self.refused) = (self.sent / 2, self.refused / 2);
        }
    }
}
