//! The launch itself: endpoint code that knows nothing of limits.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::{Service as _, ServiceExt as _};
use tower_tiktok::error::OutcomeUnknown;

use crate::{
    clients::{BodyLost, Client},
    plan::{Plan, Step},
    progress::Progress,
    record::OnTheWire,
    workers::Workers,
};

/// How many ads of one advertiser are worked on at once.
const AT_ONCE: usize = 2;

/// Why a request did not succeed.
#[derive(Debug)]
enum Failure {
    /// It certainly did not happen.
    Failed(String),
    /// It happened before, and this copy was recognised.
    Exists,
    /// It may have happened.
    Unknown,
}

/// What the launch counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// How long each request took.
    pub(crate) took: Vec<Duration>,
    /// How much of that it waited, and was not on the wire.
    pub(crate) waited: Vec<Duration>,
    /// The steps of the plan that were done: for whom, and when.
    pub(crate) steps: Vec<(usize, Duration)>,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) outcome_unknown: u64,
    /// Requests for each endpoint, each counted once however often it is sent.
    pub(crate) by_path: std::collections::BTreeMap<&'static str, u64>,
    pub(crate) first_failure: Option<String>,
}

/// Sends requests for the advertisers.
#[derive(Debug)]
pub(crate) struct Launch {
    client: Client,
    base: Uri,
    token: HeaderValue,
    plan: Plan,
    workers: Workers,
    started: Instant,
    counts: Mutex<Counts>,
    progress: Progress,
    /// Makes names and request ids of one run differ from those of another.
    run: u64,
}

impl Launch {
    pub(crate) fn new(
        client: Client,
        base: Uri,
        token: HeaderValue,
        plan: Plan,
        workers: usize,
        progress: Progress,
        run: u64,
    ) -> Arc<Self> {
        let advertisers = plan.advertisers.len();
        Arc::new(Self {
            client,
            base,
            token,
            plan,
            workers: Workers::new(workers, advertisers),
            started: Instant::now(),
            counts: Mutex::default(),
            progress,
            run,
        })
    }

