//! Answers stream through; nothing gathers in the layers.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, timeout};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_tiktok::{
    body::Peeked,
    classify::ErrorClass,
    per_account_concurrency::{PerAccountConcurrencyLayer, Release},
    tiktok::TikTokLayer,
};

use crate::support::{create, get, secs};

const FRAME: usize = 16 * 1024;
const WHOLE: usize = 100 * 1024 * 1024;
const HELD: usize = 128 * 1024;

/// The bytes of frames that somebody still holds.
#[derive(Clone, Debug, Default)]
struct Held(Arc<AtomicUsize>);

/// The owner of one frame's bytes.
struct Piece {
    bytes: Vec<u8>,
    held: Held,
}

impl Held {
    fn bytes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn piece(&self, bytes: Vec<u8>) -> Bytes {
        self.0.fetch_add(bytes.len(), Ordering::SeqCst);
        Bytes::from_owner(Piece {
            bytes,
            held: self.clone(),
        })
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

/// A long answer that is made while it is read.
struct Long {
    begin: &'static str,
    end: &'static str,
    left: usize,
    held: Held,
}

impl Body for Long {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut bytes = vec![b'x'; FRAME.min(self.left)];
        if self.left == WHOLE {
            bytes[..self.begin.len()].copy_from_slice(self.begin.as_bytes());
        }
        self.left -= bytes.len();
        if self.left == 0 {
            let at = bytes.len() - self.end.len();
            bytes[at..].copy_from_slice(self.end.as_bytes());
        }
        let piece = self.held.piece(bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

async fn streams_through(begin: &'static str, end: &'static str, release: Release) {
    let held = Held::default();
    let inner = held.clone();
    let concurrency = PerAccountConcurrencyLayer::builder().release(release);
    let client = TikTokLayer::builder()
        .concurrency(concurrency.build().unwrap())
        .build()
        .layer(service_fn(move |_: Request<Peeked<Full<Bytes>>>| {
            let body = Long {
                begin,
                end,
                left: WHOLE,
                held: inner.clone(),
            };
            let kind = if begin.starts_with('{') {
                "application/json"
            } else {
                "text/csv"
            };
            let response = Response::builder().header("content-type", kind).body(body);
            async { Ok::<_, BoxError>(response.unwrap()) }
        }));

    let response = client.oneshot(get("7001")).await.unwrap();
    assert!(held.bytes() <= HELD, "{} held at the head", held.bytes());
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    let mut body = response.into_body();
    let (mut read, mut most) = (0, 0);
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().unwrap().len();
        most = most.max(held.bytes());
    }
    assert_eq!(read, WHOLE);
    assert!(most <= HELD, "{most} held while it streams");
    assert_eq!(held.bytes(), 0);
}

#[tokio::test]
async fn a_hundred_megabytes_stream_through_where_the_code_comes_first() {
    let begin = r#"{"code":0,"message":"OK","data":""#;
    streams_through(begin, r#""}"#, Release::OnHead).await;
}

#[tokio::test]
async fn and_where_the_code_comes_last() {
    let end = r#"","code":0,"message":"OK"}"#;
    streams_through(r#"{"data":""#, end, Release::OnBodyEnd).await;
}

#[tokio::test]
async fn and_where_they_are_a_file() {
    streams_through("stat_time,spend\n", "\n", Release::OnHead).await;
}

/// Yields its text, and then nothing for ever.
struct Stalled(Option<&'static str>);

impl Body for Stalled {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.take() {
            Some(text) => Poll::Ready(Some(Ok(Frame::data(text.into())))),
            None => Poll::Pending,
        }
    }
}

fn stalling(
    text: &'static str,
) -> impl tower::Service<
    Request<Full<Bytes>>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError>>,
    Error = BoxError,
> + Clone {
    let concurrency = PerAccountConcurrencyLayer::builder().max_writes(1);
    TikTokLayer::builder()
        .concurrency(concurrency.build().unwrap())
        .build()
        .layer(service_fn(
            move |_: Request<Peeked<Full<Bytes>>>| async move {
                Ok::<_, BoxError>(Response::new(Stalled(Some(text))))
            },
        ))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_after_its_code_holds_up_nobody() {
    let client = stalling(r#"{"code":0,"data":""#);
    let start = Instant::now();
    let mut stalled = Vec::new();
    for _ in 0..10 {
        stalled.push(client.clone().oneshot(create("7001")).await.unwrap());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    let mut body = stalled.pop().unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(timeout(secs(3_600), body.frame()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_before_its_code_holds_up_its_own_account_for_ten_seconds() {
    let client = stalling(r#"{"data":""#);
    let start = Instant::now();
    let ends = futures_util::future::join_all(["7001", "7002", "7001"].map(|account| {
        let call = client.clone().oneshot(create(account));
        async move {
            call.await.unwrap();
            start.elapsed().as_secs()
        }
    }));
    assert_eq!(ends.await, [10, 10, 20]);
}
