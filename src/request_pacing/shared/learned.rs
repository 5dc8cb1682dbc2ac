use std::time::Duration;

use tokio::time::Instant;

use crate::{
    request_pacing::{
        charge::Path,
        core::Core,
        gate::Gate,
        learned::{Learned, Ratios},
    },
    shared_state::WindowSpan,
};

/// What the others do not know is told them no more often than this, whatever
/// the store makes of it.
const AGAIN: Duration = Duration::from_secs(5);

impl Core {
    /// An answer may have taught a scope something, which the others should hear
    /// at once.
    #[cold]
    pub(in crate::request_pacing) fn tell_learned(&mut self, path: Path) {
        let mut gates = path.gates().filter_map(|at| self.gates.get(at));
        if gates.any(Gate::has_learned_news)
            && let Some(lending) = &mut self.lending
        {
            lending.call();
        }
    }
}

impl Gate {
    /// What others have learned is known here as well, so that all try for more
    /// from the same limit. What nobody knows any more is to be told again.
    pub(super) fn hear_learned(&mut self, heard: &[(WindowSpan, u32)], now: Instant) {
        let ratios = self.ratios();
        let lent = self.active.as_mut().and_then(|it| it.lent.as_mut());
        let Some(lent) = lent.filter(|it| it.ratios == ratios) else {
            // Ours is newer, and was not told yet.
            return;
        };
        let may_tell = lent.ratios_told.is_none_or(|told| now >= told + AGAIN);
        if may_tell {
            lent.ratios
                .keep(|span| heard.iter().any(|(of, _)| *of == span));
        }
        let is_kept = lent.ratios == ratios;
        let mut is_new = false;
        for (span, ratio) in heard {
            if let WindowSpan::Any(length) = span {
                is_new |= self.adopt_learned(*length, *ratio, now);
            }
        }
        let ratios = self.ratios();
        let lent = self.active.as_mut().and_then(|it| it.lent.as_mut());
        if let Some(lent) = lent.filter(|_| is_new && is_kept) {
            lent.ratios = ratios;
        }
    }

    fn has_learned_news(&self) -> bool {
        let lent = self.if_active().and_then(|it| it.lent.as_ref());
        lent.is_some_and(|lent| lent.ratios != self.ratios())
    }

    pub(in crate::request_pacing) fn ratios(&self) -> Ratios {
        let learned = self.if_active().and_then(|it| it.learned.as_deref());
        learned.map_or_else(Ratios::default, Learned::ratios)
    }
}
