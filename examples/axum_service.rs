//! A service of your own that launches campaigns: the stacked client is built
//! once and lies in axum's state, so that all handlers share its permits and
//! its retry budget.
//!
//! `cargo run --example axum_service`

use std::error::Error;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_tiktok::{
    error::OutcomeUnknown,
    simulator::Simulator,
    tiktok::{TikTokLayer, stack::ResponseBody},
};

type TikTok = BoxCloneSyncService<
    Request<Full<Bytes>>,
    Response<ResponseBody<hyper::body::Incoming>>,
    BoxError,
>;

#[derive(Clone)]
struct App {
    tiktok: TikTok,
    api: String,
}

async fn launch(
    State(app): State<App>,
    Path((advertiser, name)): Path<(String, String)>,
) -> (StatusCode, Json<Value>) {
    match create(app, &advertiser, &name).await {
        Ok(answer) => (StatusCode::OK, Json(answer)),
        // The caller must look before it tries again.
        Err(error) if error.is::<OutcomeUnknown>() => {
            (StatusCode::ACCEPTED, Json(json!({ "outcome": "unknown" })))
        }
        Err(error) => (
            StatusCode::BAD_GATEWAY,
            Json(json!({ "error": error.to_string() })),
        ),
    }
}

async fn create(app: App, advertiser: &str, name: &str) -> Result<Value, BoxError> {
    let campaign = json!({
        "advertiser_id": advertiser,
        "campaign_name": name,
        "objective_type": "TRAFFIC",
        "budget_mode": "BUDGET_MODE_INFINITE",
    });
    let request = Request::post(format!("{}/open_api/v1.3/campaign/create/", app.api))
        .header("access-token", "secret")
        .header("content-type", "application/json")
        .body(Full::from(campaign.to_string()))?;
    let response = app.tiktok.oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let simulator = Simulator::builder().build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let api = format!("http://{}", listener.local_addr()?);
    let _server = simulator.serve(listener)?;

    let tiktok = ServiceBuilder::new()
        .layer(TikTokLayer::builder().build())
        .service(Client::builder(TokioExecutor::new()).build_http());
    let service = Router::new()
        .route("/launch/{advertiser}/{name}", post(launch))
        .with_state(App {
            tiktok: BoxCloneSyncService::new(tiktok),
            api,
        });

    // A caller of the service; in earnest, `axum::serve(listener, service)`.
    let call = Request::post("/launch/7001/spring").body(axum::body::Body::empty())?;
    let answer = service.oneshot(call).await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    assert_eq!(simulator.ledger().total.created, 1);
    Ok(())
}
