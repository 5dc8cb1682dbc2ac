use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::{Operation, RequestContext},
    request_pacing::{LearnedLimit, Quota, Quotas, RequestPacingLayer, Scope, Scopes, Touched},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// To so many endpoints, one after another.
async fn send(layer: &RequestPacingLayer, endpoints: u32) {
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    for n in 0..endpoints {
        let context = RequestContext::new(Operation::Write).with_endpoint(format!("/{n}"));
        let request = Request::builder().extension(context).body(()).unwrap();
        client.clone().oneshot(request).await.unwrap();
    }
}

fn limit(layer: &RequestPacingLayer, scope: &Scope) -> Option<u32> {
    let snapshot = layer.handle().snapshot();
    Some(snapshot.scope(scope)?.windows[0].requests)
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_kept_for_an_hour_whoever_else_sends() {
    for others in [3, 3_000] {
        let quotas = Quotas::none().with_each_endpoint(Quota::requests_per_second(5));
        let layer = RequestPacingLayer::builder(quotas).build().unwrap();
        let scope = Scope::endpoint("/learned");
        let mut kept = LearnedLimit::new(scope.clone(), SECOND);
        (kept.requests, kept.share) = (Some(2), Some(0.3));
        layer.handle().set_learned([kept.clone()]).unwrap();
        send(&layer, others).await;
        assert_eq!(layer.handle().learned(), [kept]);
        assert_eq!(limit(&layer, &scope), Some(2));

        sleep(HOUR).await;
        send(&layer, others).await;
        assert!(layer.handle().learned().is_empty());
        assert_eq!(limit(&layer, &scope), None);
    }
}

/// One scope, of which nobody says that it has a limit.
#[derive(Debug)]
struct Unlimited;

impl Scopes for Unlimited {
    fn touched<'a>(&'a self, _: Option<&'a RequestContext>) -> Touched<'a> {
        Touched::none().app()
    }

    fn quota(&self, _: &Scope) -> Option<Quota> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_refusal_among_many_keeps_none_of_their_slots() {
    let layer = RequestPacingLayer::builder(Unlimited).build().unwrap();
    let client = layer.layer(service_fn(async |request: Request<bool>| {
        sleep(SECOND / 10).await;
        let mut response = Response::new(());
        if *request.body() {
            let says = Throttle::new(ThrottleScope::App, ThrottleWindow::Second);
            let found = Classification::new(ErrorClass::RateLimited).with_throttle(says);
            response.extensions_mut().insert(found);
        }
        Ok::<_, Infallible>(response)
    }));
    // Nothing is known of a limit, until the first of these is refused.
    let calls = (0..20).map(|n| client.clone().oneshot(Request::new(n == 0)));
    futures_util::future::join_all(calls).await;
    sleep(10 * SECOND).await;
    let snapshot = layer.handle().snapshot();
    let app = snapshot.scope(&Scope::app()).unwrap();
    assert!(app.windows[0].learned);
    assert_eq!((app.in_flight, app.windows[0].used), (0, 0));
    client.oneshot(Request::new(false)).await.unwrap();
}
