use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneService};
use tower_http::decompression::DecompressionLayer;
use tower_tiktok::{
    body::Peeked,
    error::OutcomeUnknown,
    jittered_backoff::JitteredBackoffLayer,
    simulator::{Server, Simulator, SimulatorBuilder},
    tiktok::{TikTokLayer, stack::TikTokLayerBuilder},
    token_refresh::TokenRefreshLayer,
};

const ROOT: &str = "/open_api/v1.3";

type Any = UnsyncBoxBody<Bytes, BoxError>;
type Wire = BoxCloneService<Request<Peeked<Full<Bytes>>>, Response<Any>, BoxError>;
pub(crate) type Http = BoxCloneService<Request<Full<Bytes>>, Response<Any>, BoxError>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Hyper { http2: bool },
    Reqwest { http2: bool },
}

pub(crate) const ALL: [Via; 4] = [
    Via::Hyper { http2: false },
    Via::Hyper { http2: true },
    Via::Reqwest { http2: false },
    Via::Reqwest { http2: true },
];

impl Via {
    fn wire(self) -> Wire {
        match self {
            Self::Hyper { http2 } => {
                let mut connector = HttpConnector::new();
                // Or each small request waits for an acknowledgement.
                connector.set_nodelay(true);
                let client = Client::builder(TokioExecutor::new())
                    .http2_only(http2)
                    .build(connector);
                // Compressed answers are read inside the layers.
                let whole = ServiceBuilder::new()
                    .map_response(|response: Response<_>| response.map(boxed))
                    .layer(DecompressionLayer::new())
                    .map_err(BoxError::from)
                    .service(client);
                BoxCloneService::new(whole)
            }
            Self::Reqwest { http2 } => {
                let mut builder = reqwest::Client::builder()
                    .no_proxy()
                    .redirect(reqwest::redirect::Policy::none())
                    // Whoever sends again has to know what it is.
                    .retry(reqwest::retry::never());
                if http2 {
                    builder = builder.http2_prior_knowledge();
                }
                let client = builder.build().unwrap();
                let send = service_fn(move |request: Request<_>| {
                    let client = client.clone();
                    async move {
                        let request = request.map(reqwest::Body::wrap).try_into()?;
                        let response = client.execute(request).await?;
                        Ok::<_, BoxError>(Response::<reqwest::Body>::from(response))
                    }
                });
                let whole = ServiceBuilder::new()
                    .map_response(|response: Response<_>| response.map(boxed))
                    .layer(DecompressionLayer::new())
                    .service(send);
                BoxCloneService::new(whole)
            }
        }
    }
}

/// A client, and how many of its attempts have ended.
pub(crate) struct Stack {
    pub(crate) client: Http,
    pub(crate) ended: Arc<AtomicUsize>,
}

impl Stack {
    pub(crate) fn new(via: Via) -> Self {
        Self::with(via, |layer| layer)
    }

    pub(crate) fn with_tokens(via: Via, tokens: TokenRefreshLayer) -> Self {
        Self::with(via, |layer| layer.tokens(tokens))
    }

    fn with(via: Via, set: impl FnOnce(TikTokLayerBuilder) -> TikTokLayerBuilder) -> Self {
        let backoff = JitteredBackoffLayer::builder()
            .base(Duration::from_millis(10))
            .cap(Duration::from_millis(50))
            .max_attempts(1_000)
            .no_budget();
        let layer = TikTokLayer::builder()
            .backoff(backoff.build().unwrap())
            .access_level("100000/6000000/864000000".parse().unwrap());
        let layer = set(layer);
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ended);
        let count = move |result: Result<Response<Any>, BoxError>| {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready(result)
        };
        let whole = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(boxed))
            .layer(layer.build())
            .then(count)
            .service(via.wire());
        Self {
            client: BoxCloneService::new(whole),
            ended,
        }
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Told {
        told(self.client.clone().oneshot(request).await).await
    }
}

/// What the caller was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Code(i64),
    /// The head came, and then the body broke off.
    BrokeOff,
    Unknown,
    Error(String),
}

pub(crate) const SUCCESS: Told = Told::Code(0);

pub(crate) async fn told(result: Result<Response<Any>, BoxError>) -> Told {
    match result {
        Err(error) if error.is::<OutcomeUnknown>() => Told::Unknown,
        Err(error) => Told::Error(format!("{error:?}")),
        Ok(response) => match response.into_body().collect().await {
            Err(_) => Told::BrokeOff,
            Ok(body) => {
                let json: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
                Told::Code(json["code"].as_i64().unwrap())
            }
        },
    }
}

pub(crate) fn simulator(builder: SimulatorBuilder) -> Simulator {
    builder.vary(false).build().unwrap()
}

pub(crate) async fn serve(simulator: &Simulator) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    simulator.serve(listener).unwrap()
}

pub(crate) fn create(address: SocketAddr, name: &str) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"advertiser_id":"7","campaign_name":"{name}","objective_type":"T"}}"#);
    Request::post(format!("http://{address}{ROOT}/campaign/create/"))
        .header("content-type", "application/json")
        .header("access-token", "t")
        .body(Full::from(body))
        .unwrap()
}

pub(crate) fn read(address: SocketAddr) -> Request<Full<Bytes>> {
    let uri = format!("http://{address}{ROOT}/campaign/get/?advertiser_id=7");
    Request::get(uri)
        .header("access-token", "t")
        .body(Full::default())
        .unwrap()
}

/// Waits for what is bound to come.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

fn boxed<B>(body: B) -> Any
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}
