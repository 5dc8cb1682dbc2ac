//! One of the processes.

use std::{
    collections::VecDeque,
    io::stdin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::Instant};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_tiktok::{
    classify::ErrorClass,
    error::OutcomeUnknown,
    shared_state::{RedisState, SharedState, StoreStatus},
    tiktok::TikTokLayer,
};

use crate::{AnyError, args::Args};

/// What it is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) redis: Option<String>,
    pub(crate) requests: usize,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When each request was done, and how long it took, in milliseconds.
    pub(crate) done: Vec<(f64, f64)>,
    pub(crate) failed: u64,
    pub(crate) outcome_unknown: u64,
    pub(crate) exchanges: u64,
    /// Of those, which came to nothing.
    pub(crate) lost: u64,
    pub(crate) store_is_up: bool,
    pub(crate) first_failure: Option<String>,
}

/// Its task comes as a line of JSON, and its report goes as one.
pub(crate) async fn run(args: &Args, member: usize, base: &str) -> Result<(), AnyError> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    let mut stack = TikTokLayer::builder().access_level(args.level);
    if let Some(url) = &task.redis {
        let redis = RedisState::connect(url).app("shared_app").build()?;
        let state = SharedState::builder(redis).assume_instances(args.processes as u32);
        stack = stack.shared(state.build()?);
    }
    let stack = stack.build();
    let handle = stack.pacing_handle();
    let client = ServiceBuilder::new()
        .layer(stack)
        .service(Client::builder(TokioExecutor::new()).build_http());

    let start = Instant::now();
    let jobs: VecDeque<usize> = (0..task.requests).collect();
    let (jobs, report) = (Arc::new(Mutex::new(jobs)), Arc::<Mutex<Report>>::default());
    let mut workers = JoinSet::new();
    for _ in 0..args.workers {
        let (client, jobs, report) = (client.clone(), jobs.clone(), report.clone());
        let (base, advertisers) = (base.to_owned(), args.advertisers);
        workers.spawn(async move {
            while let Some(number) = next(&jobs) {
                let request = create(&base, member, number, advertisers);
                let began = Instant::now();
                let answer = client.clone().oneshot(request).await;
                let mut report = report.lock().expect("nobody panics with it");
                let failure = match answer {
                    Ok(response) => match ErrorClass::of(&response) {
                        ErrorClass::Success => None,
                        class => Some(format!("{class:?}")),
                    },
                    Err(error) => {
                        let unknown = error.downcast_ref::<OutcomeUnknown>().is_some();
                        report.outcome_unknown += u64::from(unknown);
                        Some(error.to_string())
                    }
                };
                report.note(failure, start.elapsed(), began.elapsed());
            }
        });
    }
    workers.join_all().await;
    let mut report = std::mem::take(&mut *report.lock().expect("nobody panics with it"));
    if let Some(shared) = handle.shared() {
        report.exchanges = shared.exchanges;
        report.lost = shared.failures;
        report.store_is_up = shared.store == StoreStatus::Up;
    }
    println!("{}", serde_json::to_string(&report)?);
    // As a service does, it stays: what it no longer needs goes to the others
    // at once, and not when its lease ends.
    tokio::task::spawn_blocking(|| stdin().lines().count()).await?;
    Ok(())
}

impl Report {
    fn note(&mut self, failure: Option<String>, at: Duration, took: Duration) {
        match failure {
            None => {
                let ms = |time: Duration| time.as_secs_f64() * 1e3;
                self.done.push((ms(at), ms(took)));
            }
            Some(why) => {
                self.failed += 1;
                self.first_failure.get_or_insert(why);
            }
        }
    }
}

fn next(jobs: &Mutex<VecDeque<usize>>) -> Option<usize> {
    jobs.lock().expect("nobody panics with it").pop_front()
}

fn create(base: &str, member: usize, number: usize, advertisers: usize) -> Request<Full<Bytes>> {
    let advertiser = 7_000_000_000_000_000_001 + (number % advertisers) as u64;
    let body = format!(
        r#"{{"advertiser_id":"{advertiser}","campaign_name":"{member}-{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::post(format!("{base}/open_api/v1.3/campaign/create/"))
        .header("access-token", "a-token")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .expect("a good URL")
}
