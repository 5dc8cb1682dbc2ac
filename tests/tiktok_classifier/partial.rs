//! A part that failed is never taken for a success, and costs no one else.

use tower_tiktok::{
    extensions::{Operation, PartialFailure, RequestContext},
    tiktok::partial::PartialRule,
};

use super::*;

const PAUSE: &str = "/adgroup/status/update/";
const COPY: &str = "/campaign/copy/task/create/";
const REPORT: &str = "/report/integrated/get/";
const CUT_SHORT: &str = "Number of ad ids is equal or more than 20k, only return the top 20k id's results, sorting by create time desc order.";

/// Sends one request for this endpoint through the layer.
async fn ask_at(
    layer: &TikTokErrorClassifierLayer,
    endpoint: &str,
    answer: Response<Frames>,
) -> Response<Peeked<Frames>> {
    let mut answer = Some(answer);
    let client = layer.layer(service_fn(move |_: Request<()>| {
        let answer = answer.take().expect("asked once");
        async move { Ok::<_, Infallible>(answer) }
    }));
    let mut request = Request::new(());
    let context = RequestContext::new(Operation::Write).with_endpoint(endpoint);
    request.extensions_mut().insert(context);
    let Ok(response) = client.oneshot(request).await;
    response
}

async fn at(endpoint: &str, body: &str) -> Response<Peeked<Frames>> {
    let layer = TikTokErrorClassifierLayer::new();
    ask_at(
        &layer,
        endpoint,
        answer(200, &[], Frames::whole(body.to_owned())),
    )
    .await
}

fn failed<B>(response: &Response<B>) -> &PartialFailure {
    assert_eq!(ErrorClass::of(response), PartialSuccess);
    response.extensions().get().expect("a part failed")
}

fn ids<B>(response: &Response<B>) -> Vec<&str> {
    failed(response).failed_ids().collect()
}

#[tokio::test]
async fn a_list_of_failures_is_found_wherever_it_stands_and_however_it_comes() {
    let layer = TikTokErrorClassifierLayer::new();
    for body in [
        r#"{"code":0,"message":"OK","request_id":"r","data":{"error_list":[{"adgroup_id":"18","error_message":"m"}],"adgroup_ids":["17"]}}"#,
        r#"{"message":"OK","data":{"adgroup_ids":[],"error_list":[{"error_message":"m","adgroup_id":18}]},"code":0}"#,
        r#"{"Message":"OK","Code":0,"Data":{"Error_List":[{"adgroup_id":"18","error_message":"m"}]},"RequestId":"r"}"#,
    ] {
        for size in [1, 7, usize::MAX] {
            let answer = answer(200, &[], Frames::cut(body, size));
            let response = ask_at(&layer, PAUSE, answer).await;
            assert_eq!(ids(&response), ["18"], "{body} in pieces of {size}");
            assert!(failed(&response).is_listed());
            assert_eq!(failed(&response).items()[0].reason(), Some("m"));
            let found = found(&response);
            assert_eq!(found.code().unwrap().as_number(), Some(0));
            assert_eq!(found.message(), Some("1 item failed: adgroup_id 18 (m)"));
            assert!(!found.remedy().is_empty() && !found.is_refused());
            // The reader meets the answer as it was.
            let seen = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(seen, body);
        }
    }
}

