use std::{
    mem,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::timeout;
use tower::ServiceExt;
use tower_tiktok::classify::ErrorClass;

use super::{Fleet, process::HANGS};

pub(crate) type Call = Request<Full<Bytes>>;

/// What a process has yet to send.
pub(super) type Jobs = Arc<Mutex<Vec<u64>>>;

impl Fleet {
    /// So many workers of one process send so many requests, one after another
    /// each.
    pub(crate) fn work(&mut self, process: usize, workers: usize, requests: u64, accounts: u64) {
        self.sent += requests;
        let jobs: Jobs = Arc::new(Mutex::new((0..requests).collect()));
        self.jobs.push(jobs.clone());
        for _ in 0..workers {
            let (jobs, client) = (jobs.clone(), self.processes[process].client.clone());
            self.tasks.spawn(async move {
                loop {
                    let next = jobs.lock().expect("nobody panics with it").pop();
                    let Some(number) = next else { return };
                    let call = write(process, number % accounts, number);
                    let class = client.clone().oneshot(call).await;
                    assert_eq!(class.expect("it goes on"), ErrorClass::Success);
                }
            });
        }
    }

    /// How many of each process have not begun.
    pub(crate) fn left(&self) -> Vec<usize> {
        let left = |jobs: &Jobs| jobs.lock().expect("nobody panics with it").len();
        self.jobs.iter().map(left).collect()
    }

    /// What has not begun is not sent any more.
    pub(crate) fn send_no_more(&mut self) {
        for jobs in &self.jobs {
            let left = mem::take(&mut *jobs.lock().expect("nobody panics with it"));
            self.sent -= left.len() as u64;
        }
    }

    pub(crate) async fn finish(&mut self) {
        let all = async {
            while let Some(task) = self.tasks.join_next().await {
                task.expect("no request fails");
            }
        };
        if timeout(HANGS, all).await.is_err() {
            panic!("{} hang: {:?}", self.tasks.len(), self.processes);
        }
    }
}

pub(crate) fn write(process: usize, account: u64, number: u64) -> Call {
    let body = format!(
        r#"{{"advertiser_id":"70{account}","campaign_name":"{process}-{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::post("/open_api/v1.3/campaign/create/")
        .header("access-token", "token")
        .header("content-type", "application/json")
        .header("x-account", account)
        .body(Full::from(body))
        .expect("a good request")
}
