//! A service that gives one answer, and what is left on it.

use std::{convert::Infallible, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::Classification,
    extensions::{RateLimitPolicy, RateLimitStatus, RetryAfter},
    retry_after_header::RetryAfterHeaderLayer,
};

pub(crate) const MAX: Duration = Duration::from_secs(3600);

pub(crate) type Lines<'a> = [(&'static str, &'a str)];

pub(crate) fn answer(status: u16, lines: &Lines<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, line) in lines {
        let line = HeaderValue::from_bytes(line.as_bytes()).expect("no control character");
        response.headers_mut().append(*name, line);
    }
    response
}

pub(crate) async fn pass(request: Request<()>, response: Response<()>) -> Response<()> {
    let mut response = Some(response);
    RetryAfterHeaderLayer::new(MAX)
        .layer(service_fn(move |_: Request<()>| {
            let response = response.take().expect("one call");
            async move { Ok::<_, Infallible>(response) }
        }))
        .oneshot(request)
        .await
        .expect("infallible")
}

/// The wait that is left, in seconds.
pub(crate) async fn wait_of(response: Response<()>) -> Option<f64> {
    let response = pass(Request::new(()), response).await;
    let wait = response.extensions().get::<RetryAfter>();
    wait.map(|wait| wait.delay().as_secs_f64())
}

pub(crate) async fn limits_of(response: Response<()>) -> Vec<RateLimitPolicy> {
    let response = pass(Request::new(()), response).await;
    let status = response.extensions().get::<RateLimitStatus>();
    status.map_or_else(Vec::new, |status| status.policies().to_vec())
}

pub(crate) fn classified(
    mut response: Response<()>,
    classification: Classification,
) -> Response<()> {
    response.extensions_mut().insert(classification);
    response
}
