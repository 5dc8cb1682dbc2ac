//! Tokens that expire.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_test::task;
use tower::ServiceExt;
use tower_tiktok::{
    classify::ErrorClass,
    error::DeadlineExceeded,
    extensions::Deadline,
    simulator::Latency,
    token_refresh::{Token, TokenKey},
};

use crate::support::{Issuer, Notices, client, create, read, send, simulator, total, unlimited};

const EXPIRED: Option<Duration> = Some(Duration::ZERO);

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_meet_an_expired_token_and_one_refreshes_it() {
    let latency = Latency::fixed(Duration::from_millis(100));
    let simulator = unlimited()
        .tokens(["old"])
        .latency(latency)
        .build()
        .unwrap();
    simulator.issue_token("old", EXPIRED);
    let issuer = Issuer::new(&simulator);
    let notices = Notices::default();
    let tokens = issuer.layer().token(Token::new("old").unwrap());
    let (client, _) = client(&simulator, tokens.on_notice(notices.hook()));

    let calls = (0..1_000).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { send(&client, create("7", &n.to_string())).await.unwrap() })
    });
    for class in join_all(calls).await {
        assert_eq!(class.unwrap(), ErrorClass::Success);
    }
    assert_eq!(issuer.asked(), 1);
    let total = total(&simulator);
    assert_eq!((total.created, total.duplicated), (1_000, 0));
    assert_eq!((total.received, total.rejected), (2_000, 1_000));
    assert_eq!(notices.take(), ["refreshed default"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_leaves_the_refresh_to_the_others() {
    // Each time the one that has the token refreshed leaves one await later.
    let mut awaits = 0;
    loop {
        let simulator = simulator(&[]);
        simulator.issue_token("old", EXPIRED);
        let issuer = Issuer::new(&simulator);
        let tokens = issuer.layer().token(Token::new("old").unwrap());
        let (client, _) = client(&simulator, tokens);

        let mut driver = task::spawn(send(&client, create("7", "driver")));
        let mut ended = false;
        for _ in 0..=awaits {
            if driver.poll().is_ready() {
                ended = true;
                break;
            }
            // Everything else goes on until nothing can but with time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let others: Vec<_> = (0..1_000)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move { send(&client, create("7", &n.to_string())).await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(driver);
        for class in join_all(others).await {
            assert_eq!(class.unwrap().unwrap(), ErrorClass::Success);
        }
        assert_eq!(issuer.asked(), 1, "after {awaits} awaits");
        let total = total(&simulator);
        assert_eq!(total.created, 1_000 + u64::from(ended));
        assert_eq!(total.duplicated, 0);
        if ended {
            break;
        }
        awaits += 1;
    }
    assert!(awaits >= 3, "{awaits}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_when_all_have_left() {
    let simulator = simulator(&[]);
    let issuer = Issuer::new(&simulator);
    let (client, handle) = client(&simulator, issuer.layer());
    let mut alone = task::spawn(send(&client, read("7")));
    assert!(alone.poll().is_pending());
    drop(alone);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(handle.state(&TokenKey::default()).unwrap().is_good);
    assert_eq!(send(&client, read("7")).await.unwrap(), ErrorClass::Success);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_does_not_refresh_a_new_token() {
    let latency = Latency::fixed(Duration::from_secs(2));
    let simulator = unlimited()
        .tokens(["new"])
        .latency(latency)
        .build()
        .unwrap();
    simulator.issue_token("old", EXPIRED);
    let issuer = Issuer::new(&simulator);
    let tokens = issuer.layer().token(Token::new("old").unwrap());
    let (client, handle) = client(&simulator, tokens);
    let late = tokio::spawn({
        let client = client.clone();
        async move { send(&client, create("7", "a")).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    handle.set(Token::new("new").unwrap());
    assert_eq!(late.await.unwrap(), ErrorClass::Success);
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_as_the_next_is_given_out_stops_nothing() {
    let latency = Latency::fixed(Duration::from_secs(2));
    let simulator = unlimited()
        .tokens(["old"])
        .latency(latency)
        .build()
        .unwrap();
    let mut issuer = Issuer::new(&simulator);
    issuer.takes = Duration::from_secs(3);
    let tokens = issuer.layer();
    let minute = Duration::from_secs(60);
    let (client, _) = client(
        &simulator,
        tokens.token(Token::new("old").unwrap().expires_in(minute)),
    );
    // The server rotates as soon as it is asked, and calls are under way.
    simulator.issue_token("old", Some(minute));
    tokio::time::sleep(minute - Duration::from_secs(1)).await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { send(&client, create("7", "a")).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    simulator.revoke_token("old");
    // This one finds the token at its end, and has it refreshed.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(
        send(&client, create("7", "b")).await.unwrap(),
        ErrorClass::Success
    );
    assert_eq!(call.await.unwrap(), ErrorClass::Success);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_known_end_is_not_waited_for() {
    let simulator = simulator(&[]);
    let mut issuer = Issuer::new(&simulator);
    issuer.lifetime = Some(Duration::from_secs(600));
    let (client, handle) = client(&simulator, issuer.layer());
    // A request a second for an hour: none meets an expired token, and none
    // but the first waits.
    for n in 0..3_600 {
        let asked = tokio::time::Instant::now();
        assert_eq!(send(&client, read("7")).await.unwrap(), ErrorClass::Success);
        assert!(n == 0 || asked.elapsed().is_zero());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(total(&simulator).rejected, 0);
    // Between 300 and 450 seconds each.
    assert!((8..=13).contains(&issuer.asked()), "{}", issuer.asked());
    assert!(handle.states()[0].expires.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_token_no_longer_than_its_deadline() {
    let simulator = simulator(&[]);
    let issuer = Issuer::new(&simulator);
    let (client, _) = client(&simulator, issuer.layer());
    let mut request = read("7");
    let deadline = Deadline::within(Duration::from_millis(100));
    request.extensions_mut().insert(deadline);
    let asked = tokio::time::Instant::now();
    let error = client.oneshot(request).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>(), "{error}");
    assert_eq!(asked.elapsed(), Duration::from_millis(100));
    assert_eq!(total(&simulator).received, 0);
}

#[tokio::test(start_paused = true)]
async fn each_account_has_a_token_of_its_own() {
    let simulator = simulator(&[]);
    let issuer = Issuer::new(&simulator);
    let (client, handle) = client(&simulator, issuer.layer().by_account());
    let calls = (0..100).map(|n| send(&client, read(&(n % 10).to_string())));
    let calls: Vec<_> = calls.collect();
    for class in join_all(calls).await {
        assert_eq!(class.unwrap(), ErrorClass::Success);
    }
    assert_eq!(issuer.asked(), 10);
    assert_eq!(handle.states().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn keys_without_end_do_not_fill_the_memory() {
    let simulator = simulator(&[]);
    let issuer = Issuer::new(&simulator);
    let tokens = issuer.layer().by_account().max_tokens(10);
    let (client, handle) = client(&simulator, tokens);
    for account in 0..100 {
        let class = send(&client, read(&account.to_string())).await.unwrap();
        assert_eq!(class, ErrorClass::Success);
        // This one is used all the time, and stays.
        send(&client, read("0")).await.unwrap();
    }
    assert_eq!(handle.states().len(), 10);
    assert_eq!(issuer.asked(), 100);
}
