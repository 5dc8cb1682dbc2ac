use std::convert::Infallible;

use http::{Method, Request, Response};
use tokio_test::assert_ready_err;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::extensions::{AccountId, Operation, RequestContext};

use crate::support::*;

#[test]
fn requests_without_an_account_pass_without_limit() {
    let (client, mut server) = over_mock(one_each());
    let anonymous = || Request::post("/").body(String::new()).unwrap();
    let mut known = anonymous();
    known
        .extensions_mut()
        .insert(RequestContext::new(Operation::Write));
    let _all = [anonymous(), anonymous(), known].map(|request| start(&client, request));
    assert_eq!(std::iter::from_fn(|| received(&mut server)).count(), 3);
    assert_eq!(keys(&client), 0);
}

#[test]
fn requests_without_an_account_can_share_one() {
    let (client, mut server) = over_mock(one_each().share_without_account().max_queued(1));
    let anonymous = |method| Request::builder().method(method).body(String::new());
    let _held = start(&client, anonymous(Method::POST).unwrap());
    let _queued = start(&client, anonymous(Method::PUT).unwrap());
    let _read = start(&client, anonymous(Method::GET).unwrap());
    let _other = start(&client, write("a"));
    assert_eq!(std::iter::from_fn(|| received(&mut server)).count(), 3);
    assert_eq!(keys(&client), 2);
    let full = assert_ready_err!(call(&client, anonymous(Method::POST).unwrap()).poll());
    assert_eq!(
        full.to_string(),
        "the queue of requests without an account is full: 1 wait"
    );
}

#[tokio::test]
async fn the_account_can_come_from_a_function() {
    let layer = one_each()
        .key(|request: &Request<String>| {
            request
                .headers()
                .get("x-account")?
                .to_str()
                .ok()
                .map(AccountId::from)
        })
        .build()
        .unwrap();
    let handle = layer.handle();
    let seen = handle.clone();
    let client = layer.layer(service_fn(move |_: Request<String>| {
        let account = seen.snapshot().account(&"7".into()).cloned();
        async move {
            Ok::<_, Infallible>(Response::new(format!(
                "{:?}",
                account.unwrap().reads_in_flight
            )))
        }
    }));
    let request = Request::get("/").header("x-account", "7");
    let response = client.oneshot(request.body(String::new()).unwrap()).await;
    assert_eq!(response.unwrap().into_body().into_inner(), "1");
}
