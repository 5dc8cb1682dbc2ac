//! What a user adds, and hostile input.

use super::*;

#[tokio::test]
async fn a_users_rules_win() {
    let layer = TikTokErrorClassifierLayer::builder()
        .code(
            40_200,
            CodeRule::new(NotReady).with_write_retry(WriteRetry::Safe),
        )
        .code("40100", CodeRule::new(Transient).with_remedy("Ask Ada."))
        .code("what", PermissionDenied)
        .code(77_777, RateLimited)
        .message_pattern(MessagePattern::new("budget", Permanent).for_codes(["40002"]))
        .message_pattern(MessagePattern::new("COFFEE", Maintenance))
        .build()
        .unwrap();
    for (body, class, refused) in [
        (r#"{"code":40200}"#, NotReady, true),
        (
            r#"{"code":40100,"message":"the token is invalid"}"#,
            Transient,
            false,
        ),
        (r#"{"code":"what"}"#, PermissionDenied, false),
        (r#"{"code":77777,"message":"x"}"#, RateLimited, false),
        (
            r#"{"code":40002,"message":"Budget too low"}"#,
            Permanent,
            false,
        ),
        (
            r#"{"code":40000,"message":"Budget too low"}"#,
            InvalidRequest,
            false,
        ),
        (
            r#"{"code":40200,"message":"out of coffee"}"#,
            Maintenance,
            false,
        ),
        ("no coffee today", Maintenance, false),
        (r#"{"code":0,"message":"coffee"}"#, Success, false),
    ] {
        let response = ask_through(&layer, answer(200, &[], Frames::whole(body))).await;
        let found = found(&response);
        assert_eq!(
            (found.class(), found.is_refused()),
            (class, refused),
            "{body}"
        );
        if class == Transient {
            assert_eq!(found.remedy(), "Ask Ada.");
        }
    }
}

#[test]
fn wrong_settings_are_told_at_build() {
    let builder = TikTokErrorClassifierLayer::builder;
    let safe = |class| CodeRule::new(class).with_write_retry(WriteRetry::Safe);
    for (builder, message) in [
        (
            builder().code(1, Unknown).code("1", Unknown),
            "two rules for code 1",
        ),
        (
            builder().code(0, Unknown),
            "a rule for code 0, which means success",
        ),
        (
            builder().code("ok", Unknown),
            "a rule for code ok, which means success",
        ),
        (
            builder().code(1, safe(Success)),
            "a success is called safe to send again",
        ),
        (
            builder().message_pattern(MessagePattern::new("x", safe(PartialSuccess))),
            "a success is called safe to send again",
        ),
        (
            builder().message_pattern(MessagePattern::new("", Unknown)),
            "a message pattern has no text",
        ),
        (
            builder().peek_limit(0),
            "the bounds of the peek make no sense",
        ),
        (
            builder().peek_timeout(Duration::ZERO),
            "the bounds of the peek make no sense",
        ),
    ] {
        let error: InvalidTikTokErrorClassifier = builder.build().unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn all_types_can_be_sent_shared_and_shown() {
    fn check<T: Clone + fmt::Debug + Send + Sync>() {}
    check::<TikTokErrorClassifierLayer>();
    check::<TikTokErrorClassifier<()>>();
    check::<TikTokClassify>();
    check::<CodeTable>();
    check::<MessagePattern>();
}

proptest! {
    #[test]
    fn nothing_in_a_body_makes_it_panic(status in 200..600_u16, body: Vec<u8>, size in 1..64_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for api in [Api::Marketing, Api::OpenV2, Api::Shop] {
                let mut hostile = br#"{"error":{"code":"#.to_vec();
                hostile.extend_from_slice(&body);
                for body in [body.clone(), hostile] {
                    let found = ask(api, answer(status, &[], Frames::cut(body, size))).await;
                    assert!(!found.is_refused() || status == 429);
                }
            }
        });
    }
}
