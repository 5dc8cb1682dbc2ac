//! What a look at a body costs at most, in frames, bytes and time.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, header::CONTENT_ENCODING};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    error_classifier::{ErrorClassifierLayer, InvalidErrorClassifier},
};

use crate::{
    api::{MadeUp, layer, seen, send},
    script::{Reset, Script, Step},
};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_code_that_comes_first_costs_the_same_in_100_bytes_and_in_100_mib() {
    let code: &[u8] = br#"{"code":0,"data":""#;
    let padded = |size| {
        let mut bytes = code.to_vec();
        bytes.resize(size, b'x');
        Bytes::from(bytes)
    };
    let in_frames = || {
        let chunk = Bytes::from(vec![b'x'; 16 * 1024]);
        let rest = std::iter::repeat_n(chunk, 100 * MIB / (16 * 1024));
        Script::data(std::iter::once(Bytes::from_static(code)).chain(rest))
    };
    let one_frame = |bytes: Bytes| Script::data([bytes]);
    for body in [
        one_frame(padded(100)),
        one_frame(padded(100 * MIB)),
        in_frames(),
    ] {
        let response = send(&layer(), move || Response::new(body.clone())).await;
        assert_eq!(seen(&response), (ErrorClass::Success, None));
        assert_eq!(response.body().get_ref().frames_taken(), 1);
    }
}

#[tokio::test]
async fn no_more_than_the_limit_is_seen_and_one_frame_more_is_not_taken() {
    // The code is known at the byte after it, and so is the message.
    let until_code = br#"{"a":"0123456789","code":17,"#.len();
    let text = br#"{"a":"0123456789","code":17,"message":"m"}"#;
    let until_message = text.len() - 1;
    for limit in 1..40 * text.len() {
        for size in [1, 3, 7, text.len()] {
            // A short frame takes as much to hold as one of 32 bytes.
            let within = |bytes: usize| bytes + (bytes - 1) / size * 32_usize.saturating_sub(size);
            let layer = ErrorClassifierLayer::builder(MadeUp::default())
                .peek_limit(limit)
                .build()
                .unwrap();
            let pieces: Vec<_> = text.chunks(size).map(Bytes::copy_from_slice).collect();
            let response = send(&layer, || Response::new(Script::data(pieces.clone()))).await;
            let found = response.extensions().get::<Classification>();
            assert_eq!(
                found.and_then(|found| found.code()?.as_number()),
                (limit >= within(until_code)).then_some(17),
                "limit {limit}, pieces of {size}"
            );
            assert_eq!(
                found.and_then(|found| found.message()),
                (limit >= within(until_message)).then_some("m"),
                "limit {limit}, pieces of {size}"
            );
            assert_eq!(
                response.body().get_ref().frames_taken(),
                limit
                    .div_ceil(size.max(32))
                    .min(until_message.div_ceil(size)),
                "limit {limit}, pieces of {size}"
            );
        }
    }
}

#[tokio::test]
async fn a_sender_of_single_bytes_gets_no_more_memory_than_one_of_long_frames() {
    let space = || Bytes::from_static(b" ");
    let body = Script::data(std::iter::repeat_with(space).take(100_000));
    let response = send(&layer(), move || Response::new(body.clone())).await;
    // 2,048 handles of 32 bytes: 64 KiB.
    assert_eq!(response.body().get_ref().frames_taken(), 2048);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_is_bounded_by_the_timeout_and_holds_up_nobody_else() {
    let client = layer().layer(service_fn(|request: Request<()>| async move {
        let stalled = Step::Data(Bytes::from_static(b"{\"data\":"));
        Ok::<_, Reset>(Response::new(match request.uri().path() {
            "/stalled" => Script::new([stalled, Step::Stall]),
            _ => Script::data(["{\"code\":17,\"message\":\"\"}"]),
        }))
    }));
    let start = Instant::now();
    let stalled = Request::builder().uri("/stalled").body(()).unwrap();
    let stalled = tokio::spawn(client.clone().oneshot(stalled));
    tokio::task::yield_now().await;
    for _ in 0..100 {
        let response = client.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(ErrorClass::of(&response), ErrorClass::RateLimited);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    let response = stalled.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(seen(&response), (ErrorClass::Success, None));
    // What was seen is still there, and the rest is still awaited.
    let mut body = response.into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "{\"data\":");
    let rest = tokio::time::timeout(Duration::from_secs(60), body.frame()).await;
    assert!(rest.is_err());
}

/// A space each second, for ever.
struct Drip(tokio::time::Interval);

impl Body for Drip {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        let space = || Some(Ok(Frame::data(Bytes::from_static(b" "))));
        self.0.poll_tick(cx).map(|_| space())
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_does_not_start_the_timeout_afresh() {
    let client = layer().layer(service_fn(|_: Request<()>| async move {
        let drip = Drip(tokio::time::interval(Duration::from_millis(900)));
        Ok::<_, Reset>(Response::new(drip))
    }));
    let start = Instant::now();
    let response = client.oneshot(Request::new(())).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_to_read_is_not_awaited() {
    let stall = || Script::new([Step::Stall]);
    let client = layer().layer(service_fn(move |request: Request<()>| async move {
        let mut response = Response::new(stall());
        match request.uri().path() {
            "/204" => *response.status_mut() = http::StatusCode::NO_CONTENT,
            "/304" => *response.status_mut() = http::StatusCode::NOT_MODIFIED,
            "/gzip" => {
                let gzip = http::HeaderValue::from_static("gzip");
                response.headers_mut().insert(CONTENT_ENCODING, gzip);
            }
            _ => {}
        }
        Ok::<_, Reset>(response)
    }));
    let start = Instant::now();
    for (method, path) in [
        (Method::HEAD, "/"),
        (Method::GET, "/204"),
        (Method::GET, "/304"),
        (Method::GET, "/gzip"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(seen(&response), (ErrorClass::Success, None));
        assert_eq!(start.elapsed(), Duration::ZERO, "{path}");
    }
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let builder = || ErrorClassifierLayer::builder(MadeUp::default());
    for (builder, error) in [
        (
            builder().peek_limit(0),
            InvalidErrorClassifier::ZeroPeekLimit,
        ),
        (
            builder().peek_timeout(Duration::ZERO),
            InvalidErrorClassifier::ZeroPeekTimeout,
        ),
    ] {
        assert_eq!(builder.build().unwrap_err(), error);
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_settings_do_not_overflow() {
    let layer = ErrorClassifierLayer::builder(MadeUp::default())
        .peek_limit(usize::MAX)
        .peek_timeout(Duration::MAX)
        .build()
        .unwrap();
    let body = Script::new([
        Step::Later,
        Step::Data(Bytes::from_static(b"{\"code\":18}")),
    ]);
    let response = send(&layer, move || Response::new(body.clone())).await;
    assert_eq!(seen(&response), (ErrorClass::PartialSuccess, Some(18)));
}
