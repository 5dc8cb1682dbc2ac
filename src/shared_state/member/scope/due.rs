use std::time::Duration;

use tokio::time::Instant;

use super::{APART, LATE, Scope};
use crate::shared_state::member::{settings::Settings, window::Window};

/// The longest that a permit waits for others, to be asked for together.
pub(in crate::shared_state::member) const TOGETHER: Duration = Duration::from_secs(3);

/// Whoever holds a permit asks as often whether somebody waits for it.
const LOOK: Duration = Duration::from_secs(10);

/// From when on a permit is worth an exchange of its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::shared_state::member) struct Worth {
    /// For a request here.
    pub(in crate::shared_state::member) own: Instant,
    /// For one of another process.
    pub(in crate::shared_state::member) others: Instant,
}

/// When the next exchange about a scope is due.
impl Scope {
    /// When the next exchange about it is due, where it is permits: for the sake
    /// of a request or of another process, only when it is
    /// `worth` it.
    fn permits_due(&self, settings: &Settings, worth: Worth, now: Instant) -> Option<Instant> {
        let any = |is: &dyn Fn(&Window) -> bool| self.windows.iter().any(is);
        let Some(asked) = self.asked else {
            let wants = self.queued > 0 || any(&|window| window.want > 0);
            return wants.then_some(worth.own.max(now));
        };
        if self.claim || self.unheard || self.rests {
            return Some(now);
        }
        let known = any(&|window| window.held > 0 || window.told_want > 0);
        // Nothing tells that others wait, should that notice be lost.
        let renew = match any(&|window| window.held > 0) {
            true if settings.keep.is_zero() => settings.renew().min(APART * 5),
            true => settings.renew().min(LOOK),
            false => settings.renew(),
        };
        let mut due = known.then(|| asked + renew);
        let mut sooner = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        if self.waits_unheard() {
            sooner(worth.own.min(asked + renew).max(now));
        }
        let gives = any(&|window| window.gives_permits(now) || window.want < window.told_want);
        let owes = any(&Window::owes_permits);
        let lacks = |window: &Window| window.want > window.told_want && window.wants_permits();
        if owes || gives && (self.called || settings.keep.is_zero()) {
            sooner(worth.others.max(asked + APART));
        }
        if any(&lacks) {
            sooner(worth.own.max(asked + APART));
        }
        if self.queued > 0 && any(&Window::wants_permits) {
            // Nothing tells whoever waits that a notice was lost.
            let at = self
                .ask_at
                .map_or(Duration::MAX, |at| at.saturating_duration_since(asked));
            let again = match settings.keep.is_zero() {
                true => APART,
                false => APART * 4,
            };
            if worth.own <= now || worth.own <= asked {
                let most = (settings.lease / 4).min(APART * 5);
                sooner(asked + at.clamp(again, most.max(again)));
            } else {
                sooner(worth.own.max(asked + settings.renew().min(TOGETHER)));
            }
        }
        due
    }

    /// Who was asked about longest ago goes first, or began to wait before that: were
    /// it by when they are due, some would never have their turn.
    pub(in crate::shared_state::member) fn turn(&self) -> Instant {
        self.asked.unwrap_or(self.began)
    }

    /// Whether it goes along with any exchange.
    pub(in crate::shared_state::member) fn comes_along(&self, now: Instant) -> bool {
        let news = |window: &Window| {
            window.want != window.told_want || window.gives_permits(now) || window.wants_permits()
        };
        self.is_permits() && self.windows.iter().any(news)
    }

    /// When the next exchange about it is due. See `permits_due`.
    pub(in crate::shared_state::member) fn due(
        &self,
        settings: &Settings,
        worth: Worth,
        now: Instant,
    ) -> Option<Instant> {
        if self.under_way {
            return None;
        }
        if self.is_permits() && self.news_hold.is_none() {
            return self.permits_due(settings, worth, now);
        }
        let Some(asked) = self.asked else {
            let any = self.queued > 0 || self.windows.iter().any(|window| window.want > 0);
            let waits = !self.will_starve() || self.news_hold.is_some();
            return any.then_some(if waits { now } else { worth.own.max(now) });
        };
        if self.claim || self.unheard || self.rests {
            return Some(now);
        }
        if self.news_hold.is_some() || self.windows.iter().any(Window::has_learned) {
            return Some(now);
        }
        if self.waits_unheard() && self.queued > 0 {
            return Some(now);
        }
        let soon = asked + APART;
        let holds = self.windows.iter().any(|window| window.held > 0);
        let mut due = holds.then(|| asked + settings.renew());
        let mut sooner = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        if self.waits_unheard() {
            // Together with the permit.
            sooner(worth.own.max(now));
        }
        if self.called || self.windows.iter().any(|window| window.has_surplus(now)) {
            sooner(soon);
        }
        if self
            .windows
            .iter()
            .any(|window| window.is_news() || window.runs_out())
        {
            sooner(soon);
        }
        if self.is_contended() && self.tells_queued() != self.told_queued {
            sooner(asked + LATE);
        }
        if self.queued > 0
            && let Some(at) = self.ask_at
        {
            sooner(at.max(soon));
        }
        // Nothing said when, but somebody waits.
        if self.is_starved() && self.ask_at.is_none() {
            sooner(asked + settings.lease / 4);
        }
        due
    }
}
