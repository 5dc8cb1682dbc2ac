use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_tiktok::{
    extensions::{Deadline, Operation, RequestContext},
    request_pacing::{RequestPacing, RequestPacingLayer, Scopes},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn context(account: &str, endpoint: &str) -> RequestContext {
    RequestContext::new(Operation::Write)
        .with_account(account)
        .with_endpoint(endpoint)
}

pub(crate) fn request(account: &str, endpoint: &str) -> Request<u64> {
    with(context(account, endpoint), 0)
}

/// The body is how many milliseconds the answer takes.
pub(crate) fn with(context: RequestContext, trip: u64) -> Request<u64> {
    Request::post("/").extension(context).body(trip).unwrap()
}

pub(crate) fn slow(account: &str, endpoint: &str, trip: u64) -> Request<u64> {
    with(context(account, endpoint), trip)
}

pub(crate) fn by(mut request: Request<u64>, deadline: Instant) -> Request<u64> {
    request.extensions_mut().insert(Deadline::at(deadline));
    request
}

#[derive(Clone)]
pub(crate) struct Server;

impl Service<Request<u64>> for Server {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<()>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u64>) -> Self::Future {
        let trip = Duration::from_millis(*request.body());
        Box::pin(async move {
            if !trip.is_zero() {
                sleep(trip).await;
            }
            Ok(Response::new(()))
        })
    }
}

pub(crate) type Client = RequestPacing<Server>;

pub(crate) fn build(scopes: impl Scopes) -> (RequestPacingLayer, Client) {
    let layer = RequestPacingLayer::builder(scopes).build().unwrap();
    let client = layer.layer(Server);
    (layer, client)
}

pub(crate) async fn go(client: &Client, request: Request<u64>) -> Result<Response<()>, BoxError> {
    client.clone().oneshot(request).await
}

/// Spawned, and let run up to where it waits.
pub(crate) async fn spawn(
    client: &Client,
    request: Request<u64>,
) -> tokio::task::JoinHandle<Instant> {
    let client = client.clone();
    let call = tokio::spawn(async move {
        go(&client, request).await.unwrap();
        Instant::now()
    });
    tokio::task::yield_now().await;
    call
}

pub(crate) fn at_utc(hour: u64, minute: u64, second: u64) -> SystemTime {
    UNIX_EPOCH + secs(20_000 * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// The response future itself, without `oneshot` around it.
pub(crate) fn slot(
    client: &Client,
    request: Request<u64>,
) -> <Client as Service<Request<u64>>>::Future {
    client.clone().call(request)
}
