//! The limit headers without a specification that lasted: the triple
//! `RateLimit-Limit`, `-Remaining`, `-Reset` of 2020 and `X-RateLimit-*`.

use std::time::Duration;

use super::{
    headers::Limit,
    name::{Dialect, Kind},
    structured::{Bare, list},
    wait::{Clock, largest, reset},
};
use crate::extensions::RateLimitPolicy;

/// More limits than that are not told apart.
const MAX_GROUPS: usize = 64;

/// What the headers have said so far.
#[derive(Debug, Default)]
pub(super) struct Dialects<'a> {
    groups: Vec<Group<'a>>,
    wait: Option<Duration>,
}

/// The headers that speak of one limit.
#[derive(Debug)]
struct Group<'a> {
    prefix: &'a str,
    policy: &'a str,
    current: RateLimitPolicy,
    /// Further limits that the same header lists.
    others: Vec<RateLimitPolicy>,
}

// ===== impl Dialects =====

impl<'a> Dialects<'a> {
    pub(super) fn push(&mut self, header: Dialect<'a>, line: &str, clock: Clock) {
        let wait = || largest(line, |text| reset(text, header.unit, clock));
        match header.kind {
            Kind::Wait => self.wait = self.wait.max(wait()),
            Kind::Reset => {
                if let Some(wait) = wait() {
                    let current = &mut self.group(header).current;
                    current.reset = current.reset.max(Some(wait));
                }
            }
            Kind::Remaining => {
                for (remaining, window) in quotas(line) {
                    let current = &mut self.group(header).current;
                    // The scarcest counts: two gateways may both count.
                    let least = current.remaining.unwrap_or(remaining).min(remaining);
                    current.remaining = Some(least);
                    current.window = current.window.or(window);
                }
            }
            Kind::Limit => {
                for (limit, window) in quotas(line) {
                    self.group(header).add(limit, window);
                }
            }
        }
    }

    /// Adds what the headers say to `found`, and gives the wait that is bound
    /// to no limit.
    pub(super) fn add_to(self, found: &mut Vec<Limit>) -> Option<Duration> {
        for group in self.groups {
            let policies = std::iter::once(group.current).chain(group.others);
            found.extend(policies.map(|policy| Limit {
                in_requests: true,
                policy,
            }));
        }
        self.wait
    }

