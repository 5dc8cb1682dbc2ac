use tokio::time::{advance, sleep};
use tokio_test::{assert_pending, task};
use tower_tiktok::{
    extensions::{Operation, Priority, RequestContext},
    request_pacing::{Quota, Quotas, Scope, Scopes, Touched},
};

use crate::server::{build, context, go, request, secs, slot, slow, spawn, with};

/// An endpoint whose second has long passed is evicted while somebody waits
/// for his account and will need the endpoint next.
#[tokio::test(start_paused = true)]
async fn a_scope_that_a_waiting_request_will_need_is_not_evicted() {
    let quotas = Quotas::none()
        .with_each_endpoint(Quota::requests_per_second(10))
        .with_each_account_endpoint(Quota::requests_per_minute(1));
    let (_layer, client) = build(quotas);
    go(&client, request("x", "/a")).await.unwrap();
    let without = || with(RequestContext::new(Operation::Write).with_endpoint("/b"), 0);
    go(&client, without()).await.unwrap();
    let waits = spawn(&client, request("x", "/a")).await;
    sleep(secs(5)).await;
    // Another comes by, and what is idle is evicted.
    go(&client, without()).await.unwrap();
    waits.await.expect("it must not panic");
}

/// As above, but another scope has moved into the freed place.
#[tokio::test(start_paused = true)]
async fn a_waiting_request_is_not_counted_in_a_foreign_scope() {
    let quotas = Quotas::none()
        .with_each_endpoint(Quota::requests_per_second(1))
        .with_each_account_endpoint(Quota::requests_per_minute(1));
    let (layer, client) = build(quotas);
    go(&client, request("x", "/a")).await.unwrap();
    let waits = spawn(&client, slow("x", "/a", 5_000)).await;
    sleep(secs(5)).await;
    for n in 0..4 {
        go(&client, request(&format!("y{n}"), &format!("/b{n}")))
            .await
            .unwrap();
    }
    sleep(secs(57)).await;
    let now = layer.handle().snapshot();
    let a = now.scope(&Scope::endpoint("/a"));
    assert_eq!(a.map(|a| a.in_flight), Some(1), "{now:#?}");
    waits.await.unwrap();
}

/// Requests of a high priority count by a field as well.
struct Fields;

impl Scopes for Fields {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        let context = context.unwrap();
        if context.endpoint() == Some("/app") {
            return Touched::none().app();
        }
        let touched = Touched::none().account_endpoint(context);
        match context.priority() {
            Priority::High => touched.field_value("field"),
            _ => touched,
        }
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        let is_field = scope.account().is_none() && scope.name().is_some();
        (!is_field).then(|| Quota::requests_in_any(1, secs(5)))
    }
}

/// The scope that its last waiter leaves is the very one to be made small.
#[tokio::test(start_paused = true)]
async fn a_scope_that_has_gone_is_not_looked_at() {
    let (_layer, client) = build(Fields);
    go(&client, request("a", "/x")).await.unwrap();
    let high = with(context("a", "/x").with_priority(Priority::High), 0);
    let mut waits = task::spawn(slot(&client, high));
    assert_pending!(waits.poll());
    for n in 0..1_023 {
        go(&client, request(&n.to_string(), "/g")).await.unwrap();
    }
    drop(waits);
    sleep(secs(10)).await;
    for _ in 0..3_000 {
        go(&client, request("other", "/h")).await.unwrap();
        advance(secs(6)).await;
    }
    // Somebody waits, and so the time is kept.
    for _ in 0..2 {
        go(&client, request("z", "/app")).await.unwrap();
    }
}
