//! The service: a client of the API behind endpoints, and its metrics.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt as _, util::BoxCloneSyncService};
use tower_tiktok::{
    metrics::{self, Gauges},
    simulator::{self, Level, Simulator},
    tiktok::{AccessLevel, TikTokLayer, stack::ResponseBody},
};

use crate::AnyError;

/// Bounds of the histograms, in seconds: answers take milliseconds, waits up to
/// minutes.
const BUCKETS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// What the app may do, and what the server lets it do: so much that limits are
/// not what is waited for here.
const A_SECOND: u64 = 5_000;

type TikTok = BoxCloneSyncService<
    Request<Full<Bytes>>,
    Response<ResponseBody<hyper::body::Incoming>>,
    BoxError,
>;

#[derive(Clone)]
pub(crate) struct Service {
    tiktok: TikTok,
    api: String,
    gauges: Gauges,
    scrapes: PrometheusHandle,
    _server: Arc<simulator::Server>,
}

impl Service {
    /// A service and the server that it talks to.
    pub(crate) async fn start() -> Result<(Self, Simulator), AnyError> {
        let level = Level::custom(A_SECOND, A_SECOND * 60, A_SECOND * 86_400);
        let simulator = Simulator::builder().level(level).build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = format!("http://{}", listener.local_addr()?);
        let server = simulator.serve(listener)?;

        // Names and units as Prometheus recommends them, such as
        // `api_client_wait_seconds`; histograms that can be added up.
        let scrapes = PrometheusBuilder::new()
            .with_recommended_naming(true)
            .set_buckets(BUCKETS)?
            .install_recorder()?;
        metrics::describe();

        let level: AccessLevel = format!("{A_SECOND}/{}/{}", A_SECOND * 60, A_SECOND * 86_400)
            .parse()
            .map_err(|_| "the level is right")?;
        let layer = TikTokLayer::builder().access_level(level).build();
        let gauges = layer.gauges();
        let tiktok = ServiceBuilder::new()
            .layer(layer)
            .service(Client::builder(TokioExecutor::new()).build_http());
        let service = Self {
            tiktok: BoxCloneSyncService::new(tiktok),
            api,
            gauges,
            scrapes,
            _server: Arc::new(server),
        };
        Ok((service, simulator))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/launch/{advertiser}/{name}", post(launch))
            .route("/metrics", get(scrape))
            .with_state(self.clone())
    }
}

/// What stands in the queue and so on is looked at when somebody asks.
async fn scrape(State(service): State<Service>) -> String {
    service.gauges.record();
    service.scrapes.run_upkeep();
    service.scrapes.render()
}

async fn launch(
    State(service): State<Service>,
    Path((advertiser, name)): Path<(String, String)>,
) -> Result<Vec<u8>, (StatusCode, String)> {
    let answer = service.create(&advertiser, &name).await;
    answer.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

impl Service {
    async fn create(self, advertiser: &str, name: &str) -> Result<Vec<u8>, BoxError> {
        let campaign = serde_json::json!({
            "advertiser_id": advertiser,
            "campaign_name": name,
            "objective_type": "TRAFFIC",
            "budget_mode": "BUDGET_MODE_INFINITE",
        });
        let request = Request::post(format!("{}/open_api/v1.3/campaign/create/", self.api))
            .header("access-token", "secret")
            .header("content-type", "application/json")
            .body(Full::from(campaign.to_string()))?;
        let response = self.tiktok.oneshot(request).await?;
        Ok(response.into_body().collect().await?.to_bytes().to_vec())
    }
}
