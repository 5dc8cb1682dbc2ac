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
use http_body_util::{BodyExt, Full};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_tiktok::{
    report_batching::{ReportBatching, ReportBatchingBuilder, ReportBatchingLayer},
    simulator::{Simulator, SimulatorBuilder},
    tiktok::{AccessLevel, TikTok, TikTokLayer, TikTokReads},
};

pub(crate) type Body = Full<Bytes>;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn builder() -> ReportBatchingBuilder<TikTokReads> {
    ReportBatchingLayer::builder(TikTokReads::new())
}

pub(crate) fn get(path: &str) -> Request<Body> {
    let request = Request::get(format!("/open_api/v1.3{path}"));
    let request = request.header("access-token", "secret");
    request.body(Body::default()).unwrap()
}

/// A report on the level of the advertiser.
pub(crate) fn report(advertiser: u32, more: &str) -> Request<Body> {
    get(&format!(
        "/report/integrated/get/?advertiser_id={advertiser}&report_type=BASIC\
        &data_level=AUCTION_ADVERTISER&dimensions=%5B%22advertiser_id%22%2C%22stat_time_day%22%5D\
        &metrics=%5B%22spend%22%2C%22clicks%22%5D&start_date=2026-01-01&end_date=2026-01-07{more}"
    ))
}

/// A server that takes a second, and then gives its own count of calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    calls: Arc<AtomicUsize>,
    fails: bool,
}

impl Server {
    pub(crate) fn failing() -> Self {
        Self {
            fails: true,
            ..Self::default()
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn batched(
        &self,
        builder: ReportBatchingBuilder<TikTokReads>,
    ) -> ReportBatching<Self, TikTokReads> {
        builder.build().unwrap().layer(self.clone())
    }
}

impl Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = self.fails;
        Box::pin(async move {
            tokio::time::sleep(secs(1)).await;
            match fails {
                true => Err("the line is dead".into()),
                false => Ok(Response::new(Full::from(format!("answer {call}")))),
            }
        })
    }
}

pub(crate) async fn text(
    response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>,
) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

// ===== TikTok =====

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) tiktok: Simulator,
    client: TikTok<Simulator>,
}

pub(crate) fn world(
    simulator: SimulatorBuilder,
    batching: Option<ReportBatchingBuilder<TikTokReads>>,
) -> World {
    let tiktok = simulator.build().unwrap();
    let mut layer = TikTokLayer::builder().access_level(AccessLevel::Basic);
    if let Some(batching) = batching {
        layer = layer.report_batching(batching.build().unwrap());
    }
    let client = layer.build().layer(tiktok.clone());
    World { tiktok, client }
}

impl World {
    pub(crate) async fn ask(&self, request: Request<Body>) -> Bytes {
        let response = self.client.clone().oneshot(request).await;
        text(response.unwrap()).await
    }

    pub(crate) fn reports(&self) -> u64 {
        let ledger = self.tiktok.ledger();
        ledger.endpoints["/report/integrated/get/"].received
    }
}

/// The server may write its keys in capitals.
pub(crate) fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(&body.to_ascii_lowercase()).unwrap()
}
