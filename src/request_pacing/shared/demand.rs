use std::{mem, sync::Arc};

use crate::{
    request_pacing::{
        core::Core,
        gate::Gate,
        learned::{Learned, Ratios, WHOLE},
        tick::Now,
        trips::Trips,
        window::InFlight,
    },
    shared_state::{ScopeDemand, Which, WindowSpan},
    slab::At,
};

/// What a scope's demand follows from: while it is the same, so is that, but
/// for what leaves the windows as time goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    queued: u32,
    coming: u32,
    next: u64,
    in_flight: InFlight,
}

impl Core {
    /// What is used and wanted.
    pub(super) fn demands(&mut self, which: Which<'_>, now: Now, demands: &mut Vec<ScopeDemand>) {
        let Some(lending) = &self.lending else {
            return;
        };
        let (all, names) = match which {
            Which::Named(names) => (true, Some(names)),
            _ => (false, None),
        };
        let scopes: Vec<At> = match names {
            Some(names) => names
                .iter()
                .filter_map(|name: &Arc<str>| lending.scopes.get(name).copied())
                .collect(),
            None => lending.scopes.values().copied().collect(),
        };
        let backlogs = self.backlogs();
        for at in scopes {
            let queued = backlogs.get(&at).copied().unwrap_or(0);
            let gate = self.gates.get_mut(at);
            demands.extend(gate.and_then(|gate| gate.demand(queued, all, now, &self.trips)));
        }
    }
}

impl Gate {
    fn demand(
        &mut self,
        queued: u32,
        always: bool,
        now: Now,
        trips: &Trips,
    ) -> Option<ScopeDemand> {
        // Lets go what has left the windows by now.
        self.admits(1, now, trips);
        let in_flight = self.in_flight_now();
        let active = self.active.as_mut()?;
        let next = active.flights.next();
        let lent = active.lent.as_mut()?;
        let foreseen = lent.foreseen;
        let coming = foreseen.map_or(0, |it| it.left(queued, next, now.instant));
        lent.foreseen.take_if(|_| coming == 0);
        let told = Told {
            queued,
            coming,
            next,
            in_flight,
        };
        let before = lent.told.replace(told);
        let (is_new, refused) = (before != Some(told), mem::take(&mut lent.refused));
        let learned = active.learned.as_deref();
        let ratios = learned.map_or_else(Ratios::default, Learned::ratios);
        let old = mem::replace(&mut lent.ratios, ratios);
        let is_news = old != ratios;
        if is_news {
            lent.ratios_told = Some(now.instant);
        }
        if !always && !is_new && !is_news && refused == 0 && lent.hold.is_none() {
            return None;
        }
        let mut demand = ScopeDemand::new(lent.name.clone(), queued);
        let sent = before.map_or(0, |before| told.next.saturating_sub(before.next));
        demand.sent = u32::try_from(sent).unwrap_or(u32::MAX);
        demand.refused = refused;
        (demand.common, demand.coming) = (lent.common, told.coming);
        (demand.hold, demand.stated) = (lent.hold.take(), lent.stated.take());
        demand.windows = self.windows.demands(in_flight, now);
        // The store counts in the ratio by itself.
        for (length, limit) in learned.into_iter().flat_map(Learned::ceilings) {
            let windows = demand.windows.iter_mut();
            let same = windows.filter(|it| it.span == WindowSpan::Any(length));
            same.for_each(|window| window.limit = limit);
        }
        for window in demand.windows.iter_mut().filter(|_| is_news) {
            let of = |ratios: &Ratios| ratios.of(window.span).unwrap_or(WHOLE);
            window.learned = Some(of(&ratios)).filter(|ratio| *ratio != of(&old));
        }
        Some(demand)
    }
}
