//! What becomes of the tokens of the whole stack.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::sleep;
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    extensions::RequestContext,
    simulator::{Level, Simulator},
    throttle_alert::{Alert, AlertKind, AlertState, Severity, ThrottleAlertLayer},
    tiktok::TikTokLayer,
    token_refresh::{RefreshError, RefreshRequest, Token, TokenRefreshBuilder, TokenRefreshLayer},
};

use crate::support::{get, record, secs, taken};

/// A server for which this token is good.
fn server() -> Simulator {
    let simulator = Simulator::builder().level(Level::Ultimate);
    simulator
        .tokens(["good"])
        .remember_answers(10)
        .build()
        .unwrap()
}

fn tokens() -> TokenRefreshBuilder {
    let none = |_: RefreshRequest| async { Err(RefreshError::refused("ask somebody")) };
    TokenRefreshLayer::builder(none).header(http::HeaderName::from_static("access-token"), "")
}

fn token(secret: &str) -> Token {
    Token::new(secret).unwrap()
}

fn raised(alerts: &[Alert]) -> Vec<&Alert> {
    let raised = alerts.iter().filter(|it| it.state == AlertState::Raised);
    raised.collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_server_refuses_is_one_alert_until_there_is_another() {
    let tokens = tokens().token(token("bad")).build().unwrap();
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let (handle, token_handle) = (layer.handle(), tokens.handle());
    let alerts = record(&handle);
    let stack = TikTokLayer::builder().tokens(tokens).alerts(layer).build();
    let simulator = server();
    let client = stack.layer(simulator.clone());
    client.clone().oneshot(get("7001")).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(handle.alerts().len(), 1, "told at once");
    for _ in 0..200 {
        client.clone().oneshot(get("7001")).await.unwrap_err();
        sleep(secs(1)).await;
    }
    let told = taken(&alerts);
    assert_eq!(raised(&told).len(), 1);
    let alert = &told[0];
    assert_eq!(alert.kind, AlertKind::TokenRefused);
    assert_eq!(alert.severity, Severity::Critical);
    assert_eq!(alert.scope.token_key(), Some("default"));
    let issued = &simulator.ledger().answers[0].request_id;
    assert_eq!(alert.request_ids, [Box::<str>::from(issued.as_str())]);
    assert!(!alert.remedy.is_empty());
    assert!(told.iter().all(|it| it.state != AlertState::Cleared));
    assert!(!format!("{told:?}").contains("bad"));

    token_handle.set(token("good"));
    client.clone().oneshot(get("7001")).await.unwrap();
    sleep(secs(70)).await;
    assert_eq!(handle.alerts(), []);
    let told = taken(&alerts);
    assert_eq!(told.last().map(|it| it.state), Some(AlertState::Cleared));
    assert_eq!(raised(&told).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_token_is_an_alert_of_its_own() {
    let tokens = tokens()
        .by_account()
        .token_for("7001", token("bad"))
        .token_for("7002", token("worse"))
        .token_for("7003", token("good"));
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let handle = layer.handle();
    let tokens = tokens.build().unwrap();
    let stack = TikTokLayer::builder().tokens(tokens).alerts(layer).build();
    let client = stack.layer(server());
    for account in ["7001", "7002", "7003"] {
        client.clone().oneshot(get(account)).await.unwrap();
    }
    sleep(secs(1)).await;
    let alerts = handle.alerts();
    // Both were found at once.
    let mut keys: Vec<_> = alerts.iter().map(|it| it.scope.token_key()).collect();
    keys.sort();
    assert_eq!(keys, [Some("7001"), Some("7002")]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_goes_on_failing_is_told_and_one_that_fails_once_is_not() {
    let works = Arc::new(AtomicBool::new(true));
    let source = {
        let works = works.clone();
        move |_: RefreshRequest| {
            let works = works.load(Ordering::SeqCst);
            async move {
                match works {
                    true => Ok(token("good")),
                    false => Err(RefreshError::passing("the line is cut")),
                }
            }
        }
    };
    let tokens = TokenRefreshLayer::builder(source)
        .header(http::HeaderName::from_static("access-token"), "")
        .build()
        .unwrap();
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let (handle, token_handle) = (layer.handle(), tokens.handle());
    let alerts = record(&handle);
    let stack = TikTokLayer::builder().tokens(tokens).alerts(layer).build();
    let client = stack.layer(server());

    works.store(false, Ordering::SeqCst);
    let call = tokio::spawn(client.clone().oneshot(get("7001")));
    sleep(secs(1)).await;
    works.store(true, Ordering::SeqCst);
    call.await.unwrap().unwrap();
    sleep(secs(10)).await;
    assert_eq!(taken(&alerts), []);

    works.store(false, Ordering::SeqCst);
    token_handle.forget(&Default::default());
    for _ in 0..120 {
        drop(client.clone().oneshot(get("7001")).await);
        sleep(secs(1)).await;
    }
    let told = taken(&alerts);
    assert_eq!(raised(&told).len(), 1);
    assert_eq!(told[0].kind, AlertKind::TokenRefused);

    works.store(true, Ordering::SeqCst);
    sleep(secs(70)).await;
    client.clone().oneshot(get("7001")).await.unwrap();
    sleep(secs(70)).await;
    assert_eq!(handle.alerts(), []);
    assert_eq!(
        taken(&alerts).last().map(|it| it.state),
        Some(AlertState::Cleared)
    );
}

#[tokio::test(start_paused = true)]
async fn alerts_and_tokens_let_go_of_one_another() {
    let held = Arc::new(());
    let tokens = {
        let held = held.clone();
        tokens().key(move |_: Option<&RequestContext>| {
            let _ = &held;
            Default::default()
        })
    };
    let layer = ThrottleAlertLayer::builder();
    let layer = layer
        .on_alert({
            let held = held.clone();
            move |_| drop(held.clone())
        })
        .build()
        .unwrap();
    let tokens = tokens.token(token("bad")).build().unwrap();
    let stack = TikTokLayer::builder().tokens(tokens).alerts(layer).build();
    let client = stack.layer(server());
    assert_eq!(Arc::strong_count(&held), 3);
    drop((stack, client));
    assert_eq!(Arc::strong_count(&held), 1);
}
