//! A made-up API: `code` is 0 for success, 17 for "too fast" and 18 for
//! "half of it done"; `message` says more.

use std::{future::ready, ops::ControlFlow};

use http::{Request, Response, response::Parts};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    body::{JsonFields, Peeked},
    classify::{Classification, Classify, ErrorClass, Scan},
    error_classifier::ErrorClassifierLayer,
};

use crate::script::{Reset, Script};

/// Not `Clone`, as a classifier need not be.
#[derive(Debug, Default)]
pub(crate) struct MadeUp(());

#[derive(Debug)]
pub(crate) struct Envelope {
    fields: JsonFields,
    code: Option<i64>,
    message: Option<String>,
    ended: bool,
}

impl Scan for Envelope {
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let (code, message) = (&mut self.code, &mut self.message);
        self.fields.push(piece, |path, value| {
            match path {
                0 => *code = serde_json::from_slice(value).ok(),
                _ => *message = serde_json::from_slice(value).ok(),
            }
            // A failure is worth reading on for its message.
            match (*code, &*message) {
                (Some(0), _) | (Some(_), Some(_)) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
    }

    fn end(&mut self) {
        self.ended = true;
    }
}

impl Classify for MadeUp {
    type Scan = Envelope;

    fn scan(&self, _: &Parts) -> Option<Envelope> {
        Some(Envelope {
            fields: JsonFields::new(&["code", "message"]),
            code: None,
            message: None,
            ended: false,
        })
    }

    fn classify(&self, head: &Parts, scanned: Option<Envelope>) -> Classification {
        let Some((code, scanned)) = scanned.and_then(|scan| Some((scan.code?, scan))) else {
            return Classification::new(ErrorClass::from_status(head.status));
        };
        let found = Classification::new(match code {
            0 => ErrorClass::Success,
            17 => ErrorClass::RateLimited,
            18 => ErrorClass::PartialSuccess,
            _ => ErrorClass::Unknown,
        })
        .with_code(code);
        match scanned.message {
            Some(message) => found.with_message(message),
            None => found,
        }
    }
}

pub(crate) fn layer() -> ErrorClassifierLayer<MadeUp> {
    ErrorClassifierLayer::builder(MadeUp::default())
        .build()
        .expect("the defaults are valid")
}

/// Sends one request through `layer` to a server that answers `response`.
pub(crate) async fn send(
    layer: &ErrorClassifierLayer<MadeUp>,
    response: impl Fn() -> Response<Script>,
) -> Response<Peeked<Script>> {
    let service = service_fn(|_: Request<()>| ready(Ok::<_, Reset>(response())));
    let service = layer.layer(service);
    service.oneshot(Request::new(())).await.expect("it answers")
}

/// The class and the code that other layers see.
pub(crate) fn seen<B>(response: &Response<B>) -> (ErrorClass, Option<i64>) {
    let found = response.extensions().get::<Classification>();
    let code = found.and_then(|found| found.code()?.as_number());
    (ErrorClass::of(response), code)
}
