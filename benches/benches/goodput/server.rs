use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::sync::Notify;
use tower::{BoxError, Service, ServiceBuilder, util::BoxCloneSyncService};
use tower_tiktok::simulator::{ResponseFuture, SimBody, Simulator, SimulatorError};

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// By a limit.
    Refused,
    Failed,
}

pub(crate) type Call = Request<Full<Bytes>>;

/// What all clients are: a write in, what came of it out.
pub(crate) type Sender = BoxCloneSyncService<Call, Verdict, BoxError>;

/// The simulator, with an eye on how much is sent.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    simulator: Simulator,
    sent: Arc<Sent>,
}

#[derive(Debug)]
struct Sent {
    calls: AtomicU64,
    most: u64,
    too_many: Notify,
}

impl Server {
    pub(crate) fn new(simulator: Simulator, most: u64) -> Self {
        let sent = Arc::new(Sent {
            calls: AtomicU64::new(0),
            most,
            too_many: Notify::new(),
        });
        Self { simulator, sent }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.calls.load(Ordering::Relaxed)
    }

    /// Resolves when more was sent than anybody would.
    pub(crate) async fn too_many(&self) {
        self.sent.too_many.notified().await;
    }

    /// The server as the peers see it. None of them reads the code in the body
    /// of a 200, so it is read for them.
    pub(crate) fn judged(self) -> Sender {
        judged(self)
    }
}

impl<B> Service<Request<B>> for Server
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<SimBody>;
    type Error = SimulatorError;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SimulatorError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<B> {
        if self.sent.calls.fetch_add(1, Ordering::Relaxed) >= self.sent.most {
            self.sent.too_many.notify_one();
        }
        self.simulator.call(request)
    }
}

/// Reads the answer of any client to its end and judges it.
pub(crate) fn judged<S, B>(service: S) -> Sender
where
    S: Service<Call, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let service = ServiceBuilder::new()
        .and_then(judge)
        .map_err(Into::into)
        .service(service);
    BoxCloneSyncService::new(service)
}

async fn judge<B>(response: Response<B>) -> Result<Verdict, BoxError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let body = response.into_body().collect().await.map_err(Into::into)?;
    let envelope: Value = serde_json::from_slice(&body.to_bytes())?;
    let code = envelope.get("code").or_else(|| envelope.get("Code"));
    Ok(match code.and_then(Value::as_i64) {
        Some(0) => Verdict::Done,
        Some(40_016 | 40_100 | 40_132 | 40_133) => Verdict::Refused,
        _ => Verdict::Failed,
    })
}
