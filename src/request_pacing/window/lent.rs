//! Windows that several processes share: each has a part of the limit.

use std::sync::Arc;

use tokio::time::Instant;

use super::{count::Count, flight::InFlight, plan::Plan, windows::Windows};
use crate::{
    request_pacing::{
        Span,
        tick::{Now, Tick},
    },
    shared_state::{WindowDemand, WindowSpan},
};

impl Plan {
    /// The same, of which this process has nothing yet. What nobody knows is
    /// not shared.
    pub(in crate::request_pacing) fn lent(mut self) -> Self {
        if !self.is_unknown() {
            self.is_lent = true;
            self.limits.iter_mut().for_each(|limit| limit.lend(0));
        }
        self
    }

    /// The lowest of its limits, of all processes together.
    pub(in crate::request_pacing) fn lowest(&self) -> u32 {
        let limits = self.limits.iter().map(|limit| limit.whole);
        limits.min().unwrap_or(u32::MAX)
    }
}

impl Windows {
    /// Whether several processes share them.
    pub(in crate::request_pacing) fn are_lent(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.is_lent)
    }

    /// Each is a part of a whole from now on.
    pub(in crate::request_pacing) fn share(&mut self) {
        if let Some(plan) = self.plan.as_mut().filter(|plan| !plan.is_lent) {
            let whole = Arc::make_mut(plan).clone();
            *plan = Arc::new(whole.lent());
        }
    }

    /// Admits so many in each window from now on; none in one that is not named.
    pub(in crate::request_pacing) fn lend(&mut self, parts: &[(WindowSpan, u32)]) {
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.is_lent) else {
            return;
        };
        for limit in &mut Arc::make_mut(plan).limits {
            let span = span(limit.span());
            let part = parts.iter().find(|(of, _)| *of == span);
            limit.lend(part.map_or(0, |(_, requests)| *requests));
        }
    }

    /// Whether a window admits nothing.
    pub(in crate::request_pacing) fn are_shut(&self) -> bool {
        self.each().any(|(limit, _)| limit.requests == 0)
    }

    /// What is in each of them.
    pub(in crate::request_pacing) fn demands(
        &self,
        in_flight: InFlight,
        now: Now,
    ) -> Vec<WindowDemand> {
        let demands = self.each().map(|(limit, count)| {
            let mut demand = WindowDemand::new(span(limit.span()), limit.whole);
            demand.in_flight = in_flight.of(limit);
            demand.busy = count.busy(demand.in_flight, now);
            demand
        });
        demands.collect()
    }
}

impl Count {
    /// How many leave when, without those in flight.
    fn busy(&self, in_flight: u32, now: Now) -> Vec<(Instant, u32)> {
        let at = |(leaves, requests): (Tick, u32)| (now.instant_of(leaves), requests);
        match self {
            Self::Empty => Vec::new(),
            Self::One { leaves, requests } => vec![at((*leaves, *requests))],
            Self::Many { log, .. } => log.iter().map(at).collect(),
            Self::Day(day) => {
                let arrived = day.used().saturating_sub(in_flight);
                let busy =
                    (arrived > 0).then(|| at((now.tick_of(day.next_free(now.utc)), arrived)));
                busy.into_iter().collect()
            }
        }
    }
}

fn span(span: Span) -> WindowSpan {
    match span {
        Span::Any(length) => WindowSpan::Any(length),
        Span::DayUtc => WindowSpan::DayUtc,
    }
}