    /// Launches for all advertisers, and ends when nothing is left to do.
    pub(crate) async fn run(self: &Arc<Self>) -> (Counts, Duration) {
        let mut tasks = tokio::task::JoinSet::new();
        for advertiser in 0..self.plan.advertisers.len() {
            let launch = self.clone();
            tasks.spawn(async move { launch.advertiser(advertiser).await });
            if self.plan.wants_report(advertiser) {
                let launch = self.clone();
                tasks.spawn(async move { launch.report(advertiser).await });
            }
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic.into_panic());
            }
        }
        self.progress.finish();
        let elapsed = self.started.elapsed();
        (
            std::mem::take(&mut self.counts.lock().expect("nobody panics with it")),
            elapsed,
        )
    }

    /// Campaign, ad group, video, ads: each needs the one before.
    async fn advertiser(&self, n: usize) -> Option<()> {
        let id = self.plan.advertisers[n].as_str();
        let name = |what: &str| format!("{what} {id} {:x}", self.run);

        let campaign_name = name("campaign");
        let campaign = self
            .create(
                n,
                "/campaign/create/",
                json!({
                    "advertiser_id": id,
                    "request_id": self.request_id(n, 1),
                    "campaign_name": campaign_name,
                    "objective_type": "TRAFFIC",
                    "budget_mode": "BUDGET_MODE_INFINITE",
                }),
                ReadBack::new(
                    "/campaign/get/",
                    "campaign_name",
                    &campaign_name,
                    "campaign_id",
                ),
            )
            .await?;
        self.step(n, Step::Campaign);

        let adgroup_name = name("adgroup");
        let adgroup = self
            .create(
                n,
                "/adgroup/create/",
                json!({
                    "advertiser_id": id,
                    "request_id": self.request_id(n, 2),
                    "campaign_id": campaign,
                    "adgroup_name": adgroup_name,
                    "billing_event": "CPC",
                    "budget": 50.0,
                    "budget_mode": "BUDGET_MODE_DAY",
                    "location_ids": ["6252001"],
                    "optimization_goal": "CLICK",
                    "placement_type": "PLACEMENT_TYPE_NORMAL",
                    "promotion_type": "WEBSITE",
                    "schedule_start_time": "2026-12-01 00:00:00",
                    "schedule_type": "SCHEDULE_FROM_NOW",
                }),
                ReadBack::new("/adgroup/get/", "adgroup_name", &adgroup_name, "adgroup_id"),
            )
            .await?;
        self.step(n, Step::AdGroup);

        let file_name = name("video") + ".mp4";
        let video = self
            .create(
                n,
                "/file/video/ad/upload/",
                json!({
                    "advertiser_id": id,
                    "file_name": file_name,
                    "upload_type": "UPLOAD_BY_URL",
                    "video_url": format!("https://cdn.example.com/{n}.mp4"),
                }),
                ReadBack::new(
                    "/file/video/ad/search/",
                    "video_name",
                    &file_name,
                    "video_id",
                ),
            )
            .await?;
        self.step(n, Step::Upload);
        self.video_is_usable(n, &video).await?;
        self.step(n, Step::Video);

        // More at once would only stand in the way of other advertisers: the
        // layers let no more writes of one account through.
        let ads = stream::iter(0..self.plan.ads).map(async |ad| {
            let ad_name = name(&format!("ad {ad}"));
            let created = self
                .create(
                    n,
                    "/ad/create/",
                    json!({
                        "advertiser_id": id,
                        "adgroup_id": adgroup,
                        "creatives": [{
                            "ad_name": ad_name,
                            "ad_format": "SINGLE_VIDEO",
                            "ad_text": "Hello",
                            "call_to_action": "LEARN_MORE",
                            "identity_id": "1",
                            "identity_type": "CUSTOMIZED_USER",
                            "landing_page_url": "https://example.com/",
                            "video_id": video,
                        }],
                    }),
                    ReadBack::new("/ad/get/", "ad_name", &ad_name, "ad_id"),
                )
                .await;
            if created.is_some() {
                self.step(n, Step::Ad);
            }
        });
        ads.buffer_unordered(AT_ONCE).collect::<()>().await;
        Some(())
    }

    fn step(&self, advertiser: usize, step: Step) {
        self.progress.done(step);
        self.workers.done(advertiser);
        let mut counts = self.counts.lock().expect("nobody panics with it");
        counts.steps.push((advertiser, self.started.elapsed()));
    }

    /// Asks until the video has been transcoded.
    async fn video_is_usable(&self, n: usize, video: &str) -> Option<()> {
        let ids = json!([video]).to_string();
        let mut polls = Polls::new();
        loop {
            polls.next().await;
            let data = self
                .get(n, "/file/video/ad/info/", &[("video_ids", &ids)])
                .await?;
            if first(&data, "video_id").is_some() {
                return Some(());
            }
        }
    }

    /// A report in the background: ordered, and polled until it is there.
    async fn report(&self, n: usize) -> Option<()> {
        let order = json!({
            "advertiser_id": self.plan.advertisers[n],
            "report_type": "BASIC",
            "data_level": "AUCTION_CAMPAIGN",
            "dimensions": ["campaign_id"],
            "metrics": ["spend", "impressions"],
            "query_lifetime": true,
        });
        // Ordering a report twice costs nothing but the report.
        let data = loop {
            match self.post(n, "/report/task/create/", &order).await {
                Ok(data) => break data,
                Err(Failure::Unknown | Failure::Exists) => {}
                Err(Failure::Failed(_)) => return None,
            }
        };
        let task = data["task_id"].as_str()?.to_owned();
        let mut polls = Polls::new();
        loop {
            polls.next().await;
            let data = self
                .get(n, "/report/task/check/", &[("task_id", &task)])
                .await?;
            match data["status"].as_str() {
                Some("QUEUING" | "PROCESSING") => {}
                _ => break,
            }
        }
        self.step(n, Step::Report);
        Some(())
    }

    /// Creates an object once. Where the outcome is unknown, it looks whether
    /// the object is there before it tries again.
    async fn create(
        &self,
        n: usize,
        path: &'static str,
        body: Value,
        read_back: ReadBack<'_>,
    ) -> Option<String> {
        loop {
            match self.post(n, path, &body).await {
                Ok(data) => return find(&data, read_back.id),
                Err(Failure::Failed(_)) => return None,
                Err(Failure::Exists) => loop {
                    if let Some(id) = self.look(n, read_back).await? {
                        return Some(id);
                    }
                    // A video is not listed before it has been transcoded.
                    sleep(Duration::from_secs(2)).await;
                },
                Err(Failure::Unknown) => {
                    self.progress
                        .note(format!("{path}: outcome unknown, reading back"));
                    if let Some(id) = self.look(n, read_back).await? {
                        return Some(id);
                    }
                }
            }
        }
    }

    /// The id of an object, if it is there.
    async fn look(&self, n: usize, read_back: ReadBack<'_>) -> Option<Option<String>> {
        let filtering = json!({ read_back.field: read_back.name }).to_string();
        let query = [("filtering", filtering.as_str())];
        let data = self.get(n, read_back.path, &query).await?;
        Some(first(&data, read_back.id))
    }

    async fn post(&self, n: usize, path: &'static str, body: &Value) -> Result<Value, Failure> {
        let request = self
            .request(Method::POST, path, "")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())));
        self.send(n, path, request).await
    }

    async fn get(&self, n: usize, path: &'static str, query: &[(&str, &str)]) -> Option<Value> {
        let query: String = std::iter::once(("advertiser_id", self.plan.advertisers[n].as_str()))
            .chain(query.iter().copied())
            .map(|(key, value)| format!("{key}={}&", percent_encode(value)))
            .collect();
        let request = self
            .request(Method::GET, path, query.trim_end_matches('&'))
            .body(Full::default());
        self.send(n, path, request).await.ok()
    }

    fn request(&self, method: Method, path: &str, query: &str) -> http::request::Builder {
        let base = self.base.to_string();
        let uri = format!("{}/open_api/v1.3{path}", base.trim_end_matches('/'));
        let uri = match query {
            "" => uri,
            query => format!("{uri}?{query}"),
        };
        Request::builder()
            .method(method)
            .uri(uri)
            .header("access-token", self.token.clone())
    }

    /// One request, one answer, counted. This is all that a worker does.
    async fn send(
        &self,
        advertiser: usize,
        path: &'static str,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<Value, Failure> {
        let mut request = request.expect("our own URLs are right");
        let on_the_wire = OnTheWire::default();
        request.extensions_mut().insert(on_the_wire.clone());
        let is_write = request.method() == Method::POST;
        let worker = self.workers.take(advertiser).await;
        let started = Instant::now();
        let mut client = self.client.clone();
        let answer = loop {
            let answer = async { client.ready().await?.call(request.clone()).await }.await;
            match answer {
                // The layers judge an answer by its beginning. Where the rest
                // of it is lost, a read is simply asked again.
                Err(error) if !is_write && error.is::<BodyLost>() => {}
                answer => break answer,
            }
        };
        drop(worker);

        let result = match answer {
            Ok(answer) => match envelope(answer.body()) {
                Some((0, data)) => Ok(data),
                // The request id, or the name of the video, is known.
                Some((40_050 | 40_911, _)) => Err(Failure::Exists),
                // Something else was in its way. Nobody says it did not happen.
                Some((40_202, _)) if is_write => Err(Failure::Unknown),
                _ => Err(Failure::Failed(format!(
                    "{path}: {} {}",
                    answer.status(),
                    String::from_utf8_lossy(answer.body())
                ))),
            },
            Err(error) if error.is::<OutcomeUnknown>() => Err(Failure::Unknown),
            // It happened, and its answer broke off before the id was there.
            Err(error) if error.is::<BodyLost>() => Err(Failure::Unknown),
            Err(error) => Err(Failure::Failed(format!("{path}: {error:?}"))),
        };

        let mut counts = self.counts.lock().expect("nobody panics with it");
        *counts.by_path.entry(path).or_default() += 1;
        let took = started.elapsed();
        counts.took.push(took);
        counts.waited.push(took.saturating_sub(on_the_wire.total()));
        match &result {
            Ok(_) | Err(Failure::Exists) => counts.succeeded += 1,
            Err(Failure::Unknown) => counts.outcome_unknown += 1,
            Err(Failure::Failed(why)) => {
                counts.failed += 1;
                counts.first_failure.get_or_insert_with(|| why.clone());
            }
        }
        result
    }

    /// Lets the server know a copy of a create for what it is, for 10 seconds.
    fn request_id(&self, advertiser: usize, step: u64) -> String {
        let id = (self.run << 24) | ((advertiser as u64) << 4) | step;
        (id & (u64::MAX >> 1)).to_string()
    }
}

