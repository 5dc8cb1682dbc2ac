use std::time::Duration;

use super::PERMIT;
use crate::shared_state::{WindowDemand, WindowSpan, member::settings::Settings};

/// How many the shortest window of a scope lets through in a lease: so many
/// more are wanted of the longer ones, or they were used up before the next
/// exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::shared_state::member) struct Ahead {
    shortest: Duration,
    count: u32,
    pub(super) least: u32,
}

impl Ahead {
    /// `part` is what there is for us of the shortest.
    pub(in crate::shared_state::member) fn of<'a>(
        windows: impl IntoIterator<Item = &'a WindowDemand>,
        queued: u32,
        part: Option<u32>,
        settings: &Settings,
    ) -> Self {
        let timed = windows.into_iter().filter(|window| window.span != PERMIT);
        let Some(window) = timed.min_by_key(|window| window.span.length()) else {
            return Self::default();
        };
        let shortest = window.span.length();
        let most = part.unwrap_or(u32::MAX).min(window.limit);
        let each = window.used().saturating_add(queued).min(most);
        let leases = settings.lease.as_millis() / shortest.as_millis().max(1);
        let count = leases.saturating_mul(each.into());
        Self {
            shortest,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            least: 0,
        }
    }

    /// The first of many that begin at once says little of the others; and who
    /// begins in a state that is fresh may not have more for a while. So an
    /// equal part is wanted, as far as one knows.
    pub(in crate::shared_state::member) fn at_first(
        self,
        windows: &[WindowDemand],
        settings: &Settings,
    ) -> Self {
        let shortest = windows
            .iter()
            .find(|window| window.span.length() == self.shortest);
        let least = shortest.map_or(0, |window| window.limit / settings.instances.max(1));
        let leases = settings.lease.as_millis() / self.shortest.as_millis().max(1);
        let count = u32::try_from(leases.saturating_mul(least.into())).unwrap_or(u32::MAX);
        Self {
            least,
            count: self.count.max(count),
            ..self
        }
    }

    pub(super) fn in_longer_than(self, span: WindowSpan) -> u32 {
        if span.length() > self.shortest {
            return self.count;
        }
        0
    }
}
