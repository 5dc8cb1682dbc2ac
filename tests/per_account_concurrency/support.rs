use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use tokio::time::Instant;
use tokio_test::{
    assert_pending, assert_ready_ok,
    task::{self, Spawn},
};
use tower::{BoxError, Layer, Service};
use tower_test::mock::{self, Mock};
use tower_tiktok::{
    extensions::{Deadline, Operation, RequestContext},
    per_account_concurrency::{
        PerAccountConcurrency, PerAccountConcurrencyBuilder, PerAccountConcurrencyHandle,
        PerAccountConcurrencyLayer, ResponseFuture,
    },
};

pub(crate) type Inner = Mock<Request<String>, Response<String>>;
pub(crate) type Handle = mock::Handle<Request<String>, Response<String>>;
pub(crate) type Client<S = Inner> = PerAccountConcurrency<S>;
pub(crate) type Pending<S = Inner> = Spawn<ResponseFuture<S, String>>;

pub(crate) fn request(operation: Operation, account: &str) -> Request<String> {
    let context = RequestContext::new(operation).with_account(account);
    let request = Request::post("/").extension(context);
    request.body(String::new()).unwrap()
}

pub(crate) fn write(account: &str) -> Request<String> {
    request(Operation::Write, account)
}

pub(crate) fn read(account: &str) -> Request<String> {
    request(Operation::Read, account)
}

pub(crate) fn one_each() -> PerAccountConcurrencyBuilder {
    PerAccountConcurrencyLayer::builder()
        .max_writes(1)
        .max_reads(1)
}

pub(crate) fn over_mock(builder: PerAccountConcurrencyBuilder) -> (Client, Handle) {
    let (inner, handle) = mock::pair();
    (builder.build().unwrap().layer(inner), handle)
}

/// Sends without polling.
pub(crate) fn call<S>(client: &Client<S>, request: Request<String>) -> Pending<S>
where
    S: Service<Request<String>, Response = Response<String>> + Clone,
    S::Error: Into<BoxError>,
{
    let mut client = client.clone();
    assert_ready_ok!(task::spawn(()).enter(|cx, _| client.poll_ready(cx)));
    task::spawn(client.call(request))
}

/// Sends it, and expects that it waits: for its answer or for its turn.
pub(crate) fn start(client: &Client, request: Request<String>) -> Pending {
    let mut pending = call(client, request);
    assert_pending!(pending.poll());
    pending
}

/// The request that the server has received, by its path.
pub(crate) fn received(
    handle: &mut Handle,
) -> Option<(String, mock::SendResponse<Response<String>>)> {
    let mut next = task::spawn(handle.next_request());
    match next.poll() {
        Poll::Ready(Some((request, answer))) => Some((request.uri().path().to_owned(), answer)),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

pub(crate) fn named(name: &str, mut request: Request<String>) -> Request<String> {
    *request.uri_mut() = name.parse().unwrap();
    request
}

pub(crate) fn ok() -> Response<String> {
    Response::new("body".to_owned())
}

pub(crate) fn keys(client: &Client<impl Clone>) -> usize {
    client.handle().snapshot().accounts().len()
}

pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(crate) fn by(deadline: Instant, mut request: Request<String>) -> Request<String> {
    request.extensions_mut().insert(Deadline::at(deadline));
    request
}

pub(crate) fn held(handle: &PerAccountConcurrencyHandle) -> bool {
    handle.snapshot().in_flight() == 1
}

/// A body that is polled by hand, and says when it is dropped.
pub(crate) struct Frames {
    pub(crate) frames: Vec<Result<Frame<Bytes>, &'static str>>,
    pub(crate) on_drop: Box<dyn FnMut() + Send>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready((!self.frames.is_empty()).then(|| self.frames.remove(0)))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        (self.on_drop)();
    }
}

pub(crate) fn frames(frames: Vec<Result<Frame<Bytes>, &'static str>>) -> Frames {
    Frames {
        frames,
        on_drop: Box::new(|| ()),
    }
}

pub(crate) fn data(bytes: &'static str) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from_static(bytes.as_bytes())))
}
