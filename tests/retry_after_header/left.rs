//! What is left behind for the layers outside.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Request};
use tower::{ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    extensions::{RateLimitPolicy, RateLimitStatus, RetryAfter},
    retry_after_header::RetryAfterHeader,
};

use crate::support::{MAX, answer, classified, limits_of, pass, wait_of};

#[tokio::test]
async fn seconds_and_dates_leave_the_wait() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (line, wait) in [
        ("120", 120.0),
        ("1.5", 2.0),
        ("30, 120, 60", 120.0),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120.0),
        ("Sunday, 06-Nov-94 08:51:37 GMT", 120.0),
        ("Sun Nov  6 08:51:37 1994", 120.0),
        ("5, Sun, 06 Nov 1994 08:51:37 GMT", 120.0),
    ] {
        let found = wait_of(answer(503, &[date, ("retry-after", line)])).await;
        assert_eq!(found, Some(wait), "{line}");
    }
    let lines = [
        ("retry-after", "30"),
        ("retry-after", "soon"),
        ("retry-after", "60"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0));
}

#[tokio::test]
async fn the_servers_own_date_corrects_its_clock() {
    // Its clock is decades late, and the wait is right all the same.
    let lines = [
        ("date", "Thu, 01 Jan 1998 00:00:00 GMT"),
        ("retry-after", "Thu, 01 Jan 1998 00:01:00 GMT"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0));
}

