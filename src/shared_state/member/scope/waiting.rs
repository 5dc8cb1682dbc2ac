use std::time::Duration;

use tokio::time::Instant;

use super::{Scope, Worth};
use crate::shared_state::member::settings::Settings;

/// Timers are no finer. A reply that comes with the deadline is in time.
const TICK: Duration = Duration::from_millis(1);

/// How long somebody waits for the store, and not for others.
impl Scope {
    /// Somebody waits of whom the store has not heard, here or before.
    pub(in crate::shared_state::member) fn waits_unheard(&self) -> bool {
        (self.is_starved() || self.will_starve()) && !self.told_waiting
    }

    /// Notes since when somebody waits for the store: who waits for a permit first, has
    /// waited since then.
    pub(in crate::shared_state::member) fn look(&mut self, worth: Worth, now: Instant) {
        let may_wait = self.is_permits() || self.will_starve();
        if !self.is_starved() && !self.will_starve() {
            self.waits_since = None;
        } else if !self.told_waiting && (!may_wait || worth.own <= now) {
            self.waits_since.get_or_insert(now);
        }
    }

    /// Whoever has waited for a deadline goes on without the store, though others
    /// hear from it: since when.
    pub(in crate::shared_state::member) fn left_alone(
        &self,
        settings: &Settings,
        now: Instant,
    ) -> Option<Instant> {
        let at = self.left_alone_at(settings)?;
        (at <= now).then_some(at)
    }

    pub(super) fn left_alone_at(&self, settings: &Settings) -> Option<Instant> {
        // Nobody is left alone before it is here.
        let since = self.waits_since.filter(|_| self.queued > 0)?;
        Some(since + settings.deadline + TICK)
    }
}