/// Pauses between polls: each a quarter of the time that has passed, so what is
/// ready is found soon, and a long job is not asked for often.
#[derive(Debug)]
struct Polls {
    began: Instant,
}

impl Polls {
    fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    async fn next(&mut self) {
        let passed = self.began.elapsed();
        sleep((passed / 4).clamp(Duration::from_secs(1), Duration::from_secs(30))).await;
    }
}

/// How to find out whether an object was created.
#[derive(Clone, Copy, Debug)]
struct ReadBack<'a> {
    path: &'static str,
    field: &'static str,
    name: &'a str,
    id: &'static str,
}

impl<'a> ReadBack<'a> {
    fn new(path: &'static str, field: &'static str, name: &'a str, id: &'static str) -> Self {
        Self {
            path,
            field,
            name,
            id,
        }
    }
}

/// The code and the data of an answer. Some endpoints write their keys with
/// capitals.
fn envelope(body: &[u8]) -> Option<(i64, Value)> {
    let fields: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
    let (mut code, mut data) = (None, Value::Null);
    for (key, value) in fields {
        match key.to_ascii_lowercase().as_str() {
            "code" => code = value.as_i64(),
            "data" => data = value,
            _ => {}
        }
    }
    Some((code?, data))
}

/// The id of the object in the data of an answer to a create.
fn find(data: &Value, id: &str) -> Option<String> {
    let data = match data {
        // Uploads answer with a list of one.
        Value::Array(list) => list.first()?,
        data => data,
    };
    let found = match &data[id] {
        // Ads are created in lists.
        Value::Null => &data[format!("{id}s")][0],
        found => found,
    };
    found.as_str().map(str::to_owned)
}

/// The id of the first object in the data of an answer to a search.
fn first(data: &Value, id: &str) -> Option<String> {
    data["list"][0][id].as_str().map(str::to_owned)
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
