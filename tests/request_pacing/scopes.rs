//! Scopes of one's own.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tower_tiktok::{
    error::is_unsent,
    extensions::RequestContext,
    request_pacing::{
        Inadmissible, InvalidQuota, Quota, Quotas, RequestPacingLayer, Scope, Scopes, Touched,
    },
    tiktok::{AccessLevel, TikTokQuotas},
};

use crate::server::{build, go, request, secs};

/// Those who name them do not check them.
struct Careless(Quota);

impl Scopes for Careless {
    fn touched<'a>(&'a self, _: Option<&'a RequestContext>) -> Touched<'a> {
        Touched::none().app()
    }

    fn quota(&self, _: &Scope) -> Option<Quota> {
        Some(self.0.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_makes_no_sense_is_told_to_who_sends() {
    for (quota, invalid) in [
        (Quota::requests_per_second(0), InvalidQuota::NoRequests),
        (
            Quota::requests_in_any(1, Duration::MAX),
            InvalidQuota::Time(Duration::MAX),
        ),
    ] {
        let (_layer, client) = build(Careless(quota));
        let error = go(&client, request("x", "/a")).await.unwrap_err();
        assert!(is_unsent(&*error));
        let scope = Scope::app();
        let told = Inadmissible::Quota { scope, invalid };
        assert_eq!(error.downcast_ref(), Some(&told));
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_may_be_shared_and_chosen_at_run_time() {
    let shared: Arc<dyn Scopes> = Arc::new(Quotas::none().with_app(Quota::requests_per_second(1)));
    let boxed: Box<dyn Scopes> = Box::new(Quota::requests_per_second(1));
    for scopes in [shared, Arc::new(boxed)] {
        let (_layer, client) = build(scopes);
        let start = Instant::now();
        for _ in 0..3 {
            go(&client, request("x", "/a")).await.unwrap();
        }
        assert_eq!(start.elapsed(), secs(2));
    }
    let nothing: Box<dyn Scopes> = Box::new(Quota::requests_per_second(0));
    assert!(RequestPacingLayer::builder(nothing).build().is_err());
}

#[test]
fn what_is_not_shared_is_not_behind_a_pointer_either() {
    let quotas = TikTokQuotas::new(AccessLevel::Premium);
    let account = Scope::account_endpoint("7001", "/campaign/create/");
    assert!(quotas.is_shared(&Scope::app()) && !quotas.is_shared(&account));
    let pointed: [Box<dyn Scopes>; 2] = [Box::new(Arc::new(quotas.clone())), Box::new(quotas)];
    for quotas in pointed {
        assert!(quotas.is_shared(&Scope::app()) && !quotas.is_shared(&account));
    }
}
