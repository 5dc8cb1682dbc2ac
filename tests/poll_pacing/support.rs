use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    poll_pacing::{Job, PollPacing, PollPacingBuilder, PollPacingLayer, Spacing},
    simulator::{Simulator, SimulatorBuilder},
    tiktok::{AccessLevel, TikTok, TikTokJobs, TikTokLayer},
};

pub(crate) type Body = Full<Bytes>;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Polls of `/jobs/{id}`, at least five seconds apart.
pub(crate) fn jobs(request: &Request<Body>) -> Option<Job> {
    let id = request.uri().path().strip_prefix("/jobs/")?;
    Some(Job::polled(id, spacing()))
}

pub(crate) fn spacing() -> Spacing {
    Spacing::between(secs(5), secs(60)).unwrap()
}

pub(crate) type JobsFn = fn(&Request<Body>) -> Option<Job>;

pub(crate) fn builder() -> PollPacingBuilder<JobsFn> {
    PollPacingLayer::builder(jobs as JobsFn).seed(1)
}

pub(crate) fn poll(id: &str) -> Request<Body> {
    let request = Request::get(format!("/jobs/{id}")).header("access-token", "secret");
    request.body(Body::default()).unwrap()
}

/// A server that takes a second, and is not ready at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    seen: Arc<Mutex<Vec<Extensions>>>,
    not_ready: usize,
    refused: bool,
    fails: bool,
}

impl Server {
    pub(crate) fn not_ready(times: usize) -> Self {
        Self {
            not_ready: times,
            refused: true,
            ..Self::default()
        }
    }

    pub(crate) fn in_doubt(mut self) -> Self {
        self.refused = false;
        self
    }

    pub(crate) fn failing() -> Self {
        Self {
            fails: true,
            ..Self::default()
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn seen(&self) -> Vec<Extensions> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn paced(&self, layer: &PollPacingLayer<JobsFn>) -> PollPacing<Self, JobsFn> {
        layer.layer(self.clone())
    }
}

impl Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut seen = self.seen.lock().unwrap();
        seen.push(request.extensions().clone());
        let (is_ready, fails) = (seen.len() > self.not_ready, self.fails);
        let refused = self.refused;
        Box::pin(async move {
            tokio::time::sleep(secs(1)).await;
            if fails {
                return Err("the line is dead".into());
            }
            let mut response = Response::new(Full::from("an answer"));
            if !is_ready {
                let found = Classification::new(ErrorClass::NotReady).with_refused(refused);
                response.extensions_mut().insert(found);
            }
            Ok(response)
        })
    }
}

pub(crate) async fn text(
    response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>,
) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

// ===== TikTok =====

pub(crate) struct World {
    pub(crate) tiktok: Simulator,
    pub(crate) client: TikTok<Simulator>,
}

pub(crate) fn world(simulator: SimulatorBuilder, level: AccessLevel) -> World {
    let tiktok = simulator.build().unwrap();
    let polls = PollPacingLayer::builder(TikTokJobs::new()).seed(1).build();
    let layer = TikTokLayer::builder()
        .access_level(level)
        .poll_pacing(polls.unwrap())
        .build();
    let client = layer.layer(tiktok.clone());
    World { tiktok, client }
}

impl World {
    pub(crate) async fn post(&self, path: &str, body: String) -> (ErrorClass, Bytes) {
        let request = Request::post(format!("/open_api/v1.3{path}"))
            .header("access-token", "secret")
            .header("content-type", "application/json");
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (ErrorClass, Bytes) {
        let response = self.client.clone().oneshot(request).await.unwrap();
        let class = ErrorClass::of(&response);
        (class, text(response).await)
    }

    /// Creates a report, and gives the task's id.
    pub(crate) async fn report(&self, advertiser: u32) -> String {
        let body = format!(
            r#"{{"advertiser_id":"{advertiser}","report_type":"BASIC",
            "dimensions":["advertiser_id"],"query_lifetime":true}}"#
        );
        let (class, body) = self.post("/report/task/create/", body).await;
        assert_eq!(class, ErrorClass::Success);
        json(&body)["data"]["task_id"].as_str().unwrap().to_owned()
    }

    /// Uploads a video, and gives the answer.
    pub(crate) async fn upload(&self, advertiser: u32, name: &str) -> Bytes {
        let body = format!(
            r#"{{"advertiser_id":"{advertiser}","upload_type":"UPLOAD_BY_URL",
            "file_name":"{name}","video_url":"https://example.com/{name}"}}"#
        );
        let (class, body) = self.post("/file/video/ad/upload/", body).await;
        assert_eq!(class, ErrorClass::Success);
        body
    }

    pub(crate) fn received(&self, path: &str) -> u64 {
        let ledger = self.tiktok.ledger();
        ledger.endpoints.get(path).map_or(0, |tally| tally.received)
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    let request = Request::get(path).header("access-token", "secret");
    request.body(Body::default()).unwrap()
}

/// The server may write its keys in capitals.
pub(crate) fn json(body: &[u8]) -> serde_json::Value {
    let body = body.to_ascii_lowercase();
    serde_json::from_slice(&body).unwrap()
}
