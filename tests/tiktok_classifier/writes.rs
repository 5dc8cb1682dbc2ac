//! A wrong or unknown code is never sent again as a write.

use super::{
    sheet::{marketing_codes, refused},
    *,
};

#[test]
fn only_the_codes_that_say_so_are_refused() {
    let safe: BTreeSet<i64> = marketing_codes()
        .iter()
        .filter(|line| refused(line))
        .map(|line| line.code.parse().unwrap())
        .collect();
    assert_eq!(
        safe,
        BTreeSet::from([40_016, 40_100, 40_132, 40_133, 40_201, 40_901])
    );
    let table = CodeTable::new(Api::Marketing);
    for code in (-1_000..=80_000).chain([i64::MIN, 2_200_006, i64::MAX]) {
        let found = table.classify(&code.into(), "x", std::time::UNIX_EPOCH);
        assert_eq!(found.is_refused(), safe.contains(&code), "{code}");
    }
}

proptest! {
    #[test]
    fn a_code_that_is_not_safe_stays_so_whatever_the_message_says(
        code in prop_oneof![any::<i64>(), 39_990..40_140_i64, 40_190..40_210_i64, 40_890..40_920_i64, 49_990..62_000_i64],
        message in prop_oneof![
            ".{0,60}",
            Just("Too many requests".to_owned()),
            Just("App 1 reaches the QPS limit 10, current QPS is 11".to_owned()),
            Just("requests from App 1 are temporarily restricted.".to_owned()),
            Just("Task is not ready.".to_owned()),
        ],
    ) {
        prop_assume!(![40_016, 40_100, 40_132, 40_133, 40_201, 40_901].contains(&code));
        prop_assert!(!classify_code(code, &message).is_refused());
    }
}

#[tokio::test]
async fn text_of_a_limit_with_another_code_slows_down_reads_only() {
    let message = "App 1 reaches the QPS limit 10, current QPS is 11";
    for code in [
        "40000",
        "40002",
        "51021",
        "40999",
        "51999",
        "7",
        "-7",
        r#""what""#,
    ] {
        let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
        let found = ask_json(200, &body).await;
        assert_eq!(found.class(), RateLimited, "{code}");
        assert!(!found.is_refused(), "{code}");
        let throttle = found.throttle().unwrap();
        assert_eq!(throttle.scope(), ThrottleScope::AppEndpoint);
        assert_eq!(throttle.window(), ThrottleWindow::Second);
    }
    // Codes that are known keep their class.
    for code in [40_001, 40_105, 50_000] {
        let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
        assert_ne!(ask_json(200, &body).await.class(), RateLimited, "{code}");
    }
}

#[tokio::test]
async fn codes_that_nobody_knows_go_by_their_range_and_then_by_the_status() {
    for (status, code, class) in [
        (200, "40999", Permanent),
        (200, "59999", Transient),
        (200, "-5", Permanent),
        (200, "123", Unknown),
        (200, "60002", Unknown),
        (503, "123", Transient),
        (401, "123", TokenInvalid),
        (429, "123", RateLimited),
        (429, "40999", RateLimited),
        (404, "59999", Transient),
        (200, "null", Unknown),
        (200, "1e400", Unknown),
        (500, "[]", Transient),
        (429, "true", RateLimited),
    ] {
        let found = ask_json(status, &format!(r#"{{"code":{code},"message":"x"}}"#)).await;
        assert_eq!(found.class(), class, "{status} {code}");
        assert!(!found.is_refused(), "{status} {code}");
    }
}
