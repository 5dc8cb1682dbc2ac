//! `RateLimit` and `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers
//! says in its version 11.

use std::time::Duration;

use super::{
    headers::Limit,
    structured::{Bare, Item, list},
};
use crate::extensions::RateLimitPolicy;

/// A field with more items is not taken for one: to join them costs the
/// square of their number.
const MAX_ITEMS: usize = 64;

/// The lines of both fields that have been seen so far.
#[derive(Debug, Default)]
pub(super) struct RateLimit<'a> {
    policies: Lines<'a>,
    limits: Lines<'a>,
}

/// The items of one field, over all its lines.
#[derive(Debug, Default)]
struct Lines<'a> {
    items: Vec<Item<'a>>,
    /// A field with one malformed part is ignored as a whole.
    malformed: bool,
}

/// An item of `RateLimit-Policy`.
struct Policy<'a> {
    name: &'a str,
    partition: Option<&'a str>,
    quota: u64,
    window: Option<u64>,
    in_requests: bool,
}

/// An item of `RateLimit`.
struct ServiceLimit<'a> {
    name: &'a str,
    partition: Option<&'a str>,
    remaining: u64,
    effective: Option<u64>,
}

// ===== impl RateLimit =====

impl<'a> RateLimit<'a> {
    pub(super) fn push_policy(&mut self, line: Option<&'a str>) {
        self.policies.push(line);
    }

    pub(super) fn push_limit(&mut self, line: Option<&'a str>) {
        self.limits.push(line);
    }

    /// Adds what the fields say to `found`. An item of `RateLimit` joins the
    /// policy that it names.
    pub(super) fn add_to(&self, found: &mut Vec<Limit>) {
        let policies = self.policies.read(Policy::of);
        let mut limits = self.limits.read(ServiceLimit::of);
        for policy in policies {
            let current = limits.iter().position(|limit| limit.is_of(&policy));
            let current = current.map(|at| limits.remove(at));
            let window = policy.window.map(Duration::from_secs);
            found.push(Limit {
                in_requests: policy.in_requests,
                policy: RateLimitPolicy {
                    limit: Some(policy.quota),
                    window,
                    ..ServiceLimit::policy(current.as_ref(), policy.name)
                },
            });
        }
        found.extend(limits.iter().map(|limit| Limit {
            in_requests: true,
            policy: ServiceLimit::policy(Some(limit), limit.name),
        }));
    }
}

// ===== impl Lines =====

impl<'a> Lines<'a> {
    /// Adds one line; `None` for one that is no text.
    fn push(&mut self, line: Option<&'a str>) {
        match line.and_then(list) {
            Some(items) if self.items.len() + items.len() <= MAX_ITEMS => self.items.extend(items),
            _ => self.malformed = true,
        }
    }

    fn read<'b, T>(&'b self, read: impl Fn(&'b Item<'a>) -> Option<T>) -> Vec<T> {
        if self.malformed {
            return Vec::new();
        }
        let items: Option<Vec<T>> = self.items.iter().map(read).collect();
        items.unwrap_or_default()
    }
}

// ===== impl Policy =====

impl<'a> Policy<'a> {
    fn of(item: &'a Item<'_>) -> Option<Self> {
        let window = integer(item, "w")?;
        if window == Some(0) {
            return None;
        }
        Some(Self {
            name: string(&item.value)?,
            partition: partition(item)?,
            quota: integer(item, "q")??,
            window,
            in_requests: match item.get("qu") {
                None => true,
                Some(unit) => string(unit)? == "requests",
            },
        })
    }
}

// ===== impl ServiceLimit =====

impl<'a> ServiceLimit<'a> {
    fn of(item: &'a Item<'_>) -> Option<Self> {
        Some(Self {
            name: string(&item.value)?,
            partition: partition(item)?,
            remaining: integer(item, "r")??,
            effective: integer(item, "t")?,
        })
    }

    fn is_of(&self, policy: &Policy<'_>) -> bool {
        // A server may name the partition in one of the fields only.
        let partitions = self.partition.zip(policy.partition);
        self.name == policy.name && partitions.is_none_or(|(ours, theirs)| ours == theirs)
    }

    fn policy(limit: Option<&Self>, name: &str) -> RateLimitPolicy {
        RateLimitPolicy {
            name: Some(name.into()),
            remaining: limit.map(|limit| limit.remaining),
            reset: limit
                .and_then(|limit| limit.effective)
                .map(Duration::from_secs),
            ..RateLimitPolicy::default()
        }
    }
}

