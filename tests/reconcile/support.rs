use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Service};
use tower_tiktok::{
    classify::ErrorClass,
    error::OutcomeUnknown,
    extensions::Attempt,
    reconcile::{Doubt, Finding, ReconcileLayer, Reconciled},
};

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What a server does with one request, after a second.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Answer(u16),
    /// The connection breaks.
    Break,
}

/// A body, and the number of the attempt that it came with.
pub(crate) type Seen = (Bytes, Option<u32>);

/// A server that goes through these steps, the last for ever.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    steps: Arc<Mutex<VecDeque<Step>>>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Service<Request<Full<Bytes>>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let attempt = request.extensions().get().map(Attempt::number);
            let body = request.into_body().collect().await?.to_bytes();
            server.seen.lock().unwrap().push((body, attempt));
            let step = {
                let mut steps = server.steps.lock().unwrap();
                match steps.len() {
                    1 => steps[0],
                    _ => steps.pop_front().unwrap(),
                }
            };
            sleep(secs(1)).await;
            match step {
                Step::Answer(status) => {
                    let answer = Response::builder().status(status);
                    Ok(answer.body(Full::from("answer"))?)
                }
                Step::Break => Err("connection reset".into()),
            }
        })
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<Finding, BoxError>> + Send>>;

/// What a hook is to say, and when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    words: Arc<Mutex<VecDeque<Word>>>,
    pub(crate) asked: Arc<Mutex<Vec<(Instant, Bytes)>>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    Yes,
    No,
    Unclear,
    Fail,
    Hang,
}

impl Witness {
    pub(crate) fn new(words: impl IntoIterator<Item = Word>) -> Self {
        Self {
            words: Arc::new(Mutex::new(words.into_iter().collect())),
            asked: Arc::default(),
        }
    }

    /// How long after `start` it was asked, in whole seconds.
    pub(crate) fn times(&self, start: Instant) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .map(|(at, _)| (*at - start).as_secs())
            .collect()
    }

    pub(crate) fn hook(&self) -> impl Fn(Doubt) -> Asking + Clone + use<> {
        let witness = self.clone();
        move |doubt| {
            let body = doubt.request().body().clone();
            witness.asked.lock().unwrap().push((Instant::now(), body));
            let word = {
                let mut words = witness.words.lock().unwrap();
                match words.len() {
                    1 => words[0],
                    _ => words.pop_front().unwrap(),
                }
            };
            Box::pin(async move {
                match word {
                    Word::Yes => Ok(Finding::Happened(Response::new(Bytes::from("made")))),
                    Word::No => Ok(Finding::NotHappened),
                    Word::Unclear => Ok(Finding::CannotTell),
                    Word::Fail => Err("nobody there".into()),
                    Word::Hang => std::future::pending().await,
                }
            })
        }
    }

    pub(crate) fn layer(&self) -> ReconcileLayer<impl Fn(Doubt) -> Asking + Clone + use<>> {
        ReconcileLayer::builder(self.hook())
            .seed(1)
            .build()
            .unwrap()
    }
}

pub(crate) fn write(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("/order/create/")
        .body(Full::from(body))
        .unwrap()
}

// ===== TikTok =====

pub(crate) fn campaign(account: &str, name: &str) -> Value {
    json!({"advertiser_id": account, "campaign_name": name, "objective_type": "TRAFFIC"})
}

pub(crate) fn create(path: &str, body: &Value) -> Request<Full<Bytes>> {
    Request::post(format!("/open_api/v1.3{path}"))
        .header("access-token", "token")
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap()
}

/// How a create ended for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this id.
    Created(String),
    Reconciled(String),
    Failed(String),
    Unknown,
}

pub(crate) async fn end<B>(result: Result<Response<B>, BoxError>, id: &str) -> End
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let response = match result {
        Ok(response) => response,
        Err(error) if error.is::<OutcomeUnknown>() => return End::Unknown,
        Err(error) => return End::Failed(error.to_string()),
    };
    let class = ErrorClass::of(&response);
    if !class.is_success() {
        return End::Failed(class.to_string());
    }
    let made_up = response.extensions().get::<Reconciled>().is_some();
    let Ok(body) = response.into_body().collect().await else {
        return End::Unknown;
    };
    let answer: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
    let data = answer.get("data").or_else(|| answer.get("Data")).unwrap();
    let id = data[id].as_str().unwrap().to_owned();
    if made_up {
        End::Reconciled(id)
    } else {
        End::Created(id)
    }
}