#[tokio::test]
async fn where_nothing_failed_it_is_a_plain_success() {
    for (endpoint, body) in [
        (
            PAUSE,
            r#"{"code":0,"message":"OK","data":{"error_list":[],"adgroup_ids":["17"]}}"#,
        ),
        (
            PAUSE,
            r#"{"code":0,"message":"OK","data":{"adgroup_ids":["17"]}}"#,
        ),
        (PAUSE, r#"{"code":0,"message":"OK"}"#),
        (
            COPY,
            r#"{"code":0,"message":"OK","data":{"task_id":"9","adgroup_error_list":[]}}"#,
        ),
        (
            REPORT,
            r#"{"code":0,"message":"OK","data":{"list":[],"error_list":[1]}}"#,
        ),
        // Another endpoint has no such list, whatever it is called.
        (
            "/campaign/create/",
            r#"{"code":0,"data":{"error_list":[{"id":"1"}]}}"#,
        ),
    ] {
        let response = at(endpoint, body).await;
        assert_eq!(ErrorClass::of(&response), Success, "{body}");
        assert!(response.extensions().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_task_without_an_id_was_not_started() {
    let body = r#"{"code":0,"message":"OK","data":{"task_id":"","adgroup_error_list":[{"adgroup_id":"5","error_message":"m"}]}}"#;
    let response = at(COPY, body).await;
    assert_eq!(ids(&response), ["5"]);
    assert_eq!(failed(&response).reason(), Some("task_id is empty"));

    let response = at(COPY, r#"{"code":0,"data":{"task_id":""}}"#).await;
    assert_eq!(ids(&response), [""; 0]);
    assert!(!failed(&response).is_listed());
}

#[tokio::test]
async fn a_report_that_was_cut_short_says_so_in_a_header() {
    let layer = TikTokErrorClassifierLayer::new();
    let rows = r#"{"code":0,"message":"OK","data":{"list":["#;
    let headers = [("X-Tt-Ads-Throttle", CUT_SHORT)];
    // The rows are not waited for.
    let body = Frames {
        stalls: true,
        ..Frames::whole(rows)
    };
    let response = ask_at(&layer, REPORT, answer(200, &headers, body)).await;
    assert_eq!(failed(&response).reason(), Some(CUT_SHORT));
    assert!(!failed(&response).is_listed());

    let refused = r#"{"code":40100,"message":"Too many requests."}"#;
    let response = ask_at(
        &layer,
        REPORT,
        answer(200, &headers, Frames::whole(refused)),
    )
    .await;
    assert_eq!(ErrorClass::of(&response), RateLimited);
    assert!(response.extensions().get::<PartialFailure>().is_none());
}

#[tokio::test]
async fn code_20001_tells_what_failed_at_any_endpoint() {
    for (body, wanted) in [
        (
            r#"{"code":20001,"message":"Partially successful","request_id":"r","data":{"ad_ids":["1"],"error_list":[{"ad_name":"b","error_message":"m"}]}}"#,
            &["b"][..],
        ),
        (
            r#"{"data":{"error_list":[{"ad_name":"b"}]},"message":"m","code":20001,"request_id":"r"}"#,
            &["b"],
        ),
        (r#"{"code":20001,"message":"m"}"#, &[]),
    ] {
        let response = at("/ad/create/", body).await;
        assert_eq!(ids(&response), wanted, "{body}");
        assert_eq!(failed(&response).is_listed(), !wanted.is_empty());
        let found = found(&response);
        assert_eq!(found.code().unwrap().as_number(), Some(20_001));
    }
}

#[tokio::test]
async fn an_error_at_such_an_endpoint_is_an_error() {
    for (body, class) in [
        (
            r#"{"code":40100,"message":"m","data":{"error_list":[1]}}"#,
            RateLimited,
        ),
        (
            r#"{"data":{"error_list":[1]},"code":50000,"message":"m"}"#,
            Transient,
        ),
        (r#"{"data":{"error_list":[1]}}"#, Unknown),
        ("<html>", Transient),
        ("", Transient),
    ] {
        let response = at(PAUSE, body).await;
        assert_eq!(ErrorClass::of(&response), class, "{body}");
        assert!(response.extensions().get::<PartialFailure>().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_look_is_bounded_in_bytes_and_in_time() {
    let layer = TikTokErrorClassifierLayer::builder()
        .peek_limit(20_000)
        .peek_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    // A list that is too long to be kept is a failure all the same.
    let item = r#"{"adgroup_id":"1","error_message":"m"},"#;
    let long = format!(
        r#"{{"code":0,"data":{{"error_list":[{}1]}}}}"#,
        item.repeat(300)
    );
    let response = ask_at(&layer, PAUSE, answer(200, &[], Frames::cut(long, 999))).await;
    assert!(!failed(&response).is_listed());

    // Beyond the limit nothing is seen, and nothing is waited for.
    let far = format!(r#"{{"code":0,"data":{{"x":"{}"#, "x".repeat(30_000));
    let body = Frames {
        stalls: true,
        ..Frames::whole(far)
    };
    let response = ask_at(&layer, PAUSE, answer(200, &[], body)).await;
    assert_eq!(ErrorClass::of(&response), Success);

    let start = tokio::time::Instant::now();
    let body = Frames {
        stalls: true,
        ..Frames::whole(r#"{"code":0,"data":{"error_list":[{"adgroup_id":"1"}],"#)
    };
    let response = ask_at(&layer, PAUSE, answer(200, &[], body)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(ids(&response), ["1"]);
    assert!(!failed(&response).is_listed(), "there may be more");
}

#[tokio::test]
async fn the_table_can_be_added_to_and_overridden() {
    let layer = TikTokErrorClassifierLayer::builder()
        .partial(PartialRule::new("/my/bulk/", &["data.rejected", "late"]))
        .partial(PartialRule::new(PAUSE, &["data.other"]))
        .build()
        .unwrap();
    let list = r#"{"code":0,"data":{"rejected":{"7":"no"},"error_list":["8"]}}"#;
    let response = ask_at(&layer, "/my/bulk/", answer(200, &[], Frames::whole(list))).await;
    assert_eq!(ids(&response), ["7"]);
    let response = ask_at(&layer, PAUSE, answer(200, &[], Frames::whole(list))).await;
    assert_eq!(ErrorClass::of(&response), Success);

    let error = |rules: &[PartialRule]| {
        let builder = TikTokErrorClassifierLayer::builder();
        let builder = rules.iter().fold(builder, |all, rule| all.partial(*rule));
        builder.build().unwrap_err()
    };
    let rule = PartialRule::new("/a/b/", &["c"]);
    assert_eq!(
        error(&[rule, rule]),
        InvalidTikTokErrorClassifier::DuplicatePartialRule("/a/b/")
    );
    for wrong in [PartialRule::new("a/b", &["c"]), rule.with_header("b c")] {
        let endpoint = wrong.endpoint();
        assert_eq!(
            error(&[wrong]),
            InvalidTikTokErrorClassifier::PartialRule(endpoint)
        );
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_look_panic_or_changes_the_body(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        head in prop::sample::select(vec!["", r#"{"code":0,"data":{"error_list":"#, r#"{"code":20001,"data":"#]),
        size in 1..50_usize,
    ) {
        let whole: Bytes = [head.as_bytes(), &body].concat().into();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let seen = runtime.block_on(async {
            let layer = TikTokErrorClassifierLayer::new();
            let response = ask_at(&layer, PAUSE, answer(200, &[], Frames::cut(whole.clone(), size))).await;
            response.into_body().collect().await.unwrap().to_bytes()
        });
        prop_assert_eq!(seen, whole);
    }
}
