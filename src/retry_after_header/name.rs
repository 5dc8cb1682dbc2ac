use http::HeaderMap;

use super::wait::Unit;

/// What a header is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    RetryAfter,
    RateLimit,
    RateLimitPolicy,
    Dialect(Dialect<'a>),
}

/// One of the headers that have no common specification. They are named
/// `prefix-kind`, `prefix-kind-policy` or `prefix-policy-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect<'a> {
    /// Headers with the same prefix and policy belong together.
    pub(super) prefix: &'a str,
    /// Empty if the prefix has one limit only.
    pub(super) policy: &'a str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Limit,
    Remaining,
    Reset,
    /// A wait that is not bound to a limit.
    Wait,
}

/// Longer words before those that they begin with.
const KINDS: [(&str, Kind, Unit); 5] = [
    ("retry-after", Kind::Wait, Unit::Seconds),
    ("reset-after", Kind::Reset, Unit::Seconds),
    ("reset", Kind::Reset, Unit::Guess),
    ("remaining", Kind::Remaining, Unit::Guess),
    ("limit", Kind::Limit, Unit::Guess),
];

const UNITS: [(&str, Unit); 3] = [
    ("-ms", Unit::Millis),
    ("-milliseconds", Unit::Millis),
    ("-seconds", Unit::Seconds),
];

// ===== impl Field =====

impl<'a> Field<'a> {
    /// What the header `name` is for. `None` if not for limits.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        Some(match name {
            "retry-after" => Self::RetryAfter,
            "ratelimit" => Self::RateLimit,
            "ratelimit-policy" => Self::RateLimitPolicy,
            _ => Self::Dialect(Dialect::of(name)?),
        })
    }
}

// ===== impl Dialect =====

impl<'a> Dialect<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let bare = name.strip_prefix("x-").unwrap_or(name);
        let words = bare
            .strip_prefix("ratelimit-")
            .or_else(|| bare.strip_prefix("rate-limit-"))
            .or_else(|| bare.starts_with("retry-after").then_some(bare))?;
        let prefix = &name[..name.len() - words.len()];
        let (words, named) = UNITS
            .iter()
            .find_map(|(ending, unit)| Some((words.strip_suffix(ending)?, Some(*unit))))
            .unwrap_or((words, None));
        KINDS.iter().find_map(|(word, kind, unit)| {
            let policy = without(words, word)?;
            Some(Self {
                prefix,
                policy,
                kind: *kind,
                unit: named.unwrap_or(*unit),
            })
        })
    }
}

/// `words` without `word` at either end, if it is there.
fn without<'a>(words: &'a str, word: &str) -> Option<&'a str> {
    let after = || match words.strip_prefix(word)? {
        "" => Some(""),
        rest => rest.strip_prefix('-'),
    };
    let before = || words.strip_suffix(word)?.strip_suffix('-');
    after().or_else(before)
}

/// Whether any header may be one of ours.
///
/// This runs for every answer, so it compares a letter or three for most
/// names; a look-up of each name that we know would cost ten times as much.
#[inline]
pub(super) fn any_in(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| match name.as_str().as_bytes() {
        [b'r', rest @ ..] | [b'x', b'-', b'r', rest @ ..] => {
            rest.starts_with(b"ate") || rest.starts_with(b"etry-after")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    fn is_candidate(name: &str) -> bool {
        let name: HeaderName = name.parse().unwrap();
        any_in(&HeaderMap::from_iter([(
            name,
            http::HeaderValue::from_static("1"),
        )]))
    }

    #[test]
    fn the_dialects_are_told_apart_by_name() {
        for (name, prefix, policy, kind, unit) in [
            (
                "ratelimit-limit",
                "ratelimit-",
                "",
                Kind::Limit,
                Unit::Guess,
            ),
            (
                "ratelimit-reset",
                "ratelimit-",
                "",
                Kind::Reset,
                Unit::Guess,
            ),
            (
                "x-ratelimit-remaining",
                "x-ratelimit-",
                "",
                Kind::Remaining,
                Unit::Guess,
            ),
            (
                "x-rate-limit-reset",
                "x-rate-limit-",
                "",
                Kind::Reset,
                Unit::Guess,
            ),
            (
                "x-ratelimit-reset-after",
                "x-ratelimit-",
                "",
                Kind::Reset,
                Unit::Seconds,
            ),
            (
                "x-ratelimit-reset-ms",
                "x-ratelimit-",
                "",
                Kind::Reset,
                Unit::Millis,
            ),
            (
                "x-ratelimit-reset-tokens",
                "x-ratelimit-",
                "tokens",
                Kind::Reset,
                Unit::Guess,
            ),
            (
                "x-ratelimit-requests-limit",
                "x-ratelimit-",
                "requests",
                Kind::Limit,
                Unit::Guess,
            ),
            (
                "x-ratelimit-remaining-minute",
                "x-ratelimit-",
                "minute",
                Kind::Remaining,
                Unit::Guess,
            ),
            (
                "x-rate-limit-retry-after-seconds",
                "x-rate-limit-",
                "",
                Kind::Wait,
                Unit::Seconds,
            ),
            ("retry-after-ms", "", "", Kind::Wait, Unit::Millis),
            ("x-retry-after", "x-", "", Kind::Wait, Unit::Seconds),
        ] {
            let dialect = Dialect {
                prefix,
                policy,
                kind,
                unit,
            };
            assert_eq!(Field::of(name), Some(Field::Dialect(dialect)), "{name}");
            assert!(is_candidate(name), "{name}");
        }
        for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
            assert!(Field::of(name).is_some() && is_candidate(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for name in [
            "r",
            "x-",
            "x-r",
            "referer",
            "x-request-id",
            "x-ratelimit",
            "x-ratelimit-",
            "x-ratelimit-used",
            "x-ratelimit-resets",
            "x-ratelimit-unlimit",
            "ratelimits",
            "content-type",
            "xratelimit-limit",
        ] {
            assert_eq!(Field::of(name), None, "{name}");
        }
        for name in [
            "referer",
            "refresh",
            "x-request-id",
            "content-type",
            "date",
            "x-cache",
        ] {
            assert!(!is_candidate(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_is_read_that_was_not_announced(
            name in "(x-)?(rate-?limit|retry-after)(-(retry-after|reset|after|limit|remaining|ms|seconds|a)){0,3}"
        ) {
            prop_assert!(Field::of(&name).is_none() || is_candidate(&name));
        }
    }
}