    fn group(&mut self, header: Dialect<'a>) -> &mut Group<'a> {
        let same =
            |group: &Group<'_>| group.prefix == header.prefix && group.policy == header.policy;
        // Whatever comes after too many shares the last: a wait that it tells
        // is not lost.
        let last = MAX_GROUPS - 1;
        let at = self.groups.iter().position(same).unwrap_or_else(|| {
            if self.groups.len() <= last {
                self.groups.push(Group::new(header));
            }
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }
}

// ===== impl Group =====

impl<'a> Group<'a> {
    fn new(header: Dialect<'a>) -> Self {
        let name = Some(header.policy).filter(|policy| !policy.is_empty());
        Self {
            prefix: header.prefix,
            policy: header.policy,
            current: RateLimitPolicy {
                name: name.map(Box::from),
                ..RateLimitPolicy::default()
            },
            others: Vec::new(),
        }
    }

    /// Adds one value of the limit. The first is the one that is nearest;
    /// those that follow are all limits with their windows, the first again
    /// among them.
    fn add(&mut self, limit: u64, window: Option<Duration>) {
        let current = &mut self.current;
        match (current.limit, window) {
            (None, _) => {
                current.limit = Some(limit);
                current.window = window.or(current.window);
            }
            (Some(known), Some(_)) if known == limit && current.window.is_none() => {
                current.window = window;
            }
            (Some(_), Some(_)) => self.others.push(RateLimitPolicy {
                limit: Some(limit),
                window,
                ..RateLimitPolicy::default()
            }),
            (Some(known), None) => current.limit = Some(known.min(limit)),
        }
    }
}

/// The counts in a line, each with its window: `100` or `100, 100;w=60`.
fn quotas(line: &str) -> impl Iterator<Item = (u64, Option<Duration>)> {
    list(line)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| {
            let window = item.get("w").or_else(|| item.get("window"));
            let window = window.and_then(count).filter(|seconds| *seconds > 0);
            Some((count(&item.value)?, window.map(Duration::from_secs)))
        })
}

fn count(value: &Bare<'_>) -> Option<u64> {
    match value {
        Bare::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::HeaderMap;

    use super::*;
    use crate::retry_after_header::name::Field;

    fn read(lines: &[(&'static str, &str)]) -> (Vec<RateLimitPolicy>, Option<Duration>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Clock::of(&HeaderMap::new(), now);
        let mut dialects = Dialects::default();
        for (name, line) in lines {
            match Field::of(name) {
                Some(Field::Dialect(header)) => dialects.push(header, line, clock),
                other => panic!("{name} is {other:?}"),
            }
        }
        let mut found = Vec::new();
        let wait = dialects.add_to(&mut found);
        (found.into_iter().map(|limit| limit.policy).collect(), wait)
    }

    fn policy(limit: u64, remaining: u64, window: u64, reset: u64) -> RateLimitPolicy {
        let seconds = |seconds| Some(Duration::from_secs(seconds)).filter(|wait| !wait.is_zero());
        RateLimitPolicy {
            name: None,
            limit: Some(limit),
            remaining: Some(remaining),
            window: seconds(window),
            reset: seconds(reset),
        }
    }

    #[test]
    fn the_triple_is_one_limit() {
        for prefix in ["ratelimit-", "x-ratelimit-", "x-rate-limit-"] {
            let names: [&'static str; 3] =
                ["limit", "remaining", "reset"].map(|kind| &*format!("{prefix}{kind}").leak());
            for reset in [
                "30",
                "1700000030",
                "1700000030000",
                "30s",
                "2023-11-14T22:13:50Z",
            ] {
                let (found, _) = read(&[(names[0], "100"), (names[1], "0"), (names[2], reset)]);
                assert_eq!(found, [policy(100, 0, 0, 30)], "{prefix} {reset}");
            }
        }
    }

    #[test]
    fn a_limit_lists_its_windows() {
        let (found, _) = read(&[(
            "ratelimit-limit",
            "100, 100;w=60, 5000;window=3600;comment=\"a, b\"",
        )]);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].limit, found[0].window),
            (Some(100), Some(Duration::from_secs(60)))
        );
        assert_eq!(
            (found[1].limit, found[1].window),
            (Some(5000), Some(Duration::from_secs(3600)))
        );

        let (found, _) = read(&[
            ("ratelimit-remaining", "76;w=21600"),
            ("ratelimit-limit", "100;w=21600"),
        ]);
        assert_eq!(found, [policy(100, 76, 21_600, 0)]);
    }

    #[test]
    fn limits_with_names_stay_apart() {
        let (found, _) = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("x-ratelimit-remaining-tokens", "0"),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name.as_deref(), Some("requests"));
        assert_eq!((found[0].remaining, found[0].reset), (None, None));
        assert_eq!(found[1].name.as_deref(), Some("tokens"));
        assert_eq!(found[1].reset, Some(Duration::from_secs(360)));
    }

    #[test]
    fn of_several_lines_the_scarcest_counts() {
        let (found, _) = read(&[
            ("x-ratelimit-remaining", "55"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "5"),
            ("x-ratelimit-reset", "60"),
            ("x-ratelimit-reset", "7"),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-limit", "80"),
        ]);
        assert_eq!(found, [policy(80, 0, 0, 60)]);
    }

    #[test]
    fn a_wait_is_bound_to_no_limit() {
        let (found, wait) = read(&[
            ("x-rate-limit-retry-after-seconds", "7"),
            ("retry-after-ms", "1500"),
        ]);
        assert_eq!((found.len(), wait), (0, Some(Duration::from_secs(7))));
    }

    #[test]
    fn what_is_malformed_leaves_nothing() {
        for line in [
            "",
            "-1",
            "many",
            "1e3",
            "NaN",
            "\"1\"",
            "99999999999999999999",
        ] {
            let (found, wait) =
                read(&[("x-ratelimit-limit", line), ("x-ratelimit-remaining", line)]);
            assert_eq!((found.len(), wait), (0, None), "{line}");
        }
    }
}
