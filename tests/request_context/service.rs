use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Full};
use tokio::{sync::Semaphore, time::Instant};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, limit::GlobalConcurrencyLimitLayer, service_fn};
use tower_tiktok::{
    body::Peeked,
    extensions::{Operation, Priority, RequestContext},
    tiktok::{
        Endpoint, TikTokRequestContext, TikTokRequestContextLayer,
        context::{ResponseFuture, TikTokRequestContextBuilder},
    },
};

use crate::{
    rows::form,
    support::{Script, Step, account, bytewise, context_by, context_of, get, post, remembered},
};

#[tokio::test]
async fn the_callers_context_wins_and_the_body_stays_closed() {
    let mut request = Request::post("/open_api/v1.3/campaign/create/")
        .body(Script([Step::Stall].into()))
        .unwrap();
    let given = RequestContext::new(Operation::repeatable()).with_priority(Priority::High);
    request.extensions_mut().insert(given.clone());
    assert_eq!(context_of(request).await, given);
}

#[tokio::test]
async fn pieces_of_one_byte_tell_the_same() {
    let json = r#"{"name": "x", "request_id": 17, "advertiser_id": "7001"}"#;
    let request = post("/campaign/create/", json).map(|_| bytewise(json));
    let context = context_of(request).await;
    assert_eq!(account(&context), Some("7001"));
    assert_eq!(context.operation(), &remembered("17"));

    let text = form(
        "XX",
        &[
            ("name", "a".to_owned()),
            ("advertiser_id", "7001".to_owned()),
        ],
    );
    let mut request = post("/file/video/ad/upload/", "").map(|_| bytewise(&text));
    let content_type = "multipart/form-data; boundary=XX".parse().unwrap();
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    assert_eq!(account(&context_of(request).await), Some("7001"));
}

#[tokio::test]
async fn the_inner_service_reads_the_same_frames() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "1".parse().unwrap());
    let pieces = [
        &b"{\"a\""[..],
        b"",
        b": 1, ",
        b"\"advertiser_id\": 7",
        b"}",
        b"tail",
    ];
    let mut steps: VecDeque<_> = pieces
        .iter()
        .map(|piece| Step::Data(Bytes::from_static(piece)))
        .collect();
    steps.insert(2, Step::Later);
    steps.push_back(Step::Trailers(trailers.clone()));
    let inner = service_fn(|request: Request<Peeked<Script>>| async move {
        let mut body = request.into_body();
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap());
        }
        Ok::<_, Infallible>(frames)
    });
    let request = post("/ad/create/", "").map(|_| Script(steps));
    let mut frames = TikTokRequestContextLayer::new()
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(frames.pop().unwrap().into_trailers().unwrap(), trailers);
    let data: Vec<_> = frames
        .into_iter()
        .map(|frame| frame.into_data().unwrap())
        .collect();
    assert_eq!(data, pieces);
}

