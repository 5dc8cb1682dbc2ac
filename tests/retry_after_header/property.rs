//! Anything that a server may send.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use tower_tiktok::{
    extensions::{RateLimitStatus, RetryAfter},
    retry_after_header::LimitHeaders,
};

fn name() -> impl Strategy<Value = HeaderName> {
    "date|(x-)?retry-after(-ms)?|(x-)?rate-?limit(-(policy|limit|remaining|reset(-after|-ms)?|retry-after))?"
        .prop_map(|name| name.parse().expect("a name"))
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let allowed = any::<u8>().prop_filter("a control", |byte| *byte >= 32 && *byte != 127);
    let text = prop_oneof![
        "[0-9.eE+-]{0,30}",
        r#"("[ab]"(;(q|w|r|t|qu|pk)=([0-9]{1,16}|"[a-z]{0,3}"|:[A-Z=]{0,4}:)){0,4}, ?){0,3}"a";r=0;t=[0-9]{1,16}"#,
        "(Mon|Sunday|Fri), [0-9]{2}[ -](Nov|Feb)[ -]([0-9]{2}){1,2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})",
        "([0-9]{1,25}(d|h|m|s|ms)){1,3}",
    ];
    prop_oneof![
        prop::collection::vec(allowed, 0..60),
        text.prop_map(String::into_bytes)
    ]
    .prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("no control character"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_headers_panic_and_no_wait_is_beyond_the_cap(
        lines in prop::collection::vec((name(), value()), 0..12),
        now in 0_u64..1 << 56,
        max in any::<u64>(),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        let max = Duration::from_nanos(max);
        let found = LimitHeaders::read(&headers, now, max);
        let delay = |wait: Option<RetryAfter>| wait.map(|wait| wait.delay());
        for wait in [found.retry_after(), found.reset(), delay(found.wait(true)), delay(found.wait(false))] {
            prop_assert!(wait <= Some(max));
        }
        let policies = found.status().map_or(&[][..], RateLimitStatus::policies);
        prop_assert!(policies.iter().all(|policy| policy.reset <= Some(max)));
        prop_assert!(policies.len() <= 16);
        prop_assert!(found.is_empty() || LimitHeaders::are_in(&headers));
    }
}
