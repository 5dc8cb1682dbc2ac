//! The stacks that are measured, over one service that answers at once, and
//! what the `goodput` benchmark computes.

pub mod goodput;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use tower::{Service, ServiceBuilder};
use tower_tiktok::{
    extensions::{AccountId, Operation, RequestContext},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::{Quota, Quotas, RequestPacingLayer, Scopes},
    retry_after_header::RetryAfterHeaderLayer,
    tiktok::{TikTokErrorClassifierLayer, TikTokLayer, quotas::TikTokQuotas},
};

/// The body of every request: 100 bytes or so.
pub const REQUEST: &str = r#"{"advertiser_id":"7000000000000000001","campaign_id":"1784000000000001","operation_status":"ENABLE"}"#;

/// The body of every answer: 100 bytes or so.
pub const RESPONSE: &str = r#"{"code":0,"message":"OK","request_id":"20260402164738696E037A0B6EF5E5DDA5","data":{"status":"ENABLE"}}"#;

/// Answers at once, always the same.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

impl<B> Service<Request<B>> for Echo {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let body = Full::new(Bytes::from_static(RESPONSE.as_bytes()));
        ready(Ok(Response::new(body)))
    }
}

/// A request with three headers. Cloned for each call, as a client builds one
/// for each call.
#[must_use]
pub fn template(method: Method) -> Request<Full<Bytes>> {
    let body = match method {
        Method::GET => Full::default(),
        _ => Full::new(Bytes::from_static(REQUEST.as_bytes())),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Each method at an endpoint that takes it: most are in the table.
    let uri = match *request.method() {
        Method::GET => "/open_api/v1.3/campaign/get/?advertiser_id=7000000000000000001",
        _ => "/open_api/v1.3/campaign/status/update/?advertiser_id=7000000000000000001",
    };
    *request.uri_mut() = uri.try_into().expect("a good URI");
    let headers = request.headers_mut();
    headers.insert("access-token", HeaderValue::from_static("secret"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    request
}

/// The same, of which the layers inside the retry know whose it is.
#[must_use]
pub fn template_with_context(method: Method) -> Request<Full<Bytes>> {
    let mut request = template(method);
    let context = RequestContext::new(Operation::Write)
        .with_account("7000000000000000001")
        .with_static_endpoint("/campaign/status/update/");
    request.extensions_mut().insert(context);
    request
}

/// As a caller finds it in a URL of its own making.
fn account<B>(request: &Request<B>) -> Option<AccountId> {
    let id = request.uri().query()?.strip_prefix("advertiser_id=")?;
    Some(AccountId::from(id))
}

/// Classifier, Retry-After, backoff, concurrency.
#[must_use]
pub fn four_layers()
-> impl Service<Request<Full<Bytes>>, Response: Send, Error: std::fmt::Debug, Future: Send>
+ Clone
+ Send {
    ServiceBuilder::new()
        .layer(JitteredBackoffLayer::builder().build().expect("defaults"))
        .layer(
            PerAccountConcurrencyLayer::builder()
                .key(account::<Full<Bytes>>)
                .build()
                .expect("defaults"),
        )
        .layer(RetryAfterHeaderLayer::new(Duration::from_secs(330)))
        .layer(
            TikTokErrorClassifierLayer::builder()
                .build()
                .expect("defaults"),
        )
        .service(Echo)
}

/// The whole stack, which also finds the account in the query or the body, and
/// counts the request in limits that it never reaches.
#[must_use]
pub fn whole_stack()
-> impl Service<Request<Full<Bytes>>, Response: Send, Error: std::fmt::Debug, Future: Send>
+ Clone
+ Send {
    let level = "1000000/60000000/1000000000".parse().expect("a level");
    // Less than the app, or it would not be counted.
    let advertiser = Quota::requests_per_second(900_000);
    let quotas = TikTokQuotas::builder(level).each_advertiser(advertiser);
    let quotas = quotas.build().expect("valid");
    ServiceBuilder::new()
        .layer(TikTokLayer::builder().quotas(quotas).build())
        .service(Echo)
}

/// Pacing alone, with limits that nothing reaches.
#[must_use]
pub fn pacing(
    scopes: impl Scopes,
) -> impl Service<Request<Full<Bytes>>, Response: Send, Error: std::fmt::Debug, Future: Send>
+ Clone
+ Send {
    ServiceBuilder::new()
        .layer(RequestPacingLayer::builder(scopes).build().expect("valid"))
        .service(Echo)
}

/// Many requests a second, a minute and a day.
#[must_use]
pub fn wide_quota() -> Quota {
    Quota::requests_per_second(1_000_000)
        .and_requests_per_minute(60_000_000)
        .and_requests_per_day_utc(4_000_000_000)
}

/// The application by the second, the minute and the day; each endpoint, and
/// each account on it, by the second.
#[must_use]
pub fn three_scopes() -> Quotas {
    Quotas::none()
        .with_app(wide_quota())
        .with_each_endpoint(Quota::requests_per_second(1_000_000))
        .with_each_account_endpoint(Quota::requests_per_second(1_000_000))
}
