//! Tokens that are worthless, or of no use here.

use std::time::Duration;

use futures_util::future::join_all;
use tower::ServiceExt;
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    error::is_unsent,
    simulator::Latency,
    tiktok::token::{LongTermTokens, NoRefresh},
    token_refresh::{Token, TokenKey, TokenStopped, TokenVerdict},
};

use crate::support::{
    Issuer, Notices, client, code, create, read, send, simulator, total, unlimited,
};

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_tried_once_for_each_request_in_flight() {
    let latency = Latency::fixed(Duration::from_millis(100));
    let simulator = unlimited()
        .tokens(["one", "two"])
        .latency(latency)
        .build()
        .unwrap();
    simulator.revoke_token("one");
    let issuer = Issuer::new(&simulator);
    let notices = Notices::default();
    let tokens = issuer
        .layer()
        .by_account()
        .token_for("1", Token::new("one").unwrap())
        .token_for("2", Token::new("two").unwrap())
        .on_notice(notices.hook());
    let (client, handle) = client(&simulator, tokens);

    let in_flight: Vec<_> = (0..100)
        .map(|n| code(&client, create("1", &n.to_string())))
        .collect();
    assert_eq!(join_all(in_flight).await, [40_105; 100]);
    for _ in 0..1_000 {
        let error = send(&client, create("1", "later")).await.unwrap_err();
        let stopped = error.downcast_ref::<TokenStopped>().unwrap();
        assert_eq!(stopped.key(), &TokenKey::from("1"));
        let found = stopped.classification().unwrap();
        assert_eq!(found.class(), ErrorClass::TokenInvalid);
        assert!(
            error.to_string().contains("Authorise the app again"),
            "{error}"
        );
        assert!(is_unsent(&*error));
        assert_eq!(code(&client, read("2")).await, 0);
    }
    let ledger = simulator.ledger();
    assert_eq!(ledger.advertisers["1"].received, 100);
    assert_eq!(ledger.advertisers["2"].admitted, 1_000);
    assert_eq!(issuer.asked(), 0);
    assert_eq!(notices.take(), ["stopped 1"]);

    // A person has acted.
    simulator.issue_token("three", None);
    handle.set_for("1", Token::new("three").unwrap());
    assert_eq!(code(&client, create("1", "last")).await, 0);
    assert_eq!(notices.take(), ["resumed 1"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_while_one_request_shows_whether_the_stop_is_over() {
    let simulator = simulator(&["one"]);
    simulator.revoke_token("one");
    let notices = Notices::default();
    let tokens = Issuer::new(&simulator)
        .layer()
        .token(Token::new("one").unwrap())
        .stop_for(Duration::from_secs(60))
        .on_notice(notices.hook());
    let (client, _) = client(&simulator, tokens);
    for minute in 1..=3 {
        let burst: Vec<_> = (0..100).map(|_| send(&client, read("7"))).collect();
        let answered = join_all(burst).await;
        let answered = answered.iter().filter(|result| result.is_ok()).count();
        assert_eq!(answered, 1, "minute {minute}");
        assert_eq!(total(&simulator).received, minute);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    simulator.issue_token("one", None);
    assert_eq!(code(&client, read("7")).await, 0);
    assert_eq!(code(&client, read("7")).await, 0);
    assert_eq!(notices.take(), ["stopped default", "resumed default"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_stops_one_account_at_one_endpoint() {
    // The advertisers that exist stand for those that may be used.
    let simulator = unlimited()
        .tokens(["one"])
        .advertisers(["2"])
        .build()
        .unwrap();
    let notices = Notices::default();
    let tokens = Issuer::new(&simulator)
        .layer()
        .token(Token::new("one").unwrap())
        .judge(
            |found: &Classification| match found.code().and_then(|code| code.as_number()) {
                Some(40_300) => TokenVerdict::StopEndpoint,
                _ => TokenVerdict::Good,
            },
        )
        .on_notice(notices.hook());
    let (client, handle) = client(&simulator, tokens);
    assert_eq!(code(&client, read("1")).await, 40_300);
    let error = send(&client, read("1")).await.unwrap_err();
    let stopped = error.downcast_ref::<TokenStopped>().unwrap();
    assert_eq!(stopped.account().unwrap().as_str(), "1");
    assert_eq!(stopped.endpoint(), Some("/campaign/get/"));
    // Another endpoint, and another account.
    assert_eq!(code(&client, create("1", "a")).await, 40_300);
    assert_eq!(code(&client, read("2")).await, 0);
    assert_eq!(total(&simulator).received, 3);
    assert_eq!(notices.take(), ["stopped default", "stopped default"]);

    handle.clear_stops(&TokenKey::default());
    assert_eq!(code(&client, read("1")).await, 40_300);
    assert_eq!(handle.states()[0].stops.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_term_token_that_is_over_says_that_it_has_no_refresh() {
    let simulator = simulator(&[]);
    simulator.issue_token("one", Some(Duration::from_secs(60)));
    let tokens = LongTermTokens::builder().token(Token::new("one").unwrap());
    let (client, _) = client(&simulator, tokens);
    assert_eq!(code(&client, read("7")).await, 0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    for _ in 0..2 {
        let error = send(&client, read("7")).await.unwrap_err();
        let stopped = error.downcast_ref::<TokenStopped>().unwrap();
        assert!(stopped.cause().unwrap().is::<NoRefresh>());
        assert!(error.to_string().contains("cannot be refreshed"), "{error}");
    }
    assert_eq!(total(&simulator).received, 2);
}

#[tokio::test(start_paused = true)]
async fn no_token_is_ever_shown() {
    let simulator = simulator(&[]);
    let tokens = Issuer::new(&simulator)
        .layer()
        .token(Token::new("hush-hush").unwrap());
    let shown = format!("{tokens:?}");
    assert!(!shown.contains("hush"), "{shown}");
    let (client, handle) = client(&simulator, tokens);
    let mut shown = format!("{handle:?} {:?}", handle.states());
    code(&client, read("7")).await;
    let error = client.oneshot(read("7")).await.unwrap_err();
    shown.push_str(&format!("{error} {error:?} {:?}", handle.states()));
    assert!(!shown.contains("hush"), "{shown}");
}
