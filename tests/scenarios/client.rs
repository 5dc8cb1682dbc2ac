//! Builds the client that is tried.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::Value;
use tokio::time::{Sleep, sleep};
use tower::{
    BoxError, ServiceBuilder,
    retry::{Policy, RetryLayer},
    util::BoxCloneService,
};
use tower_tiktok::{
    classify::ErrorClass,
    jittered_backoff::{Jitter, JitteredBackoffLayer},
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::{Quota, RequestPacingLayer},
    tiktok::{
        AccessLevel, TikTokErrorClassifierLayer, TikTokLayer, TikTokQuotas,
        codes::{CodeRule, WriteRetry},
    },
};

use crate::{
    file::{Client, Server, Stack},
    server::field,
    wire::{Wire, boxed},
};

/// Any body of a response.
pub(crate) type Any = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type Http = BoxCloneService<Request<Full<Bytes>>, Response<Any>, BoxError>;

/// At the server the date is `date`.
pub(crate) fn build(client: &Client, server: &Server, date: SystemTime, wire: Wire) -> Http {
    let classifier = match client.stack {
        Stack::Tiktok => TikTokErrorClassifierLayer::default(),
        Stack::Careless => careless(),
        Stack::TowerRetry => return tower_retry(client, wire),
    };
    let pacing = client.pacing.then(|| pacing(client, server, date));
    tiktok(client, pacing, classifier, wire)
}

fn tiktok(
    client: &Client,
    pacing: Option<RequestPacingLayer>,
    classifier: TikTokErrorClassifierLayer,
    wire: Wire,
) -> Http {
    let mut backoff = JitteredBackoffLayer::builder()
        .max_attempts(client.attempts)
        .base(Duration::from_millis(client.base_ms))
        .cap(Duration::from_millis(client.cap_ms))
        .max_elapsed(Duration::from_secs(client.max_elapsed_s))
        .jitter(match client.jitter.as_str() {
            "full" => Jitter::Full,
            "equal" => Jitter::Equal,
            "decorrelated" => Jitter::Decorrelated,
            other => panic!("no jitter {other}"),
        })
        .seed(client.seed);
    if !client.budget {
        backoff = backoff.no_budget();
    }
    let concurrency = PerAccountConcurrencyLayer::builder()
        .max_writes(client.writes)
        .max_reads(client.reads)
        .max_queued(client.max_queued);
    let layer = TikTokLayer::builder()
        .backoff(backoff.build().expect("a sound backoff"))
        .concurrency(concurrency.build().expect("sound permits"))
        .classifier(classifier);
    let layer = match pacing {
        Some(pacing) => layer.pacing(pacing),
        None => layer.no_pacing(),
    };
    BoxCloneService::new(
        ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(boxed))
            .layer(layer.build())
            .service(wire),
    )
}

/// The client knows the server's limits, but not how it counts.
fn pacing(client: &Client, server: &Server, date: SystemTime) -> RequestPacingLayer {
    let own = server
        .limits
        .map(|own| own.map(|n| n.to_string()).join("/"));
    let level = client.level.clone().or(own);
    let level = level.unwrap_or_else(|| server.level.clone());
    let level: AccessLevel = level.parse().expect("a level");
    let mut quotas = TikTokQuotas::builder(level);
    if let Some(limit) = client.advertiser_qps.or(server.advertiser_qps) {
        quotas = quotas.each_advertiser(Quota::requests_per_second(limit));
    }
    RequestPacingLayer::builder(quotas.build().expect("sound quotas"))
        .date(date)
        .build()
        .expect("sound pacing")
}

fn careless() -> TikTokErrorClassifierLayer {
    let safe = CodeRule::new(ErrorClass::Transient).with_write_retry(WriteRetry::Safe);
    let codes = [50_000, 50_002, 51_010];
    codes
        .into_iter()
        .fold(TikTokErrorClassifierLayer::builder(), |builder, code| {
            builder.code(code, safe.clone())
        })
        .build()
        .expect("careless, but sound")
}

/// What many clients do: whatever went wrong, try again.
#[derive(Clone, Copy, Debug)]
struct TryAgain {
    attempts_left: u32,
    wait: Duration,
}

impl<B: Clone> Policy<Request<B>, Response<Bytes>, BoxError> for TryAgain {
    type Future = Sleep;

    fn retry(
        &mut self,
        _: &mut Request<B>,
        result: &mut Result<Response<Bytes>, BoxError>,
    ) -> Option<Sleep> {
        let went_wrong = match result {
            Ok(response) => code(response.body()) != Some(0),
            Err(_) => true,
        };
        if !went_wrong || self.attempts_left == 0 {
            return None;
        }
        self.attempts_left -= 1;
        self.wait *= 2;
        Some(sleep(self.wait))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

fn tower_retry(client: &Client, wire: Wire) -> Http {
    let policy = TryAgain {
        attempts_left: client.attempts - 1,
        wait: Duration::from_millis(client.base_ms),
    };
    let whole = |response: Response<Any>| async {
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    BoxCloneService::new(
        ServiceBuilder::new()
            .map_response(|response: Response<Bytes>| response.map(|body| boxed(Full::new(body))))
            .layer(RetryLayer::new(policy))
            .and_then(whole)
            .service(wire),
    )
}

/// The code of an envelope.
pub(crate) fn code(body: &[u8]) -> Option<i64> {
    let json: Value = serde_json::from_slice(body).ok()?;
    field(&json, "code", "Code").as_i64()
}
