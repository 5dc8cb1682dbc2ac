//! What the headers of an answer tell of a limit before it is reached.

use std::{num::NonZeroU32, task::Waker, time::Duration};

use tokio::time::Instant;

use super::{Quota, Scopes, Span, charge::Charges, core::Core, tick::Now};
use crate::extensions::{RateLimitPolicy, RateLimitStatus};

/// The longest time that a header is believed.
const DAY: Duration = Duration::from_secs(86_400);
/// More limits than this are not looked at.
const MOST: usize = 4;

/// How many more requests the server admits, until when.
#[derive(Debug, Default)]
pub(super) struct Tightened {
    told: Vec<Told>,
}

/// Of one window.
#[derive(Clone, Copy, Debug)]
struct Told {
    window: Option<Duration>,
    /// Below zero: more are under way than it admits.
    left: i64,
    until: Instant,
}

impl Tightened {
    /// The server admits `left` more in this window. The last word counts.
    fn tell(&mut self, window: Option<Duration>, left: i64, until: Instant, now: Instant) {
        self.told
            .retain(|told| told.until > now && told.window != window);
        if until > now && self.told.len() < MOST {
            self.told.push(Told {
                window,
                left,
                until,
            });
        }
    }

    /// Whether the server said nothing that it may not have forgotten.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn room(&self, now: Instant) -> u32 {
        let valid = self.told.iter().filter(|told| told.until > now);
        let least = valid.map(|told| told.left.max(0)).min();
        least.map_or(u32::MAX, |left| u32::try_from(left).unwrap_or(u32::MAX))
    }

    #[inline]
    pub(super) fn take(&mut self, cost: u32) {
        for told in &mut self.told {
            told.left -= i64::from(cost);
        }
    }

    /// One that was taken, or was under way when it was told, was not sent.
    pub(super) fn give_back(&mut self, cost: u32) {
        for told in &mut self.told {
            told.left += i64::from(cost);
        }
    }

    /// When there is more room, if there is too little for this cost.
    pub(super) fn opens_at(&self, cost: u32, now: Instant) -> Option<Instant> {
        let cost = i64::from(cost);
        let shut = self.told.iter().filter(|told| told.left < cost);
        shut.map(|told| told.until)
            .filter(|until| *until > now)
            .max()
    }
}

impl Core {
    /// Takes in what the headers of an answer tell. They name no scope, so they
    /// are taken to speak of the widest one that the request touches.
    pub(super) fn tighten(
        &mut self,
        charges: &Charges,
        status: &RateLimitStatus,
        scopes: &dyn Scopes,
        now: Now,
        woken: &mut Vec<Waker>,
    ) {
        let Some((at, _)) = charges.iter().last() else {
            return;
        };
        let scope = self.gates.get(at).map(|gate| self.scope_of(gate));
        let Some(scope) = scope else {
            return;
        };
        let own = self.by_hand.get(&scope).and_then(|it| it.quota.clone());
        let configured = own.or_else(|| scopes.quota(&scope));
        let gate = self.gate(at);
        // What is under way may not have been counted yet. This one has.
        let under_way = i64::from(gate.in_flight()) - i64::from(charges.path.cost);
        let mut closed = None;
        for policy in status.policies().iter().take(MOST) {
            if let (Some(remaining), Some(reset)) = (policy.remaining, policy.reset) {
                let left = i64::from(u32::try_from(remaining).unwrap_or(u32::MAX));
                let until = now.instant + reset.min(policy.window.unwrap_or(DAY)).min(DAY);
                let told = &mut gate.active().hold.tightened;
                told.tell(policy.window, left - under_way, until, now.instant);
                if left == 0 {
                    closed = closed.max(Some(until));
                }
            }
        }
        if let Some(configured) = configured {
            let lowered = lower(&configured, status.policies());
            let counts = |requests: &u32| *requests < u32::MAX;
            let named = lowered.windows().iter().map(|window| window.requests());
            if !gate.limits().filter(counts).eq(named.filter(counts))
                && let Ok(plan) = self.plan(Some(lowered))
            {
                self.gate(at).set_plan(plan);
            }
        }
        if let Some(until) = closed {
            self.fail_late(at, until, now, woken);
        }
    }
}

/// The quota with the limits that the policies name, where these are lower.
fn lower(quota: &Quota, policies: &[RateLimitPolicy]) -> Quota {
    let windows = quota.windows().iter().map(|window| {
        let span = match window.span() {
            Span::Any(length) => length,
            Span::DayUtc => DAY,
        };
        let named = policies.iter().filter(|policy| policy.window == Some(span));
        let limits = named.filter_map(|policy| policy.limit.and_then(limit));
        let least = limits.min().map_or(u32::MAX, NonZeroU32::get);
        window.with_requests(window.requests().min(least))
    });
    windows.collect()
}

/// A limit that admits nothing is told by what remains of it.
fn limit(told: u64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(told).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(limit: u64, window: Duration) -> RateLimitPolicy {
        let mut policy = RateLimitPolicy::default();
        (policy.limit, policy.window) = (Some(limit), Some(window));
        policy
    }

    #[test]
    fn a_limit_is_lowered_and_never_raised() {
        let quota = Quota::requests_per_second(10)
            .and_requests_per_minute(600)
            .and_requests_per_day_utc(1_000);
        let policies = [
            policy(8, SECOND),
            policy(900, 60 * SECOND),
            policy(500, DAY),
        ];
        let lowered = Quota::requests_per_second(8)
            .and_requests_per_minute(600)
            .and_requests_per_day_utc(500);
        assert_eq!(lower(&quota, &policies), lowered);
        assert_eq!(
            lower(&quota, &[policy(0, SECOND), policy(1, 2 * SECOND)]),
            quota
        );
    }

    #[test]
    fn more_under_way_than_are_left_make_no_room_by_being_few() {
        let (now, mut told) = (Instant::now(), Tightened::default());
        told.tell(None, -2, now + SECOND, now);
        told.give_back(2);
        assert_eq!(told.room(now), 0);
        told.give_back(1);
        assert_eq!(told.room(now), 1);
    }

    #[test]
    fn the_narrowest_of_the_windows_counts_and_ends() {
        let (now, mut told) = (Instant::now(), Tightened::default());
        assert_eq!((told.room(now), told.opens_at(1, now)), (u32::MAX, None));
        told.tell(Some(SECOND), 1, now + SECOND, now);
        told.tell(Some(60 * SECOND), 5, now + 60 * SECOND, now);
        told.take(1);
        assert_eq!(
            (told.room(now), told.opens_at(1, now)),
            (0, Some(now + SECOND))
        );
        told.give_back(1);
        assert_eq!((told.room(now), told.opens_at(1, now)), (1, None));
        told.take(1);
        let later = now + SECOND;
        assert_eq!((told.room(later), told.opens_at(1, later)), (4, None));
        told.tell(Some(60 * SECOND), 9, now + 60 * SECOND, later);
        assert_eq!(told.room(later), 9);
        // Nobody makes it grow.
        (0..100).for_each(|n| told.tell(Some(SECOND * n), 0, later + SECOND, later));
        assert!(told.told.len() <= MOST);
    }
}
