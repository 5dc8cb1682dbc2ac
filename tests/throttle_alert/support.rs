//! What all tests here need.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{BoxError, ServiceBuilder, util::BoxCloneService};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    retry_after_header::RetryAfterHeaderLayer,
    simulator::{Level, Simulator},
    throttle_alert::{Alert, ThrottleAlertHandle, ThrottleAlertLayer},
    tiktok::TikTokErrorClassifierLayer,
};

pub(crate) type Http = BoxCloneService<Request<Full<Bytes>>, Response<()>, BoxError>;
pub(crate) type Alerts = Arc<Mutex<Vec<(Instant, Alert)>>>;

pub(crate) const ENDPOINT: &str = "/campaign/get/";

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One that refuses only what it is told to.
pub(crate) fn simulator() -> Simulator {
    Simulator::builder().level(Level::Ultimate).build().unwrap()
}

/// The layer, and those that tell it what answers mean.
pub(crate) fn watched(layer: ThrottleAlertLayer, simulator: Simulator) -> Http {
    let stack = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(drop))
        .map_err(BoxError::from)
        .layer(layer)
        .layer(RetryAfterHeaderLayer::new(secs(86_400)))
        .layer(TikTokErrorClassifierLayer::default());
    BoxCloneService::new(stack.service(simulator))
}

pub(crate) fn get(account: &str) -> Request<Full<Bytes>> {
    let context = RequestContext::new(Operation::Read)
        .with_account(account)
        .with_endpoint(ENDPOINT);
    Request::get(format!("/open_api/v1.3{ENDPOINT}?advertiser_id={account}"))
        .header("access-token", "token")
        .extension(context)
        .body(Full::default())
        .unwrap()
}

/// Writes down all alerts, and when they came.
pub(crate) fn record(handle: &ThrottleAlertHandle) -> Alerts {
    let alerts = Alerts::default();
    let (mut receiver, list) = (handle.subscribe(), alerts.clone());
    tokio::spawn(async move {
        while let Ok(alert) = receiver.recv().await {
            list.lock().unwrap().push((Instant::now(), alert));
        }
    });
    alerts
}

/// What was written down so far, and forgets it.
pub(crate) fn taken(alerts: &Alerts) -> Vec<Alert> {
    let taken = std::mem::take(&mut *alerts.lock().unwrap());
    taken.into_iter().map(|(_, alert)| alert).collect()
}
