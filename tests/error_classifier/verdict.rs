//! Which verdict is left with which answer.

use std::{fmt::Debug, ops::ControlFlow};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_ENCODING, response::Parts};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_http::decompression::DecompressionLayer;
use tower_tiktok::{
    body::Peeked,
    classify::{ByStatus, Classification, Classify, ErrorClass, Scan},
    error_classifier::{
        ErrorClassifier, ErrorClassifierBuilder, ErrorClassifierLayer, InvalidErrorClassifier,
        ResponseFuture,
    },
};

use crate::{
    api::{MadeUp, layer, seen, send},
    script::{Reset, Script},
};

#[tokio::test]
async fn the_body_outranks_the_status() {
    for (status, body, expected) in [
        (
            200,
            r#"{"code":17,"message":"slow"}"#,
            (ErrorClass::RateLimited, Some(17)),
        ),
        (
            401,
            r#"{"code":17,"message":"slow"}"#,
            (ErrorClass::RateLimited, Some(17)),
        ),
        (500, r#"{"CODE": 0}"#, (ErrorClass::Success, Some(0))),
        (200, r#"{"code":0}"#, (ErrorClass::Success, None)),
        (200, r#"{"data":{"code":17}}"#, (ErrorClass::Success, None)),
        (429, "<html>slow</html>", (ErrorClass::RateLimited, None)),
        (503, "", (ErrorClass::Transient, None)),
        (200, r#"{"code":18"#, (ErrorClass::Success, None)),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let response = send(&layer(), move || {
            let mut response = Response::new(Script::data([body]));
            *response.status_mut() = status;
            response
        })
        .await;
        assert_eq!(seen(&response), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_plain_success_leaves_no_extension() {
    for (status, left) in [(200, false), (500, true)] {
        let response = send(&layer(), move || {
            let body = Script::data([r#"{"code":0}"#]);
            Response::builder().status(status).body(body).unwrap()
        })
        .await;
        assert_eq!(
            response.extensions().get::<Classification>().is_some(),
            left
        );
        assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    }
}

/// Takes any body for a success.
#[derive(Debug)]
struct Sure;

impl Scan for Sure {
    fn push(&mut self, _: &[u8]) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn is_success(&self) -> bool {
        true
    }
}

impl Classify for Sure {
    type Scan = Self;

    fn scan(&self, _: &Parts) -> Option<Self> {
        Some(Self)
    }

    fn classify(&self, _: &Parts, _: Option<Self>) -> Classification {
        Classification::new(ErrorClass::Conflict)
    }
}

#[tokio::test]
async fn a_success_that_the_status_confirms_needs_no_verdict() {
    for (status, class) in [(200, ErrorClass::Success), (500, ErrorClass::Conflict)] {
        let sure = ErrorClassifierLayer::builder(Sure).build().unwrap();
        // What a classifier inside has left does not outlast it.
        let client = sure.layer(layer().layer(service_fn(move |_: Request<()>| async move {
            let body = Script::data([r#"{"code":17,"message":""}"#]);
            Ok::<_, Reset>(Response::builder().status(status).body(body).unwrap())
        })));
        let response = client.oneshot(Request::new(())).await.unwrap();
        assert_eq!(ErrorClass::of(&response), class);
    }
}

#[tokio::test]
async fn the_outer_of_two_classifiers_has_the_last_word() {
    let by_status = ErrorClassifierLayer::builder(ByStatus).build().unwrap();
    let client = by_status.layer(layer().layer(service_fn(|_: Request<()>| async {
        Ok::<_, Reset>(Response::new(Script::data([r#"{"code":17,"message":""}"#])))
    })));
    let response = client.oneshot(Request::new(())).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
}

/// `{"code":17,"message":"slow down"}`, by gzip.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0xce, 0x4f, 0x49,
    0x55, 0xb2, 0x32, 0x34, 0xd7, 0x51, 0xca, 0x4d, 0x2d, 0x2e, 0x4e, 0x4c, 0x07, 0x72, 0x94, 0x8a,
    0x73, 0xf2, 0xcb, 0x15, 0x52, 0xf2, 0xcb, 0xf3, 0x94, 0x6a, 0x01, 0xf8, 0x2b, 0x97, 0xd6, 0x21,
    0x00, 0x00, 0x00,
];

async fn compressed(_: Request<()>) -> Result<Response<Full<Bytes>>, Reset> {
    let body = Full::new(Bytes::from_static(GZIP));
    let response = Response::builder()
        .status(429)
        .header(CONTENT_ENCODING, "gzip");
    Ok(response.body(body).expect("a valid head"))
}

#[tokio::test]
async fn a_compressed_body_is_classified_outside_its_decompression() {
    let client = ServiceBuilder::new()
        .layer(layer())
        .layer(DecompressionLayer::new())
        .service_fn(compressed);
    let response = client.oneshot(Request::new(())).await.unwrap();
    assert_eq!(seen(&response), (ErrorClass::RateLimited, Some(17)));
}

#[tokio::test]
async fn a_compressed_body_without_decompression_is_classified_by_status() {
    let client = layer().layer(service_fn(compressed));
    let response = client.oneshot(Request::new(())).await.unwrap();
    assert_eq!(seen(&response), (ErrorClass::RateLimited, None));
}

#[tokio::test]
async fn identity_is_no_encoding() {
    for (value, read) in [
        ("identity", true),
        ("Identity, identity", true),
        ("", true),
        ("gzip", false),
        ("identity, br", false),
        ("\u{ff}", false),
    ] {
        let response = send(&layer(), move || {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let body = Script::data([r#"{"code":18}"#]);
            Response::builder()
                .header(CONTENT_ENCODING, value)
                .body(body)
                .unwrap()
        })
        .await;
        assert_eq!(seen(&response).1 == Some(18), read, "{value}");
    }
}

#[tokio::test]
async fn the_error_of_the_client_passes_unchanged() {
    let client = layer().layer(service_fn(|_: Request<()>| async {
        Err::<Response<Script>, _>(Reset)
    }));
    assert_eq!(client.oneshot(Request::new(())).await.unwrap_err(), Reset);
}

#[tokio::test]
async fn calls_the_instance_it_readied() {
    // A clone of this is not ready, and panics when it is called.
    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, Reset>(Response::new(Script::data(["{}"]))) });
    let mut client = layer().layer(ConcurrencyLimit::new(inner, 1));
    for _ in 0..3 {
        let response = client.ready().await.unwrap().call(Request::new(())).await;
        assert!(response.unwrap().status().is_success());
    }
}

#[test]
fn all_types_are_send_sync_and_debug() {
    fn check<T: Send + Sync + Debug>() {}
    check::<ErrorClassifierLayer<MadeUp>>();
    check::<ErrorClassifierBuilder<MadeUp>>();
    check::<ErrorClassifier<(), MadeUp>>();
    check::<ResponseFuture<std::future::Ready<()>, Script, MadeUp>>();
    check::<InvalidErrorClassifier>();
    check::<Peeked<Script>>();
}

#[tokio::test]
async fn a_body_in_debug_output_is_not_shown() {
    let response = send(&layer(), || {
        Response::new(Script::data([
            r#"{"data":{"token":"s3cret"},"code":18,"message":"s3cret""#,
        ]))
    })
    .await;
    assert!(!format!("{:?}", response.body()).contains("s3cret"));
}