#[tokio::test]
async fn a_failure_of_the_body_is_the_bodys() {
    let inner = service_fn(|request: Request<Peeked<Script>>| async move {
        let context = request
            .extensions()
            .get::<RequestContext>()
            .unwrap()
            .clone();
        Ok::<_, Infallible>((context, request.into_body().collect().await.unwrap_err()))
    });
    let steps = [Step::Data(Bytes::from_static(b"{\"x\":")), Step::Fail];
    let request = post("/ad/create/", "").map(|_| Script(steps.into()));
    let answer = TikTokRequestContextLayer::new()
        .layer(inner)
        .oneshot(request)
        .await;
    let (context, error) = answer.unwrap();
    assert_eq!(account(&context), None);
    assert_eq!(error, "reset");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_holds_a_request_no_longer_than_the_timeout() {
    let stalled = || Script([Step::Data(Bytes::from_static(b"{\"a\": 1")), Step::Stall].into());
    let start = Instant::now();
    let context = context_of(post("/ad/create/", "").map(|_| stalled())).await;
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(account(&context), None);
    assert_eq!(context.endpoint(), Some("/ad/create/"));

    let layer = TikTokRequestContextLayer::builder().peek_timeout(Duration::from_millis(20));
    let start = Instant::now();
    context_by(
        &layer.build().unwrap(),
        post("/ad/create/", "").map(|_| stalled()),
    )
    .await;
    assert_eq!(start.elapsed(), Duration::from_millis(20));
}

#[tokio::test]
async fn a_body_that_is_awaited_holds_nothing_inside() {
    let slots = Arc::new(Semaphore::new(1));
    let mut service = stack(&slots);
    let mut slow =
        task::spawn(service.call(post("/ad/create/", "").map(|_| Script([Step::Stall].into()))));
    assert_pending!(slow.poll());
    assert_eq!(slots.available_permits(), 1);
    let mut fast = task::spawn(service.call(post("/ad/create/", "").map(|_| bytewise("{}"))));
    while fast.poll().is_pending() {}
    drop((slow, fast));
    assert_eq!(slots.available_permits(), 1);
}

#[tokio::test]
async fn a_future_may_be_dropped_at_any_await() {
    let slots = Arc::new(Semaphore::new(1));
    let body = r#"{"advertiser_id": "7001"}"#;
    let mut finished = false;
    for polls in 0..200 {
        let mut service = stack(&slots);
        let mut call =
            task::spawn(service.call(post("/campaign/create/", "").map(|_| bytewise(body))));
        for _ in 0..polls {
            if call.poll().is_ready() {
                finished = true;
                break;
            }
        }
        drop(call);
        assert_eq!(slots.available_permits(), 1, "after {polls} polls");
    }
    assert!(finished);
}

/// The layer over a limit of one, which panics if it is called unready.
fn stack(
    slots: &Arc<Semaphore>,
) -> impl Service<Request<Script>, Response = usize, Error = &'static str> + Clone {
    let inner = service_fn(|request: Request<Peeked<Script>>| async move {
        tokio::task::yield_now().await;
        Ok(request.into_body().collect().await?.to_bytes().len())
    });
    let limit = GlobalConcurrencyLimitLayer::with_semaphore(Arc::clone(slots));
    TikTokRequestContextLayer::new().layer(limit.layer(inner))
}

#[tokio::test]
async fn it_calls_the_instance_that_it_readied() {
    let slots = Arc::new(Semaphore::new(1));
    let mut service = stack(&slots);
    for _ in 0..3 {
        let request = post("/ad/create/", "").map(|_| bytewise("{}"));
        assert_eq!(service.ready().await.unwrap().call(request).await, Ok(2));
    }
}

#[tokio::test]
async fn errors_of_the_inner_service_pass_through() {
    let (mut service, mut handle) =
        tower_test::mock::spawn_with(|inner| TikTokRequestContextLayer::new().layer(inner));
    assert_ready_ok!(service.poll_ready::<Request<Empty<Bytes>>>());
    handle.send_error("gone");
    let call: ResponseFuture<tower_test::mock::Mock<_, Response<()>>, _> =
        service.call(get("/user/info/"));
    assert_eq!(call.await.unwrap_err().to_string(), "gone");
}

#[test]
fn its_types_are_send_sync_and_debug() {
    fn all<T: Send + Sync + std::fmt::Debug>() {}
    type Inner = tower_test::mock::Mock<Request<Peeked<Full<Bytes>>>, Response<()>>;
    all::<TikTokRequestContextLayer>();
    all::<TikTokRequestContextBuilder>();
    all::<TikTokRequestContext<Inner>>();
    all::<Endpoint>();
    fn send<T: Send + std::fmt::Debug>() {}
    send::<ResponseFuture<Inner, Full<Bytes>>>();
}

#[tokio::test]
async fn the_caller_may_say_what_a_request_does_and_how_urgent_it_is() {
    let mut request = post(
        "/campaign/status/update/",
        r#"{"advertiser_id":"7001","campaign_ids":["1"]}"#,
    );
    request.extensions_mut().insert(Operation::repeatable());
    request.extensions_mut().insert(Priority::High);
    let context = context_of(request).await;
    assert_eq!(*context.operation(), Operation::repeatable());
    assert_eq!(context.priority(), Priority::High);
    // The rest is found all the same.
    assert_eq!(account(&context), Some("7001"));
    assert_eq!(context.endpoint(), Some("/campaign/status/update/"));
}

#[tokio::test]
async fn a_request_id_that_the_server_may_read_otherwise_does_not_count() {
    for body in [
        r#"{"advertiser_id":"7001","Request_ID":"5"}"#,
        r#"{"advertiser_id":"7001","request_id":"5","request_id":null}"#,
        r#"{"advertiser_id":"7001","request_id":"5","request_id":"6"}"#,
        r#"{"advertiser_id":"7001","request_id":"5","campaign_name":"x""#,
    ] {
        let context = context_of(post("/campaign/create/", body)).await;
        assert_eq!(*context.operation(), Operation::Write, "{body}");
    }
}
