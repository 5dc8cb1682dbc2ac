use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};

use super::{
    dialect::Dialects,
    name::{self, Field},
    rate_limit::RateLimit,
    wait::{self, Clock},
};
use crate::extensions::{RateLimitPolicy, RateLimitStatus, RetryAfter};

/// A longer value is not read. Honest ones are far shorter.
const MAX_VALUE: usize = 4096;

/// More limits than this are not kept.
const MAX_POLICIES: usize = 16;

/// What the headers of an answer tell of waits and limits.
///
/// [`RetryAfterHeader`](super::RetryAfterHeader) reads them for you; this is
/// for those who have headers and no stack.
///
/// # Example
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::HeaderMap;
/// use tower_tiktok::retry_after_header::LimitHeaders;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("ratelimit-policy", r#""burst";q=100;w=60"#.parse().unwrap());
/// headers.insert("ratelimit", r#""burst";r=0;t=30"#.parse().unwrap());
///
/// let found = LimitHeaders::read(&headers, SystemTime::UNIX_EPOCH, Duration::from_secs(600));
/// let wait = found.wait(true).expect("nothing is left");
/// assert_eq!(wait.delay(), Duration::from_secs(30));
/// // Who was served need not wait because nothing is left.
/// assert_eq!(found.wait(false), None);
/// assert_eq!(found.status().unwrap().policies()[0].limit, Some(100));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitHeaders {
    retry_after: Option<Capped>,
    reset: Option<Capped>,
    status: Option<RateLimitStatus>,
}

/// A limit that some header told of.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) policy: RateLimitPolicy,
    /// Whether it counts requests, as a [`RateLimitPolicy`] does.
    pub(super) in_requests: bool,
}

// ===== impl LimitHeaders =====

impl LimitHeaders {
    /// Reads them. `now` is the time of day, for dates in an answer that has
    /// no `Date` header of its own; no wait will be longer than `max`.
    ///
    /// Whatever is malformed counts as absent.
    #[must_use]
    pub fn read(headers: &HeaderMap, now: SystemTime, max: Duration) -> Self {
        let clock = Clock::of(headers, now);
        let mut retry_after = None;
        let mut rate_limit = RateLimit::default();
        let mut dialects = Dialects::default();
        for (name, value) in headers {
            let Some(field) = Field::of(name.as_str()) else {
                continue;
            };
            let line = text(value);
            match field {
                Field::RateLimit => rate_limit.push_limit(line),
                Field::RateLimitPolicy => rate_limit.push_policy(line),
                Field::RetryAfter => {
                    let wait = line.and_then(|line| {
                        wait::largest(line, |text| wait::retry_after(text, clock))
                    });
                    retry_after = retry_after.max(wait);
                }
                Field::Dialect(header) => {
                    if let Some(line) = line {
                        dialects.push(header, line, clock);
                    }
                }
            }
        }

        let mut limits = Vec::new();
        rate_limit.add_to(&mut limits);
        let reset = dialects.add_to(&mut limits);
        let exhausted = limits.iter().map(|limit| &limit.policy);
        let exhausted = exhausted.filter(|policy| policy.remaining == Some(0));
        let reset = exhausted.filter_map(|policy| policy.reset).max().max(reset);
        let policies: Vec<_> = limits
            .into_iter()
            .filter(|limit| limit.in_requests)
            .take(MAX_POLICIES)
            .map(|limit| RateLimitPolicy {
                reset: limit.policy.reset.map(|reset| reset.min(max)),
                ..limit.policy
            })
            .collect();
        Self {
            retry_after: retry_after.map(|wait| Capped::new(wait, max)),
            reset: reset.map(|wait| Capped::new(wait, max)),
            status: (!policies.is_empty()).then(|| RateLimitStatus::new(policies)),
        }
    }

    /// Whether `headers` may hold anything to [`read`](Self::read). Cheap.
    #[must_use]
    #[inline]
    pub fn are_in(headers: &HeaderMap) -> bool {
        name::any_in(headers)
    }

    /// The wait of the `Retry-After` header. Zero for a date that is past.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.map(|capped| capped.wait)
    }

    /// How long until all limits of which nothing is left are reset.
    #[must_use]
    pub fn reset(&self) -> Option<Duration> {
        self.reset.map(|capped| capped.wait)
    }

    /// How long to stay away, if at all. `refused` says whether the answer
    /// turned the request away.
    ///
    /// `Retry-After` takes precedence over all limits, and it counts for any
    /// answer. A reset counts for a refusal only.
    #[must_use]
    pub fn wait(&self, refused: bool) -> Option<RetryAfter> {
        let reset = self.reset.filter(|_| refused);
        let capped = self.retry_after.or(reset)?;
        (!capped.wait.is_zero()).then(|| RetryAfter::new(capped.wait).with_cut(capped.cut))
    }

    /// The limits that count requests. `None` if no header tells of one.
    #[must_use]
    pub fn status(&self) -> Option<&RateLimitStatus> {
        self.status.as_ref()
    }

    pub(super) fn into_status(self) -> Option<RateLimitStatus> {
        self.status
    }

    /// Whether the headers told nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A wait that is no longer than the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Capped {
    wait: Duration,
    /// The server asked for more.
    cut: bool,
}

impl Capped {
    fn new(wait: Duration, max: Duration) -> Self {
        Self {
            wait: wait.min(max),
            cut: wait > max,
        }
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|text| text.len() <= MAX_VALUE)
}
