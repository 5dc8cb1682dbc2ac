//! Sources that fail.

use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tower::{BoxError, Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    jittered_backoff::JitteredBackoffLayer,
    simulator::Simulator,
    tiktok::TikTokErrorClassifierLayer,
    token_refresh::{
        RefreshError, RefreshRequest, Token, TokenKey, TokenRefreshBuilder, TokenRefreshLayer,
        TokenStopped, TokenUnavailable,
    },
};

use crate::support::{HEADER, Notices, client, code, read, send, simulator, total};

/// A source that fails as it is told, and how often it was asked.
fn failing(
    fail: impl Fn(u64) -> Result<Token, RefreshError> + Send + Sync + 'static,
) -> (TokenRefreshBuilder, Arc<AtomicU64>) {
    let asked = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&asked);
    let fail = Arc::new(fail);
    let source = move |_: RefreshRequest| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let fail = Arc::clone(&fail);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            fail(number)
        }
    };
    (TokenRefreshLayer::builder(source).header(HEADER, ""), asked)
}

fn down(_: u64) -> Result<Token, RefreshError> {
    Err(io::Error::other("the authorisation server is down").into())
}

async fn burst(client: &crate::support::Client) -> Vec<Result<ErrorClass, BoxError>> {
    let calls: Vec<_> = (0..100).map(|_| send(client, read("7"))).collect();
    join_all(calls).await
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_asked_less_and_less_often() {
    let simulator = simulator(&[]);
    let (tokens, asked) = failing(down);
    let (client, handle) = client(&simulator, tokens);
    for second in 0..600 {
        for result in burst(&client).await {
            let error = result.unwrap_err();
            assert!(error.is::<TokenUnavailable>(), "{error}");
        }
        if second == 0 {
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    // 1, 2, 4, ... 64 seconds less jitter, then every half to whole minute.
    let asked = asked.load(Ordering::SeqCst);
    assert!((12..=28).contains(&asked), "{asked}");
    assert_eq!(total(&simulator).received, 0);
    let state = handle.state(&TokenKey::default()).unwrap();
    assert_eq!(u64::from(state.failures), asked);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_the_token_and_is_told_once() {
    let simulator = simulator(&[]);
    let (tokens, asked) = failing(|_| Err(RefreshError::refused("ask a person")));
    let notices = Notices::default();
    let (client, handle) = client(&simulator, tokens.on_notice(notices.hook()));
    for _ in 0..10 {
        for result in burst(&client).await {
            let error = result.unwrap_err();
            let stopped = error.downcast_ref::<TokenStopped>().unwrap();
            assert_eq!(stopped.cause().unwrap().to_string(), "ask a person");
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    // Once at first, and once after five minutes.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(notices.take(), ["stopped default"]);
    simulator.issue_token("new", None);
    handle.set(Token::new("new").unwrap());
    assert_eq!(code(&client, read("7")).await, 0);
    assert_eq!(notices.take(), ["resumed default"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_gives_the_expired_token_again_is_no_storm() {
    let simulator = simulator(&[]);
    simulator.issue_token("old", Some(Duration::ZERO));
    let (tokens, asked) = failing(|_| Ok(Token::new("old")?));
    let (client, _) = client(&simulator, tokens.token(Token::new("old").unwrap()));
    for _ in 0..600 {
        for result in burst(&client).await {
            assert!(result.unwrap_err().is::<TokenUnavailable>());
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!((12..=28).contains(&asked), "{asked}");
    // The first one met the expired token; nobody sent it again.
    assert_eq!(total(&simulator).received, 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_gives_tokens_which_have_expired_is_no_storm() {
    let simulator = simulator(&[]);
    let server = simulator.clone();
    let (tokens, asked) = failing(move |number| {
        let token = number.to_string();
        server.issue_token(&token, Some(Duration::ZERO));
        Ok(Token::new(token)?)
    });
    let (client, _) = client(&simulator, tokens);
    for _ in 0..600 {
        burst(&client).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!((12..=28).contains(&asked), "{asked}");
    assert_eq!(total(&simulator).received, asked);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_to_its_end_when_its_refresh_fails() {
    let simulator = simulator(&["old"]);
    let (tokens, asked) = failing(down);
    let hour = Duration::from_secs(3_600);
    let token = Token::new("old").unwrap().expires_in(hour);
    let (client, _) = client(&simulator, tokens.token(token));
    for _ in 0..3_600 {
        assert_eq!(code(&client, read("7")).await, 0);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(asked.load(Ordering::SeqCst) >= 1);
    let error = send(&client, read("7")).await.unwrap_err();
    assert!(error.is::<TokenUnavailable>(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stalls_or_panics_is_one_that_fails() {
    for panics in [false, true] {
        let simulator = simulator(&[]);
        let source = move |_: RefreshRequest| async move {
            assert!(!panics, "a mistake of the source");
            pending::<Result<Token, RefreshError>>().await
        };
        let notices = Notices::default();
        let tokens = TokenRefreshLayer::builder(source).on_notice(notices.hook());
        let (client, _) = client(&simulator, tokens);
        let started = tokio::time::Instant::now();
        for result in burst(&client).await {
            assert!(result.unwrap_err().is::<TokenUnavailable>());
        }
        let waited = if panics { 0 } else { 60 };
        assert_eq!(started.elapsed().as_secs(), waited);
    }
}

#[tokio::test(start_paused = true)]
async fn backoff_outside_waits_until_the_source_works_again() {
    let simulator: Simulator = simulator(&[]);
    simulator.issue_token("new", None);
    let (tokens, asked) = failing(|number| match number {
        0..3 => down(number),
        _ => Ok(Token::new("new")?),
    });
    let tokens = tokens.build().unwrap();
    let judged = TikTokErrorClassifierLayer::new().layer(simulator.clone());
    let backoff = JitteredBackoffLayer::builder().no_budget().max_attempts(20);
    let client = backoff.build().unwrap().layer(tokens.layer(judged));
    let calls: Vec<_> = (0..100)
        .map(|_| client.clone().oneshot(read("7")))
        .collect();
    for response in join_all(calls).await {
        assert_eq!(ErrorClass::of(&response.unwrap()), ErrorClass::Success);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert_eq!(total(&simulator).received, 100);
}
