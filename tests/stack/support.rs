use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use pin_project_lite::pin_project;
use tower::{BoxError, Service};
use tower_tiktok::body::Replay;

pub(crate) const OK: &str = r#"{"code":0,"message":"OK","request_id":"1","data":{}}"#;
pub(crate) const REFUSED: &str =
    r#"{"code":40100,"message":"App 1 reaches the QPS limit 10, current QPS is 11"}"#;
pub(crate) const SUSPENDED: &str = r#"{"code":40100,"message":"Due to too many requests, requests from App 1 are temporarily restricted."}"#;
pub(crate) const FAILED: &str = r#"{"code":50000,"message":"System error."}"#;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn create(account: &str) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"advertiser_id":"{account}","campaign_name":"a"}}"#);
    post("/campaign/create/", Full::from(body))
}

pub(crate) fn post<B>(path: &str, body: B) -> Request<B> {
    Request::post(format!("/open_api/v1.3{path}"))
        .header("content-type", "application/json")
        .header("access-token", "secret")
        .body(body)
        .unwrap()
}

pub(crate) fn get(account: &str) -> Request<Full<Bytes>> {
    Request::get(format!(
        "/open_api/v1.3/campaign/get/?advertiser_id={account}"
    ))
    .header("access-token", "secret")
    .body(Full::default())
    .unwrap()
}

/// What came over the wire in one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) extensions: Extensions,
    pub(crate) body: Bytes,
    /// What `Script::watch` saw while the attempt was under way.
    pub(crate) watched: u64,
}

/// A server that answers with these envelopes, the last for ever, each after
/// a second.
#[derive(Clone)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    watch: Arc<dyn Fn() -> u64 + Send + Sync>,
    reads: bool,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
            watch: Arc::new(|| 0),
            reads: true,
        }
    }

    pub(crate) fn watch(mut self, watch: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.watch = Arc::new(watch);
        self
    }

    /// Answers before it has read the request's body, but for one frame.
    pub(crate) fn hasty(mut self) -> Self {
        self.reads = false;
        self
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl<B> Service<Request<B>> for Script
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let script = self.clone();
        Box::pin(async move {
            let (head, mut body) = request.into_parts();
            let answer = {
                let mut answers = script.answers.lock().unwrap();
                match answers.len() {
                    1 => answers[0],
                    _ => answers.pop_front().unwrap(),
                }
            };
            let body = if script.reads || answer == OK {
                body.collect().await.map_err(Into::into)?.to_bytes()
            } else {
                let frame = body.frame().await.unwrap().map_err(Into::into)?;
                frame.into_data().unwrap_or_default()
            };
            script.seen.lock().unwrap().push(Seen {
                extensions: head.extensions,
                body,
                watched: (script.watch)(),
            });
            tokio::time::sleep(secs(1)).await;
            Ok(Response::new(Full::from(answer)))
        })
    }
}

/// Counts what is alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

#[derive(Debug)]
pub(crate) struct One(Alive);

impl Alive {
    pub(crate) fn one(&self) -> One {
        self.0.fetch_add(1, Ordering::SeqCst);
        One(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pin_project! {
    /// A body that is counted while it is alive.
    #[derive(Debug)]
    pub(crate) struct Counted<B> {
        #[pin]
        inner: B,
        one: One,
    }
}

impl<B> Counted<B> {
    pub(crate) fn new(inner: B, alive: &Alive) -> Self {
        Self {
            inner,
            one: alive.one(),
        }
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Replay> Replay for Counted<B> {
    fn try_clone(&self) -> Option<Self> {
        Some(Self::new(self.inner.try_clone()?, &self.one.0))
    }
}