#[tokio::test]
async fn without_its_date_ours_is_taken() {
    let age = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let later = SystemTime::UNIX_EPOCH + age + Duration::from_secs(600);
    let later = httpdate::fmt_http_date(later);
    for clock in ["", "yesterday"] {
        let lines = [("date", clock), ("retry-after", &*later)];
        let wait = wait_of(answer(429, &lines)).await.unwrap();
        // A date has whole seconds, and the test itself takes time.
        assert!((540.0..=600.0).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn no_wait_is_longer_than_the_cap() {
    let none_left = ("x-ratelimit-remaining", "0");
    for line in [
        ("retry-after", "99999999999999999999999999"),
        ("retry-after", "86400"),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("ratelimit", r#""a";r=0;t=999999999999999"#),
        ("x-ratelimit-reset", "9223372036854775807"),
        ("x-ratelimit-reset", "99999999999999d"),
        ("x-ratelimit-reset", "9999-12-31T23:59:59Z"),
    ] {
        let response = pass(Request::new(()), answer(429, &[none_left, line])).await;
        let wait = response.extensions().get::<RetryAfter>().unwrap();
        assert_eq!(wait.delay(), MAX, "{line:?}");
        let status = response.extensions().get::<RateLimitStatus>().unwrap();
        let mut resets = status.policies().iter().map(|policy| policy.reset);
        assert!(resets.all(|reset| reset <= Some(MAX)), "{line:?}");
    }
}

#[tokio::test]
async fn a_cap_of_zero_believes_no_wait() {
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(answer(429, &[("retry-after", "5")]))
    });
    let service = RetryAfterHeader::new(inner, Duration::ZERO);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.extensions().get::<RetryAfter>(), None);
}

#[tokio::test]
async fn zero_and_a_past_date_set_no_floor() {
    for line in ["0", "0.0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        // They still take precedence over a reset.
        let lines = [("retry-after", line), ("ratelimit", r#""a";r=0;t=30"#)];
        assert_eq!(wait_of(answer(429, &lines)).await, None, "{line}");
    }
}

#[tokio::test]
async fn what_is_malformed_counts_as_absent() {
    for line in [
        "",
        "soon",
        "-5",
        "NaN",
        "inf",
        "1e3",
        "0x10",
        ",",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "\u{e9}",
        "12\u{fc}",
    ] {
        let lines = [("retry-after", line), ("ratelimit", r#""a";r=0;t=30"#)];
        assert_eq!(wait_of(answer(429, &lines[..1])).await, None, "{line}");
        assert_eq!(wait_of(answer(429, &lines)).await, Some(30.0), "{line}");
    }
    let mut response = answer(429, &[]);
    let bytes = HeaderValue::from_bytes(b"\xff\xfe12").unwrap();
    for name in [
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-reset",
        "date",
    ] {
        response.headers_mut().insert(name, bytes.clone());
    }
    assert_eq!(wait_of(response).await, None);
}

#[tokio::test]
async fn retry_after_takes_precedence_over_every_reset() {
    let lines = [
        ("ratelimit", r#""a";r=0;t=300"#),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "600"),
        ("retry-after", "7"),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(7.0));
    assert_eq!(wait_of(answer(429, &lines[..3])).await, Some(600.0));
}

#[tokio::test]
async fn a_reset_is_a_wait_for_a_refusal_only() {
    let lines = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")];
    for status in [200, 302, 400, 500] {
        assert_eq!(wait_of(answer(status, &lines)).await, None, "{status}");
        assert_eq!(limits_of(answer(status, &lines)).await.len(), 1, "{status}");
    }
    for status in [429, 503] {
        assert_eq!(
            wait_of(answer(status, &lines)).await,
            Some(60.0),
            "{status}"
        );
    }
    // The classifier knows better than the status.
    let limited = Classification::new(ErrorClass::RateLimited);
    let response = classified(answer(200, &lines), limited);
    assert_eq!(wait_of(response).await, Some(60.0));
    let permanent = Classification::new(ErrorClass::Permanent);
    let response = classified(answer(429, &lines), permanent);
    assert_eq!(wait_of(response).await, None);
}

#[tokio::test]
async fn a_limit_with_something_left_is_no_wait() {
    let reset = ("x-ratelimit-reset", "60");
    for line in [
        ("x-ratelimit-remaining", "1"),
        ("x-ratelimit-limit", "1"),
        ("ratelimit", r#""a";r=1;t=60"#),
        ("ratelimit", r#""a";r=0"#),
    ] {
        let wait = wait_of(answer(429, &[line, reset])).await;
        assert_eq!(wait, None, "{line:?}");
    }
}

#[tokio::test]
async fn any_answer_with_retry_after_carries_it() {
    for status in [200, 202, 302, 413, 429, 500, 503] {
        let wait = wait_of(answer(status, &[("retry-after", "5")])).await;
        assert_eq!(wait, Some(5.0), "{status}");
    }
}

#[tokio::test]
async fn limits_are_left_on_success_too() {
    let lines = [
        (
            "ratelimit-policy",
            r#""burst";q=100;w=60,"daily";q=1000;w=86400"#,
        ),
        (
            "ratelimit-policy",
            r#""bytes";q=65535;qu="content-bytes";w=10"#,
        ),
        ("ratelimit", r#""daily";r=50;t=30"#),
        ("x-ratelimit-limit", "5000"),
    ];
    let limits = limits_of(answer(200, &lines)).await;
    let row = |p: &RateLimitPolicy| (p.name.clone(), p.limit, p.remaining, p.window, p.reset);
    let rows: Vec<_> = limits.iter().map(row).collect();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let (burst, daily) = (Some("burst".into()), Some("daily".into()));
    let expected = [
        (burst, Some(100), None, seconds(60), None),
        (daily, Some(1000), Some(50), seconds(86_400), seconds(30)),
        (None, Some(5000), None, None, None),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_limit_in_bytes_is_a_wait_but_no_status() {
    let lines = [
        (
            "ratelimit-policy",
            r#""bytes";q=65535;qu="content-bytes";w=10"#,
        ),
        ("ratelimit", r#""bytes";r=0;t=10"#),
    ];
    assert_eq!(wait_of(answer(429, &lines)).await, Some(10.0));
    assert_eq!(limits_of(answer(429, &lines)).await, []);
}

#[tokio::test]
async fn the_usual_dialects_are_understood() {
    // In Unix time, 1700000000.
    let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
    for (remaining, reset, line) in [
        ("ratelimit-remaining", "ratelimit-reset", "60"),
        ("x-ratelimit-remaining", "x-ratelimit-reset", "1700000060"),
        (
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "1700000060000",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-reset", "1700000060.0"),
        (
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
            "2023-11-14T22:14:20Z",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-reset-after", "60.0"),
        (
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
            "1m0s",
        ),
        ("x-ratelimit-remaining", "x-ratelimit-retry-after", "60"),
        ("x-none", "x-rate-limit-retry-after-seconds", "60"),
        ("x-none", "retry-after-ms", "60000"),
    ] {
        let lines = [date, (remaining, "0"), (reset, line)];
        assert_eq!(wait_of(answer(429, &lines)).await, Some(60.0), "{lines:?}");
        assert_eq!(wait_of(answer(200, &lines)).await, None, "{lines:?}");
    }
}

#[tokio::test]
async fn an_answer_that_tells_nothing_gets_nothing() {
    let lines = [("content-type", "application/json"), ("x-request-id", "1")];
    for status in [200, 404, 429, 500, 503] {
        let response = pass(Request::new(()), answer(status, &lines)).await;
        assert!(response.extensions().is_empty(), "{status}");
    }
}
