use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    body::Peeked,
    extensions::{Operation, RequestContext},
    tiktok::TikTokRequestContextLayer,
};

pub(crate) const ROOT: &str = "https://business-api.tiktok.com/open_api/v1.3";

/// What the inner service is given as the context.
pub(crate) async fn context_by<B>(
    layer: &TikTokRequestContextLayer,
    request: Request<B>,
) -> RequestContext
where
    B: Body<Data = Bytes> + Unpin,
{
    let inner = service_fn(|request: Request<Peeked<B>>| async move {
        Ok::<_, Infallible>(request.extensions().get::<RequestContext>().cloned())
    });
    layer.layer(inner).oneshot(request).await.unwrap().unwrap()
}

pub(crate) async fn context_of<B>(request: Request<B>) -> RequestContext
where
    B: Body<Data = Bytes> + Unpin,
{
    context_by(&TikTokRequestContextLayer::new(), request).await
}

pub(crate) fn account(context: &RequestContext) -> Option<&str> {
    context.account().map(|account| account.as_str())
}

pub(crate) fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(format!("{ROOT}{path}"))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

pub(crate) fn get(path_and_query: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("{ROOT}{path_and_query}"))
        .body(Empty::new())
        .unwrap()
}

pub(crate) fn remembered(key: &str) -> Operation {
    Operation::IdempotentWrite {
        key: Some(key.into()),
        remembered_for: Duration::from_secs(10),
    }
}

/// A body that does these things in turn.
pub(crate) struct Script(pub(crate) VecDeque<Step>);

pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    Fail,
    /// Pending once, and woken at once.
    Later,
    Stall,
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Fail) => Poll::Ready(Some(Err("reset"))),
            Some(Step::Later) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Stall) => {
                self.0.push_front(Step::Stall);
                Poll::Pending
            }
        }
    }
}

pub(crate) fn bytewise(text: &str) -> Script {
    let steps = text
        .bytes()
        .flat_map(|byte| [Step::Data(Bytes::from(vec![byte])), Step::Later]);
    Script(steps.collect())
}
