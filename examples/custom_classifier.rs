//! Another API with the generic layers alone: a shop that answers every
//! mistake with HTTP 200 and a word in `error.type`.
//!
//! `cargo run --example custom_classifier`

use std::{
    convert::Infallible,
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, response::Parts};
use http_body_util::{BodyExt, Full};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tiktok::{
    body::JsonFields,
    classify::{
        Classification, Classify, ErrorClass, Scan, Throttle, ThrottleScope, ThrottleWindow,
    },
    error_classifier::ErrorClassifierLayer,
    jittered_backoff::JitteredBackoffLayer,
};

/// What the shop's words mean.
#[derive(Clone, Copy, Debug)]
struct Shop;

/// Finds the word, wherever it stands.
#[derive(Debug)]
struct Word {
    fields: JsonFields,
    word: Option<String>,
}

impl Scan for Word {
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let Self { fields, word } = self;
        fields.push(piece, |_, value| {
            *word = serde_json::from_slice(value).ok();
            ControlFlow::Break(())
        })
    }
}

impl Classify for Shop {
    type Scan = Word;

    fn scan(&self, _: &Parts) -> Option<Word> {
        Some(Word {
            fields: JsonFields::new(&["error.type"]),
            word: None,
        })
    }

    fn classify(&self, head: &Parts, scanned: Option<Word>) -> Classification {
        let Some(word) = scanned.and_then(|scan| scan.word) else {
            return Classification::new(ErrorClass::from_status(head.status));
        };
        match &*word {
            "throttled" => Classification::new(ErrorClass::RateLimited)
                .with_throttle(
                    Throttle::new(ThrottleScope::App, ThrottleWindow::Minute)
                        .with_waits([Duration::from_secs(10)]),
                )
                // It was turned away, so that even a write may be sent again.
                .with_refused(true),
            "sold_out" => Classification::new(ErrorClass::Permanent),
            _ => Classification::new(ErrorClass::Unknown),
        }
        .with_code(&*word)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    tokio::time::pause();
    let calls = AtomicUsize::new(0);
    let shop = service_fn(|_: Request<Full<Bytes>>| {
        let body = match calls.fetch_add(1, Ordering::Relaxed) {
            0 => r#"{"error": {"type": "throttled"}}"#,
            _ => r#"{"order": 17}"#,
        };
        async move { Ok::<_, Infallible>(Response::new(Full::from(body))) }
    });

    let mut client = ServiceBuilder::new()
        .layer(JitteredBackoffLayer::builder().build()?)
        .layer(ErrorClassifierLayer::builder(Shop).build()?)
        .service(shop);

    let order = Request::post("/orders").body(Full::from("one hat"))?;
    let started = tokio::time::Instant::now();
    let response = client.ready().await?.call(order).await?;

    let body = response.into_body().collect().await?.to_bytes();
    println!(
        "{} after {:?}",
        String::from_utf8_lossy(&body),
        started.elapsed()
    );
    assert_eq!(body, r#"{"order": 17}"#);
    assert!(started.elapsed() >= Duration::from_secs(10));
    Ok(())
}
