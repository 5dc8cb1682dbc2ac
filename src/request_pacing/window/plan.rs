use std::sync::Arc;

use super::limit::{Kind, Limit};
use crate::request_pacing::{Quota, Span, Window, learned, tick::Ticks};

/// A quota as its windows count it. One for all scopes that have it, but those
/// that have learned better.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::request_pacing) struct Plan {
    pub(super) limits: Box<[Limit]>,
    /// Of the short windows.
    largest: u32,
    longest: Ticks,
    has_day: bool,
    is_unknown: bool,
    short_binds: bool,
    /// Whether this process has a part of it only.
    #[cfg(feature = "shared-state")]
    pub(super) is_lent: bool,
}

impl Plan {
    pub(in crate::request_pacing) fn new(quota: &Quota) -> Self {
        if quota.windows().is_empty() {
            return Self::unknown();
        }
        Self::of(quota.windows().iter().map(Limit::new).collect())
    }

    /// Nothing is known: the windows that most servers have.
    pub(in crate::request_pacing) fn unknown() -> Self {
        let second = Window::new(learned::FIRST, Span::Any(learned::SECOND));
        let minute = Window::new(u32::MAX, Span::Any(learned::MINUTE));
        Self {
            is_unknown: true,
            ..Self::of([second, minute].iter().map(Limit::new).collect())
        }
    }

    /// With those besides that it does not have, without a limit.
    pub(super) fn keeping<'a>(
        plan: Option<Arc<Self>>,
        old: impl Iterator<Item = &'a Limit>,
    ) -> Option<Arc<Self>> {
        let mut limits = plan.as_deref().map_or(vec![], |plan| plan.limits.to_vec());
        let named = limits.len();
        for old in old {
            if !limits.iter().any(|new| new.is_as_long_as(old)) {
                limits.push(old.without_limit());
            }
        }
        if limits.len() == named {
            return plan;
        }
        let is_unknown = plan.is_some_and(|plan| plan.is_unknown);
        Some(Arc::new(Self {
            is_unknown,
            ..Self::of(limits.into())
        }))
    }

    fn of(limits: Box<[Limit]>) -> Self {
        let short = limits.iter().filter(|limit| limit.is_short());
        let mut plan = Self {
            largest: 0,
            longest: short.map(Limit::length).max().unwrap_or_default(),
            has_day: limits.iter().any(|limit| limit.kind == Kind::Day),
            is_unknown: false,
            short_binds: true,
            #[cfg(feature = "shared-state")]
            is_lent: false,
            limits,
        };
        plan.weigh();
        plan
    }

    /// Admits so many in the window of this length.
    pub(super) fn set_limit(&mut self, length: Ticks, requests: u32) {
        for limit in self.limits.iter_mut().filter(|limit| limit.is_of(length)) {
            limit.set_requests(requests);
        }
        self.weigh();
    }

    fn weigh(&mut self) {
        let lowest = |short: bool| {
            let limits = self.limits.iter().filter(|it| it.kind != Kind::Day);
            let limits = limits.filter(|it| it.is_short() == short);
            limits.map(Limit::per_second).fold(f64::INFINITY, f64::min)
        };
        self.short_binds = 0.9 * lowest(true) <= lowest(false);
        let short = self.limits.iter().filter(|limit| limit.is_short());
        self.largest = short.map(|limit| limit.whole).max().unwrap_or(0);
    }

    pub(in crate::request_pacing) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// What the largest short window admits, if there is one.
    pub(in crate::request_pacing) fn largest_short(&self) -> Option<u32> {
        (self.largest > 0).then_some(self.largest)
    }

    pub(super) fn has_day(&self) -> bool {
        self.has_day
    }

    /// Whether nothing was said of it, and all of it is learned.
    pub(in crate::request_pacing) fn is_unknown(&self) -> bool {
        self.is_unknown
    }

    /// Whether it limits nothing.
    pub(in crate::request_pacing) fn admits_all(&self) -> bool {
        self.limits.iter().all(|limit| limit.requests == u32::MAX)
    }

    /// How long the longest short window is.
    pub(in crate::request_pacing) fn longest_short(&self) -> Ticks {
        self.longest
    }

    /// From where on a smaller share of the round trip is of no use. Where a
    /// longer window keeps requests back by far the most, one that is nearer to
    /// the truth makes nothing quicker, and costs refusals.
    pub(in crate::request_pacing) fn least_share(&self) -> f64 {
        if self.short_binds { 0.0 } else { f64::INFINITY }
    }
}
