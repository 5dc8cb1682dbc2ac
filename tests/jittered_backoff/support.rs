use std::{
    collections::VecDeque,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Service, ServiceExt};
use tower_layer::Layer;
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    error::BoxError,
    extensions::{Attempt, Operation, PacedHold, RequestContext, RetryAfter},
    jittered_backoff::{JitteredBackoffBuilder, JitteredBackoffLayer},
};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Result = std::result::Result<Response<()>, BoxError>;

/// What the server does with one attempt.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Answer(Classification),
    /// An answer that also names a wait, by header.
    Wait(Classification, Duration),
    /// An answer to a request that pacing keeps back for so long.
    Held(Classification, Duration),
    /// An answer whose header names a longer wait than is believed.
    Cut(Classification, Duration),
    Status(u16),
    /// Not sent, for sure.
    Refused,
    /// Lost after it was sent.
    Lost,
    /// A layer inside gave up.
    GivenUp,
}

/// A server that follows a script, its last step for ever, and notes when each
/// attempt came.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    script: VecDeque<Step>,
    seen: Vec<(Instant, Option<Attempt>)>,
}

impl Server {
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Shared {
                script: script.into_iter().collect(),
                seen: Vec::new(),
            })),
        }
    }

    pub(crate) fn attempts(&self) -> usize {
        self.shared.lock().unwrap().seen.len()
    }

    /// How long each resend came after the attempt before it.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        let seen = &self.shared.lock().unwrap().seen;
        seen.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
    }

    pub(crate) fn carried(&self) -> Vec<Option<Attempt>> {
        let seen = &self.shared.lock().unwrap().seen;
        seen.iter().map(|(_, attempt)| *attempt).collect()
    }
}

impl<B> Service<Request<B>> for Server {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Ready<Result>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut shared = self.shared.lock().unwrap();
        let attempt = request.extensions().get().copied();
        shared.seen.push((Instant::now(), attempt));
        let step = if shared.script.len() > 1 {
            shared.script.pop_front().unwrap()
        } else {
            shared.script[0].clone()
        };
        ready(step.play())
    }
}

impl Step {
    fn play(self) -> Result {
        use std::io::{Error, ErrorKind};
        let mut response = Response::new(());
        match self {
            Self::Answer(classification) => {
                response.extensions_mut().insert(classification);
            }
            Self::Wait(classification, wait) => {
                response.extensions_mut().insert(classification);
                response.extensions_mut().insert(RetryAfter::new(wait));
            }
            Self::Held(classification, wait) => {
                response.extensions_mut().insert(classification);
                let hold = PacedHold::until(Instant::now() + wait);
                response.extensions_mut().insert(hold);
            }
            Self::Cut(classification, wait) => {
                response.extensions_mut().insert(classification);
                let cut = RetryAfter::new(wait).with_cut(true);
                response.extensions_mut().insert(cut);
            }
            Self::Status(status) => {
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
            }
            Self::Refused => return Err(Error::from(ErrorKind::ConnectionRefused).into()),
            Self::Lost => return Err(Error::from(ErrorKind::ConnectionReset).into()),
            Self::GivenUp => {
                return Err(tower_tiktok::error::DeadlineExceeded::new(None, None).into());
            }
        }
        Ok(response)
    }
}

pub(crate) fn ok() -> Step {
    Step::Status(200)
}

pub(crate) fn answer(class: ErrorClass) -> Step {
    Step::Answer(Classification::new(class))
}

pub(crate) fn refused(class: ErrorClass) -> Step {
    Step::Answer(Classification::new(class).with_refused(true))
}

pub(crate) fn last(class: ErrorClass) -> Step {
    Step::Answer(Classification::new(class).with_final(true))
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn idempotent(remembered_for: Duration) -> Operation {
    Operation::IdempotentWrite {
        key: None,
        remembered_for,
    }
}

pub(crate) fn request(operation: Operation) -> Request<Body> {
    let mut request = Request::post("/thing/?token=secret")
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    let context = RequestContext::new(operation).with_static_endpoint("/thing/");
    request.extensions_mut().insert(context);
    request
}

/// A layer whose draws are the same in each run, and that has no budget.
pub(crate) fn layer() -> JitteredBackoffBuilder {
    JitteredBackoffLayer::builder().seed(7).no_budget()
}

pub(crate) async fn send(
    builder: JitteredBackoffBuilder,
    server: &Server,
    request: Request<Body>,
) -> Result {
    let layer = builder.build().unwrap();
    layer.layer(server.clone()).oneshot(request).await
}

pub(crate) fn is<E: std::error::Error + 'static>(result: &Result) -> bool {
    result.as_ref().is_err_and(|error| error.is::<E>())
}

/// "Too many requests".
pub(crate) fn busy<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response
}
