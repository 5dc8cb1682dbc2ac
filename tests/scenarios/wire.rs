//! Stands where the HTTP client does, and watches what the stack sends.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::time::Instant;
use tower::{
    BoxError, Service, ServiceBuilder, limit::ConcurrencyLimitLayer, util::BoxCloneService,
};
use tower_http::decompression::DecompressionLayer;
use tower_tiktok::simulator::Simulator;

use crate::{client::Any, file::Client};

/// Carries the number of the request, and the account in plain sight: the
/// watcher shares nothing with the layers.
pub(crate) const NUMBER: &str = "x-scenario-number";
pub(crate) const ACCOUNT: &str = "x-scenario-account";

pub(crate) type Sent = UnsyncBoxBody<Bytes, BoxError>;
type Inner = BoxCloneService<Request<Sent>, Response<Any>, BoxError>;

#[derive(Clone)]
pub(crate) struct Wire {
    inner: Inner,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By request: how often it was sent, and when it was last answered.
    requests: HashMap<usize, (u64, Option<Instant>)>,
    /// By account and method.
    in_flight: HashMap<(String, bool), u64>,
    pub(crate) most_writes: u64,
    pub(crate) most_reads: u64,
    pub(crate) shortest_wait: Option<Duration>,
    pub(crate) longest_wait: Duration,
}

/// One attempt, from the call to the head of the answer, or to its drop.
struct Flight {
    seen: Arc<Mutex<Seen>>,
    number: usize,
    key: (String, bool),
}

impl Wire {
    pub(crate) fn new(simulator: Simulator, client: &Client) -> Self {
        let plain = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(boxed))
            .map_err(BoxError::from)
            .service(simulator);
        let inner = match client.gunzip {
            false => BoxCloneService::new(plain),
            true => BoxCloneService::new(
                ServiceBuilder::new()
                    .map_response(|response: Response<_>| response.map(boxed))
                    .layer(DecompressionLayer::new())
                    .service(plain),
            ),
        };
        let inner = match client.connections {
            None => inner,
            Some(connections) => BoxCloneService::new(
                ServiceBuilder::new()
                    .layer(ConcurrencyLimitLayer::new(connections))
                    .service(inner),
            ),
        };
        Self {
            inner,
            seen: Arc::default(),
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Seen {
    pub(crate) fn most_attempts(&self) -> u64 {
        let attempts = self.requests.values().map(|(attempts, _)| *attempts);
        attempts.max().unwrap_or(0)
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.requests.values().map(|(attempts, _)| attempts).sum()
    }
}

impl<B> Service<Request<B>> for Wire
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Any>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Any>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let flight = Flight::begin(&self.seen, &request);
        let call = self.inner.call(request.map(boxed));
        Box::pin(async move {
            let result = call.await;
            drop(flight);
            result
        })
    }
}

impl Flight {
    fn begin<B>(seen: &Arc<Mutex<Seen>>, request: &Request<B>) -> Self {
        let header = |name| request.headers()[name].to_str().expect("plain text");
        let number = header(NUMBER).parse().expect("a number");
        let is_read = request.method().is_safe();
        let key = (header(ACCOUNT).to_owned(), is_read);
        {
            let mut seen = lock(seen);
            let (attempts, answered) = seen.requests.entry(number).or_default();
            *attempts += 1;
            let waited = answered.map(|at| at.elapsed());
            if let Some(waited) = waited {
                seen.shortest_wait =
                    Some(seen.shortest_wait.map_or(waited, |least| least.min(waited)));
                seen.longest_wait = seen.longest_wait.max(waited);
            }
            let now = seen.in_flight.entry(key.clone()).or_default();
            *now += 1;
            let now = *now;
            match is_read {
                true => seen.most_reads = seen.most_reads.max(now),
                false => seen.most_writes = seen.most_writes.max(now),
            }
        }
        Self {
            seen: Arc::clone(seen),
            number,
            key,
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut seen = lock(&self.seen);
        if let Some(now) = seen.in_flight.get_mut(&self.key) {
            *now -= 1;
        }
        if let Some((_, answered)) = seen.requests.get_mut(&self.number) {
            *answered = Some(Instant::now());
        }
    }
}

pub(crate) fn boxed<B>(body: B) -> UnsyncBoxBody<Bytes, BoxError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