// The outer `None` of these says that the item is malformed.

fn string<'a>(value: &'a Bare<'_>) -> Option<&'a str> {
    match value {
        Bare::String(text) => Some(text),
        _ => None,
    }
}

fn integer(item: &Item<'_>, key: &str) -> Option<Option<u64>> {
    match item.get(key) {
        None => Some(None),
        Some(Bare::Integer(number)) => u64::try_from(*number).ok().map(Some),
        Some(_) => None,
    }
}

fn partition<'a>(item: &Item<'a>) -> Option<Option<&'a str>> {
    match item.get("pk") {
        None => Some(None),
        Some(Bare::Bytes(bytes)) => Some(Some(bytes)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policies: &[&str], limits: &[&str]) -> Vec<Limit> {
        let mut fields = RateLimit::default();
        for line in policies {
            fields.push_policy(Some(line));
        }
        for line in limits {
            fields.push_limit(Some(line));
        }
        let mut found = Vec::new();
        fields.add_to(&mut found);
        found
    }

    type Row<'a> = (&'a str, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

    fn assert_rows(found: &[Limit], rows: &[Row<'_>]) {
        let found: Vec<_> = found.iter().map(|limit| limit.policy.clone()).collect();
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, limit, remaining, window, reset)| RateLimitPolicy {
                name: Some((*name).into()),
                limit: *limit,
                remaining: *remaining,
                window: window.map(Duration::from_secs),
                reset: reset.map(Duration::from_secs),
            })
            .collect();
        assert_eq!(found, rows);
    }

    #[test]
    fn a_service_limit_joins_its_policy() {
        let found = read(
            &[r#""burst";q=100;w=60,"daily";q=1000;w=86400"#],
            &[r#""daily";r=50;t=30"#, r#""other";r=0"#],
        );
        assert_rows(
            &found,
            &[
                ("burst", Some(100), None, Some(60), None),
                ("daily", Some(1000), Some(50), Some(86_400), Some(30)),
                ("other", None, Some(0), None, None),
            ],
        );
        assert!(found.iter().all(|limit| limit.in_requests));
    }

    #[test]
    fn partitions_of_one_policy_stay_apart() {
        let found = read(
            &[r#""a";q=1;pk=:AQ==:, "a";q=2;pk=:Ag==:"#],
            &[r#""a";r=7;pk=:Ag==:, "a";r=8;pk=:AQ==:"#],
        );
        assert_rows(
            &found,
            &[
                ("a", Some(1), Some(8), None, None),
                ("a", Some(2), Some(7), None, None),
            ],
        );
    }

    #[test]
    fn other_units_are_marked() {
        let found = read(
            &[r#""a";q=1;qu="content-bytes", "b";q=1;qu="requests""#],
            &[],
        );
        assert_eq!(
            found
                .iter()
                .map(|limit| limit.in_requests)
                .collect::<Vec<_>>(),
            [false, true]
        );
    }

    #[test]
    fn a_malformed_field_is_ignored_and_the_other_is_not() {
        let good = r#""a";r=1;t=2"#;
        for policy in [
            r#""a";w=60"#,
            r#""a";q=-1"#,
            r#""a";q=1.5"#,
            r#""a";q="1""#,
            "a;q=1",
            "100;w=60",
            r#""a";q=1;w=0"#,
            r#""a";q=1;w=-1"#,
            r#""a";q=1;pk="x""#,
            r#""a";q=1;qu=requests"#,
            r#""a";q=1,"#,
            r#"("a");q=1"#,
            r#""a";q=1, "b""#,
        ] {
            assert_rows(
                &read(&[policy], &[good]),
                &[("a", None, Some(1), None, Some(2))],
            );
            let lines = [r#""a";q=5"#, policy];
            assert_rows(
                &read(&lines, &[good]),
                &[("a", None, Some(1), None, Some(2))],
            );
        }
        for limit in [
            r#""a";t=2"#,
            r#""a";r=-1"#,
            r#""a";r=1;t=-2"#,
            r#""a";r=1;t="#,
            "limit=1, remaining=0, reset=5",
        ] {
            assert_rows(
                &read(&[r#""a";q=5"#], &[limit]),
                &[("a", Some(5), None, None, None)],
            );
        }
    }
}
