//! Where the fields stand, and how much of a body is looked at.

use super::*;

#[tokio::test]
async fn the_order_and_the_case_of_the_keys_do_not_matter() {
    for body in [
        r#"{"code":40105,"message":"m","request_id":"r","data":{}}"#,
        r#"{"message":"m","code":40105,"data":{},"request_id":"r"}"#,
        r#"{"message":"m","request_id":"r","data":{"code":0},"code":40105}"#,
        r#"{"data":[{"code":0,"message":"OK"}],"message":"m","code":40105,"request_id":"r"}"#,
        r#"{"Message":"m","Code":40105,"Data":{},"RequestId":"r"}"#,
        r#"{"CODE":"40105","MESSAGE":"m","REQUEST_ID":"r"}"#,
        " \n{ \"code\" : 40105 , \"message\" : \"m\" , \"request_id\" : \"r\" } ",
    ] {
        for size in [1, 7, usize::MAX] {
            let answer = answer(200, &[], Frames::cut(body, size));
            let found = ask(Api::Marketing, answer).await;
            assert_eq!(found.class(), TokenInvalid, "{body}");
            assert_eq!(found.message(), Some("m"), "{body}");
            assert_eq!(found.request_id(), Some("r"), "{body}");
        }
    }
}

#[tokio::test]
async fn a_success_is_the_same_in_one_piece_and_in_many() {
    for (body, class) in [
        (r#"{"code":0,"message":"OK"}"#, Success),
        (" {\n  \"code\": 0, \n  \"message\": \"OK\"}", Success),
        (r#"{"code":0}"#, Success),
        (r#"{"code":0 }"#, Success),
        (r#"{"Code":0}"#, Success),
        (r#"{"code":"0"}"#, Success),
        (r#"{"code":0.0}"#, Success),
        (r#"{"code":0.5}"#, Unknown),
        (r#"{"code":0x}"#, Unknown),
        (r#"{"code":0"#, Transient),
        (r#"{"codes":0,"code":40002}"#, InvalidRequest),
        (r#"{"code":40002,"data":{"code":0}}"#, InvalidRequest),
    ] {
        for size in [1, 2, 8, usize::MAX] {
            let found = ask(Api::Marketing, answer(200, &[], Frames::cut(body, size))).await;
            assert_eq!(found.class(), class, "{body} in pieces of {size}");
        }
    }
}

#[tokio::test]
async fn missing_keys_are_no_obstacle() {
    let found = ask_json(200, r#"{"code":40105}"#).await;
    assert_eq!(found.class(), TokenInvalid);
    assert_eq!((found.message(), found.request_id()), (None, None));
    // page/field/get answers without a code.
    let found = ask_json(200, r#"{"message":"OK","data":{"code":40105}}"#).await;
    assert_eq!(found.class(), Success);
    // A 200 without a code and without an OK proves nothing.
    for body in [
        "{}",
        r#"{"message":"Internal error"}"#,
        r#"{"data":{"code":50002}}"#,
    ] {
        assert_eq!(ask_json(200, body).await.class(), Unknown, "{body}");
    }
    let odd = ask_json(200, r#"{"code":{"code":0}}"#).await;
    assert_eq!(odd.class(), Unknown);
    assert_eq!(ask_json(403, "{}").await.class(), PermissionDenied);
}

#[tokio::test]
async fn megabytes_of_data_do_not_hide_a_code_within_the_limit() {
    let data = "x".repeat(3 << 20);
    let body = format!(r#"{{"data":"{data}","code":40100,"message":"m"}}"#);
    let sent = || answer(200, &[], Frames::cut(body.clone(), 16 * 1024));

    // Beyond the limit: by the status, and nothing is lost.
    let response = ask_through(&TikTokErrorClassifierLayer::new(), sent()).await;
    assert_eq!(found(&response).class(), Success);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        body
    );

    let deep = TikTokErrorClassifierLayer::builder()
        .peek_limit(4 << 20)
        .build()
        .unwrap();
    let response = ask_through(&deep, sent()).await;
    assert_eq!(found(&response).class(), RateLimited);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        body
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_waits_for_nothing_after_its_code() {
    let mut body = Frames::whole(r#"{"code":0,"#);
    body.stalls = true;
    let begun = tokio::time::Instant::now();
    let response = ask_through(&TikTokErrorClassifierLayer::new(), answer(200, &[], body)).await;
    assert!(response.extensions().get::<Classification>().is_none());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_goes_by_what_was_seen() {
    let layer = TikTokErrorClassifierLayer::builder()
        .peek_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    for (status, seen, class) in [
        (200, "", Unknown),
        (200, r#"{"data":"#, Unknown),
        (502, r#"{"data":"#, Transient),
        (200, r#"{"code":40100,"mess"#, RateLimited),
    ] {
        let mut body = Frames::whole(seen);
        body.stalls = true;
        let begun = tokio::time::Instant::now();
        let response = ask_through(&layer, answer(status, &[], body)).await;
        assert_eq!(found(&response).class(), class, "{seen}");
        assert_eq!(begun.elapsed(), Duration::from_secs(2), "{seen}");
    }
}

#[tokio::test]
async fn the_code_outranks_the_status() {
    let found = ask_json(500, r#"{"code":0,"message":"OK"}"#).await;
    assert_eq!(found.class(), Success);
    let found = ask_json(401, r#"{"code":50000,"message":"x"}"#).await;
    assert_eq!(found.class(), Transient);
    let found = ask_json(429, r#"{"code":40105,"message":"x"}"#).await;
    assert_eq!(found.class(), TokenInvalid);
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let body = format!(r#"{{"code":40002,"message":"{}"}}"#, "m".repeat(5000));
    assert_eq!(
        ask_json(200, &body).await.message().map(str::len),
        Some(1024)
    );
}

#[tokio::test]
async fn the_log_id_comes_from_the_header() {
    let body = Frames::whole(r#"{"code":40002,"message":"m"}"#);
    let found = ask(Api::Marketing, answer(200, &[("X-Tt-Logid", "l1")], body)).await;
    assert_eq!(found.log_id(), Some("l1"));
}

#[tokio::test]
async fn a_sentence_in_two_pieces_is_the_same_sentence() {
    for size in [1, 6, usize::MAX] {
        let body = Frames::cut("Too many requests", size);
        let found = ask(Api::Marketing, answer(403, &[], body)).await;
        assert_eq!(found.class(), RateLimited, "in pieces of {size}");
        assert_eq!(found.message(), Some("Too many requests"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_sentence_is_not_waited_for() {
    for body in ["<html>", "[1", " \n<"] {
        let mut body = Frames::whole(body);
        body.stalls = true;
        let begun = tokio::time::Instant::now();
        let found = ask(Api::Marketing, answer(403, &[], body)).await;
        assert_eq!(found.class(), PermissionDenied);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"Too many requests".to_vec()),
        Just(b"token expired".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        Just(b"{\"code\":".to_vec()),
        Just("\u{e9}".repeat(130).into_bytes()),
        "[ \n\t\x0C]{0,4}".prop_map(String::into_bytes),
        "[a-z<\"\\[]{1,90}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn however_a_text_is_cut_the_verdict_is_the_same(
        text in any_text(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        status in prop_oneof![Just(200), Just(401), Just(403), Just(429), Just(503)],
        breaks: bool,
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Frames { breaks, ..Frames::default() };
        let mut at = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            // An empty piece is one too.
            pieces.data.push_back(Bytes::copy_from_slice(&text[at..cut]));
            at = cut;
        }
        let mut whole = Frames::whole(text);
        whole.breaks = breaks;
        // The waits until midnight go by it.
        let date = [("date", "Mon, 23 Nov 2026 12:00:00 GMT")];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let [whole, cut] = [whole, pieces].map(|body| {
            runtime.block_on(ask(Api::Marketing, answer(status, &date, body)))
        });
        prop_assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
    }
}
