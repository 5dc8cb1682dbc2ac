//! What TikTok's answers mean, asked through a real stack.

mod broken;
mod envelope;
mod guides;
mod partial;
mod settings;
mod sheet;
mod siblings;
mod status;
mod waits;
mod writes;

use std::{
    collections::{BTreeSet, VecDeque},
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    body::Peeked,
    classify::{
        Classification,
        ErrorClass::{self, *},
        ThrottleScope, ThrottleWindow,
    },
    tiktok::{
        classifier::{
            InvalidTikTokErrorClassifier, TikTokClassify, TikTokErrorClassifier,
            TikTokErrorClassifierLayer,
        },
        codes::{Api, CodeRule, CodeTable, MessagePattern, WriteRetry, classify_code},
    },
};

/// A body of frames; after them it ends, or stalls, or breaks off.
#[derive(Debug, Default)]
struct Frames {
    data: VecDeque<Bytes>,
    stalls: bool,
    breaks: bool,
}

/// The connection was reset.
#[derive(Debug)]
struct Reset;

impl Frames {
    fn whole(text: impl Into<Bytes>) -> Self {
        Self::cut(text, usize::MAX)
    }

    fn cut(text: impl Into<Bytes>, size: usize) -> Self {
        let mut text = text.into();
        let mut data = VecDeque::new();
        while !text.is_empty() {
            data.push_back(text.split_to(size.min(text.len())));
        }
        Self {
            data,
            ..Self::default()
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        match self.data.pop_front() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None if self.stalls => Poll::Pending,
            None if self.breaks => Poll::Ready(Some(Err(Reset))),
            None => Poll::Ready(None),
        }
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: Frames) -> Response<Frames> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body).expect("a valid head")
}

/// Sends one request through the layer.
async fn ask_through(
    layer: &TikTokErrorClassifierLayer,
    answer: Response<Frames>,
) -> Response<Peeked<Frames>> {
    let mut answer = Some(answer);
    let client = layer.layer(service_fn(move |_: Request<()>| {
        let answer = answer.take().expect("asked once");
        async move { Ok::<_, Infallible>(answer) }
    }));
    let Ok(response) = client.oneshot(Request::new(())).await;
    response
}

/// What the layer makes of one answer.
async fn ask(api: Api, answer: Response<Frames>) -> Classification {
    let layer = TikTokErrorClassifierLayer::builder()
        .api(api)
        .build()
        .expect("valid settings");
    found(&ask_through(&layer, answer).await)
}

/// What the layer left; a plain success where it left nothing.
fn found<B>(response: &Response<B>) -> Classification {
    match response.extensions().get::<Classification>() {
        Some(found) => found.clone(),
        None => Classification::new(ErrorClass::of(response)),
    }
}

/// A JSON answer of the Marketing API.
async fn ask_json(status: u16, body: &str) -> Classification {
    let headers = [("content-type", "application/json")];
    ask(
        Api::Marketing,
        answer(status, &headers, Frames::whole(body.to_owned())),
    )
    .await
}
