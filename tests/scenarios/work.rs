//! What the callers ask for, and what they are told.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    error::{BoxError, DeadlineExceeded, OutcomeUnknown, WaitTooLong},
    extensions::Deadline,
    per_account_concurrency::QueueFull,
    request_pacing,
};

use crate::{
    client::{Http, code},
    file::{Kind, Stack, Work},
    server::{Estate, TOKEN},
    wire::{ACCOUNT, NUMBER},
};

const ROOT: &str = "/open_api/v1.3";

/// One request that a caller wants answered.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    pub(crate) account: usize,
}

/// What the caller was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Success,
    /// An error of the API, and its code; -1 without an envelope.
    Answer(ErrorClass, i64),
    OutcomeUnknown,
    /// A success, but its body broke off.
    BrokeOff,
    WaitTooLong(Duration),
    Late,
    QueueFull,
    /// The client's own error.
    Failure,
    /// A success that was none, or the other way round.
    Misjudged,
}

#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) ask: Ask,
    pub(crate) told: Told,
    pub(crate) took: Duration,
    pub(crate) at: Instant,
}

/// The requests, in the order in which callers take them.
pub(crate) fn asks(work: &Work) -> Vec<Ask> {
    let kinds: Vec<Kind> = work
        .mix
        .iter()
        .flat_map(|(kind, share)| std::iter::repeat_n(*kind, *share))
        .collect();
    (0..work.hot_requests + work.requests)
        .map(|number| {
            let turn = number.checked_sub(work.hot_requests);
            Ask {
                number,
                // Another step than that of the accounts, so that each
                // account gets each kind.
                kind: kinds[number / work.accounts % kinds.len()],
                account: turn.map_or(0, |turn| turn % work.accounts),
            }
        })
        .collect()
}

impl Ask {
    /// The name of what it makes, if it makes something.
    pub(crate) fn makes(&self) -> Option<String> {
        let makes = !matches!(self.kind, Kind::Status | Kind::Read);
        makes.then(|| format!("thing {}", self.number))
    }

    fn request(&self, work: &Work, account: &str, estate: &Estate) -> Request<Full<Bytes>> {
        let name = self.makes().unwrap_or_default();
        let campaign = json!({
            "advertiser_id": account, "campaign_name": name, "objective_type": "TRAFFIC",
        });
        let ad = |creative: Value| {
            json!({
                "advertiser_id": account, "adgroup_id": estate.adgroup, "creatives": [creative],
            })
        };
        let (path, body) = match self.kind {
            Kind::Read => (
                format!("/campaign/get/?advertiser_id={account}"),
                Value::Null,
            ),
            Kind::Create => ("/campaign/create/".into(), campaign),
            Kind::IdempotentCreate => {
                let mut campaign = campaign;
                campaign["request_id"] = format!("{}", 7_000_000 + self.number).into();
                ("/campaign/create/".into(), campaign)
            }
            Kind::Ad => ("/ad/create/".into(), ad(json!({ "ad_name": name }))),
            Kind::VideoAd => (
                "/ad/create/".into(),
                ad(json!({ "ad_name": name, "video_id": estate.video })),
            ),
            Kind::Status => (
                "/campaign/status/update/".into(),
                json!({
                    "advertiser_id": account, "campaign_ids": [estate.campaign],
                    "operation_status": "DISABLE",
                }),
            ),
        };
        let request = match &body {
            Value::Null => Request::get(format!("{ROOT}{path}")),
            _ => Request::post(format!("{ROOT}{path}")).header("content-type", "application/json"),
        };
        let mut request = request
            .header("access-token", TOKEN)
            .header(NUMBER, self.number)
            .header(ACCOUNT, account);
        if let Some(seconds) = work.deadline_s {
            request = request.extension(Deadline::within(Duration::from_secs(seconds)));
        }
        let body = match body {
            Value::Null => Full::default(),
            body => Full::from(body.to_string()),
        };
        request.body(body).expect("a sound request")
    }
}

/// Asks, and waits for what comes of it.
pub(crate) async fn ask(
    ask: Ask,
    client: Http,
    work: &Work,
    stack: Stack,
    account: &str,
    estate: &Estate,
) -> Outcome {
    let begin = Instant::now();
    let told = match client.oneshot(ask.request(work, account, estate)).await {
        Err(error) => told(&error),
        Ok(response) => {
            let class = ErrorClass::of(&response);
            let found = response.extensions().get::<Classification>();
            let found = found.and_then(|found| found.code()?.as_number());
            match response.into_body().collect().await {
                Err(_) if class.is_success() => Told::BrokeOff,
                Err(_) => Told::Answer(class, found.unwrap_or(-1)),
                Ok(body) => {
                    let code = code(&body.to_bytes()).unwrap_or(-1);
                    match (class.is_success(), code == 0) {
                        // `tower`'s retry tells no classes.
                        _ if stack == Stack::TowerRetry && code != 0 => Told::Answer(class, code),
                        (true, true) => Told::Success,
                        (false, false) => Told::Answer(class, code),
                        _ => Told::Misjudged,
                    }
                }
            }
        }
    };
    Outcome {
        ask,
        told,
        took: begin.elapsed(),
        at: Instant::now(),
    }
}

fn told(error: &BoxError) -> Told {
    if error.is::<OutcomeUnknown>() {
        Told::OutcomeUnknown
    } else if let Some(error) = error.downcast_ref::<WaitTooLong>() {
        Told::WaitTooLong(error.wait())
    } else if error.is::<DeadlineExceeded>() {
        Told::Late
    } else if error.is::<QueueFull>() || error.is::<request_pacing::QueueFull>() {
        Told::QueueFull
    } else {
        Told::Failure
    }
}
