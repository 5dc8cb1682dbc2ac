//! How long to stay away.

use super::*;

async fn waits(message: &str, code: i64) -> (ThrottleScope, ThrottleWindow, Vec<u64>) {
    let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
    let headers = [("date", "Sun, 22 Nov 2026 23:59:50 GMT")];
    let found = ask(Api::Marketing, answer(200, &headers, Frames::whole(body))).await;
    let throttle = found.throttle().expect("a limit");
    let waits = (0..5)
        .map(|n| throttle.wait(n).expect("a wait").as_secs())
        .collect();
    (throttle.scope(), throttle.window(), waits)
}

#[tokio::test]
async fn the_wait_follows_from_the_window() {
    use ThrottleScope::{AccountEndpoint, AppEndpoint, FieldValue};
    use ThrottleWindow::{Day, Minute, Second, Unknown};
    for (code, message, scope, window, expected) in [
        (
            40_100,
            "App 1 reaches the QPS limit 10, current QPS is 11",
            AppEndpoint,
            Second,
            [1; 5],
        ),
        (
            40_016,
            "App reaches the QPM limit 600.",
            AppEndpoint,
            Minute,
            [300, 300, 10, 10, 10],
        ),
        (
            40_100,
            "App reaches the QPD limit 864000",
            AppEndpoint,
            Day,
            [10; 5],
        ),
        (
            40_100,
            "Due to too many requests, requests from App 1 are temporarily restricted.",
            AppEndpoint,
            Minute,
            [300, 300, 10, 10, 10],
        ),
        (
            40_100,
            "Too many requests. Please retry in some time.",
            AppEndpoint,
            Unknown,
            [1, 5, 300, 300, 10],
        ),
        (40_100, "", AppEndpoint, Unknown, [1, 5, 300, 300, 10]),
        (
            40_133,
            "Advertiser (1)'s QPS (21) reaches QPS limit 20 for current path, request is temporarily restricted.",
            AccountEndpoint,
            Second,
            [1; 5],
        ),
        (40_133, "", AccountEndpoint, Second, [1; 5]),
        (
            40_132,
            "The request QPS is limited by pixel_code's value.",
            FieldValue,
            Second,
            [1; 5],
        ),
        (
            61_000,
            "",
            ThrottleScope::Unknown,
            Minute,
            [300, 300, 10, 10, 10],
        ),
    ] {
        let (found_scope, found_window, found_waits) = waits(message, code).await;
        assert_eq!(found_scope, scope, "{code} {message}");
        assert_eq!(found_window, window, "{code} {message}");
        assert_eq!(found_waits, expected, "{code} {message}");
    }
}

#[tokio::test]
async fn a_day_ends_at_the_servers_midnight() {
    for (date, wait) in [
        ("Sun, 22 Nov 2026 23:59:59 GMT", 1),
        ("Mon, 23 Nov 2026 00:00:00 GMT", 86_400),
        ("Mon, 23 Nov 2026 00:00:01 GMT", 86_399),
        ("Mon, 23 Nov 2026 12:00:00 GMT", 43_200),
    ] {
        let body = r#"{"code":40100,"message":"App 1 reaches the QPD limit 1"}"#;
        let found = ask(
            Api::Marketing,
            answer(200, &[("date", date)], Frames::whole(body)),
        )
        .await;
        let wait_found = found.throttle().unwrap().wait(0).unwrap();
        assert_eq!(wait_found, Duration::from_secs(wait), "{date}");
    }
}

#[tokio::test]
async fn without_a_readable_date_the_wait_is_still_bounded() {
    for headers in [&[][..], &[("date", "yesterday")]] {
        let body = r#"{"code":40100,"message":"App 1 reaches the QPD limit 1"}"#;
        let found = ask(Api::Marketing, answer(200, headers, Frames::whole(body))).await;
        let wait = found.throttle().unwrap().wait(0).unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(86_400));
    }
}

#[tokio::test]
async fn a_minute_of_the_v2_api_is_no_suspension() {
    let body = r#"{"error":{"code":"rate_limit_exceeded","message":"x","log_id":"l"}}"#;
    let found = ask(Api::OpenV2, answer(429, &[], Frames::whole(body))).await;
    assert_eq!(
        found.throttle().unwrap().wait(3),
        Some(Duration::from_secs(60))
    );
    assert!(found.is_refused());
}
