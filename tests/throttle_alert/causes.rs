//! What else is an alert, and where.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    jittered_backoff::{Budget, JitteredBackoffLayer},
    request_pacing::{Quota, RequestPacingLayer},
    throttle_alert::{
        Alert, AlertKind, AlertScope, AlertState, Severity, ThrottleAlertHandle, ThrottleAlertLayer,
    },
    tiktok::TikTokLayer,
};

use crate::support::{ENDPOINT, get, record, secs, simulator, taken, watched};

fn layer() -> (ThrottleAlertLayer, ThrottleAlertHandle) {
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let handle = layer.handle();
    (layer, handle)
}

/// Asks for an answer that means `found`.
async fn answer(layer: &ThrottleAlertLayer, account: &str, found: Option<Classification>) {
    let server = service_fn(|_: Request<Full<Bytes>>| {
        let mut response = Response::new(());
        if let Some(found) = found.clone() {
            response.extensions_mut().insert(found);
        }
        async { Ok::<_, Infallible>(response) }
    });
    layer.layer(server).oneshot(get(account)).await.unwrap();
    // Whoever tells of it has its turn.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

fn refused(scope: ThrottleScope, window: ThrottleWindow) -> Option<Classification> {
    let throttle = Throttle::new(scope, window);
    let found = Classification::new(ErrorClass::RateLimited).with_throttle(throttle);
    Some(found.with_request_id("r-1").with_remedy("ask for more"))
}

fn states(alerts: &[Alert]) -> Vec<(AlertKind, AlertState)> {
    alerts.iter().map(|it| (it.kind, it.state)).collect()
}

#[tokio::test(start_paused = true)]
async fn one_account_that_is_throttled_is_told_as_such_and_not_as_the_application() {
    let (layer, handle) = layer();
    let alerts = record(&handle);
    for _ in 0..120 {
        answer(
            &layer,
            "1",
            refused(ThrottleScope::AccountEndpoint, ThrottleWindow::Second),
        )
        .await;
        answer(&layer, "2", None).await;
        sleep(secs(1)).await;
    }
    let told = taken(&alerts);
    let scopes: Vec<_> = told.iter().map(|alert| &alert.scope).collect();
    let scope = AlertScope::account_endpoint("1", ENDPOINT);
    assert!(
        !told.is_empty() && scopes.iter().all(|it| **it == scope),
        "{told:?}"
    );
    let alert = &told[0];
    assert_eq!(alert.severity, Severity::Critical);
    assert_eq!(alert.remedy, "ask for more");
    assert_eq!(alert.request_ids.last().map(|id| &**id), Some("r-1"));
    let share = alert.figures.short.unwrap();
    assert_eq!(
        share.attempts, share.throttled,
        "what began the count is not in it"
    );
}

#[tokio::test(start_paused = true)]
async fn many_accounts_that_are_throttled_a_little_are_told_as_the_application() {
    let (layer, handle) = layer();
    let alerts = record(&handle);
    for n in 0..1_200 {
        let found = (n % 10 == 0)
            .then(|| refused(ThrottleScope::AccountEndpoint, ThrottleWindow::Second))
            .flatten();
        answer(&layer, &format!("{n}"), found).await;
        sleep(Duration::from_millis(100)).await;
    }
    let told = taken(&alerts);
    assert_eq!(told[0].scope, AlertScope::app());
    let raised = told.iter().filter(|it| it.state == AlertState::Raised);
    assert_eq!(raised.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_suspension_is_told_at_once_and_cleared_when_it_is_over() {
    let (layer, handle) = layer();
    let alerts = record(&handle);
    let minute = || {
        let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Minute);
        let throttle = throttle.with_waits([secs(300)]);
        Some(Classification::new(ErrorClass::RateLimited).with_throttle(throttle))
    };
    answer(&layer, "1", minute()).await;
    let raised = taken(&alerts);
    assert_eq!(
        states(&raised),
        [(AlertKind::Suspended, AlertState::Raised)]
    );
    assert_eq!(raised[0].figures.time, Some(secs(300)));
    assert_eq!(raised[0].severity, Severity::Critical);

    // Nothing is sent, and it is over all the same.
    sleep(secs(299)).await;
    assert_eq!(handle.alerts().len(), 1);
    sleep(secs(2)).await;
    let cleared = taken(&alerts);
    assert_eq!(
        states(&cleared),
        [(AlertKind::Suspended, AlertState::Cleared)]
    );

    // Nor does it take as long as was said, if somebody is let in before.
    answer(&layer, "1", minute()).await;
    sleep(secs(1)).await;
    answer(&layer, "1", None).await;
    assert_eq!(taken(&alerts).len(), 2);
    assert_eq!(handle.alerts(), []);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_is_news_only_if_nobody_refreshes_it() {
    let (layer, handle) = layer();
    let alerts = record(&handle);
    let expired = || Some(Classification::new(ErrorClass::TokenExpired));
    for _ in 0..3 {
        answer(&layer, "1", expired()).await;
        answer(&layer, "1", None).await;
        sleep(secs(120)).await;
    }
    assert_eq!(taken(&alerts), []);
    answer(&layer, "1", expired()).await;
    sleep(secs(61)).await;
    answer(&layer, "1", expired()).await;
    assert_eq!(
        states(&taken(&alerts)),
        [(AlertKind::TokenRefused, AlertState::Raised)]
    );
    sleep(secs(660)).await;
    assert_eq!(
        states(&taken(&alerts)),
        [(AlertKind::TokenRefused, AlertState::Cleared)]
    );

    let invalid = Some(Classification::new(ErrorClass::TokenInvalid));
    answer(&layer, "1", invalid).await;
    assert_eq!(taken(&alerts).len(), 1, "and a wrong one at once");
}

#[tokio::test(start_paused = true)]
async fn the_whole_stack_tells_of_a_queue_that_grows_old() {
    let alerts_layer = ThrottleAlertLayer::builder().queue_age(secs(60));
    let alerts_layer = alerts_layer.build().unwrap();
    let alerts = record(&alerts_layer.handle());
    let pacing = RequestPacingLayer::builder(Quota::requests_per_second(1));
    let layer = TikTokLayer::builder()
        .pacing(pacing.build().unwrap())
        .alerts(alerts_layer)
        .build();
    let client = layer.layer(simulator());
    // As many accounts, so that no permit is waited for.
    let calls = (0..200).map(|n| client.clone().oneshot(get(&format!("70{n:03}"))));
    let all = futures_util::future::join_all(calls).await;
    assert!(all.iter().all(Result::is_ok));
    sleep(secs(120)).await;

    let told = taken(&alerts);
    assert_eq!(told[0].kind, AlertKind::QueueOld);
    assert_eq!(told[0].state, AlertState::Raised);
    assert!(told[0].figures.time.unwrap() > secs(60));
    assert!(told[0].figures.queued.unwrap() > 100);
    let last = told.last().unwrap();
    assert_eq!(last.state, AlertState::Cleared);
    let raised = told.iter().filter(|it| it.state == AlertState::Raised);
    assert_eq!(raised.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_grows_old_is_told_though_nothing_is_answered_meanwhile() {
    let alerts_layer = ThrottleAlertLayer::builder().queue_age(secs(1_200));
    let alerts_layer = alerts_layer.build().unwrap();
    let handle = alerts_layer.handle();
    let layer = TikTokLayer::builder().alerts(alerts_layer).build();
    let client = layer.layer(simulator());
    client.clone().oneshot(get("7001")).await.unwrap();
    layer.pacing_handle().pause();
    let waits = tokio::spawn(client.oneshot(get("7001")));
    sleep(secs(1_190)).await;
    assert_eq!(handle.alerts(), []);
    sleep(secs(30)).await;
    let alerts = handle.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].kind, AlertKind::QueueOld);
    layer.pacing_handle().resume();
    waits.await.unwrap().unwrap();
    sleep(secs(90)).await;
    assert_eq!(handle.alerts(), []);
}

#[tokio::test(start_paused = true)]
async fn an_empty_retry_budget_is_told_once() {
    let (alerts_layer, handle) = layer();
    let alerts = record(&handle);
    let budget = Budget::builder()
        .percent(0)
        .min_per_second(0)
        .build()
        .unwrap();
    let backoff = JitteredBackoffLayer::builder().budget(budget).build();
    let layer = TikTokLayer::builder()
        .backoff(backoff.unwrap())
        .alerts(alerts_layer)
        .build();
    let broken = service_fn(|_: Request<_>| async {
        let body = Full::from(r#"{"code":50000,"message":"System error."}"#);
        Ok::<_, Infallible>(Response::new(body))
    });
    let client = layer.layer(broken);
    for _ in 0..30 {
        client.clone().oneshot(get("7001")).await.unwrap();
        sleep(secs(1)).await;
    }
    sleep(secs(120)).await;
    let told = taken(&alerts);
    let kinds = states(&told);
    assert_eq!(kinds[0], (AlertKind::BudgetEmpty, AlertState::Raised));
    assert_eq!(
        kinds.last(),
        Some(&(AlertKind::BudgetEmpty, AlertState::Cleared))
    );
    let raised = told.iter().filter(|it| it.state == AlertState::Raised);
    assert_eq!(raised.count(), 1);
}

#[cfg(feature = "shared-state")]
#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_told_and_so_is_its_return() {
    use tower_tiktok::shared_state::{Fault, MemoryStore, SharedState, StoreError, StoreErrorKind};

    let (alerts_layer, handle) = layer();
    let alerts = record(&handle);
    let store = MemoryStore::new();
    let state = SharedState::builder(store.clone()).build().unwrap();
    let layer = TikTokLayer::builder().shared(state).alerts(alerts_layer);
    let client = layer.build().layer(simulator());
    let begin = Instant::now();
    let away = Fault::Error(StoreError::new(StoreErrorKind::Unreachable));
    let mut told_at = None;
    while begin.elapsed() < secs(240) {
        client.clone().oneshot(get("7001")).await.unwrap();
        match begin.elapsed().as_secs() {
            30..60 => store.set_fault(Some(away.clone())),
            _ => store.set_fault(None),
        }
        if !handle.alerts().is_empty() {
            told_at.get_or_insert(begin.elapsed());
        }
        sleep(secs(1)).await;
    }
    let told = taken(&alerts);
    assert_eq!(told[0].kind, AlertKind::SharedStateLost);
    assert!(told_at.unwrap() < secs(45), "{told_at:?}");
    assert_eq!(told.last().unwrap().state, AlertState::Cleared);
    assert_eq!(handle.alerts(), []);
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn an_alert_reads_as_json() {
    let (layer, handle) = layer();
    answer(
        &layer,
        "1",
        refused(ThrottleScope::AccountEndpoint, ThrottleWindow::Minute),
    )
    .await;
    let json = serde_json::to_value(&handle.alerts()[0]).unwrap();
    assert_eq!(json["kind"], "suspended");
    assert_eq!(json["state"], "raised");
    assert_eq!(json["severity"], "critical");
    assert_eq!(json["scope"]["kind"], "account_endpoint");
    assert_eq!(json["scope"]["account"], "1");
    assert_eq!(json["scope"]["endpoint"], ENDPOINT);
    assert_eq!(json["request_ids"], serde_json::json!(["r-1"]));
    assert_eq!(json["figures"]["time"], 60_000);
    assert!(json["since"].as_u64().unwrap() > 1_700_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn an_advertiser_over_its_own_limit_is_named() {
    let (layer, handle) = layer();
    let alerts = record(&handle);
    let simulator = tower_tiktok::simulator::Simulator::builder()
        .level(tower_tiktok::simulator::Level::Ultimate)
        .advertiser_qps(Some(4))
        .build()
        .unwrap();
    let client = watched(layer, simulator);
    for _ in 0..120 {
        for _ in 0..5 {
            client.clone().oneshot(get("7001")).await.unwrap();
        }
        client.clone().oneshot(get("7002")).await.unwrap();
        sleep(secs(1)).await;
    }
    let told = taken(&alerts);
    let scope = AlertScope::account_endpoint("7001", ENDPOINT);
    assert!(
        !told.is_empty() && told.iter().all(|it| it.scope == scope),
        "{told:?}"
    );
    assert!(told[0].request_ids.iter().all(|id| !id.is_empty()));
}
