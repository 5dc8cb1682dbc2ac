//! What waits in a queue when its token is stopped.

use std::time::Duration;

use futures_util::future::join_all;
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    simulator::{Latency, Simulator},
    tiktok::{TikTokLayer, token::LongTermTokens},
    token_refresh::{Token, TokenStopped},
};

use crate::support::{create, read};

#[tokio::test(start_paused = true)]
async fn what_queues_when_its_token_is_stopped_is_not_sent() {
    let simulator = Simulator::builder()
        .tokens(["one", "two"])
        .latency(Latency::fixed(Duration::from_millis(100)))
        .build()
        .unwrap();
    simulator.revoke_token("one");
    let tokens = LongTermTokens::builder()
        .by_account()
        .token_for("1", Token::new("one").unwrap())
        .token_for("2", Token::new("two").unwrap());
    let client = TikTokLayer::builder()
        .tokens(tokens.build().unwrap())
        .build()
        .layer(simulator.clone());
    let send = |request| client.clone().oneshot(request);

    // At ten a second, most of these wait for a permit, or for their turn.
    let stopped = (0..200).map(|n| match n % 2 {
        0 => send(create("1", &n.to_string())),
        _ => send(read("1")),
    });
    let others = (0..100).map(|_| send(read("2")));
    let (stopped, others) = tokio::join!(join_all(stopped), join_all(others));

    // Those that were on their way when the first was refused.
    let ledger = simulator.ledger();
    let sent = ledger.advertisers["1"].received;
    assert!((1..=10).contains(&sent), "{sent}");
    let mut refused = 0;
    for answer in stopped {
        match answer {
            Ok(response) => {
                assert_eq!(ErrorClass::of(&response), ErrorClass::TokenInvalid);
                refused += 1;
            }
            Err(error) => assert!(error.is::<TokenStopped>(), "{error}"),
        }
    }
    assert_eq!(refused, sent);
    for answer in others {
        assert_eq!(ErrorClass::of(&answer.unwrap()), ErrorClass::Success);
    }
    assert_eq!(ledger.advertisers["2"].admitted, 100);
}

#[tokio::test(start_paused = true)]
async fn what_queues_when_its_token_cannot_be_refreshed_is_not_sent() {
    let second = Duration::from_secs(1);
    let simulator = Simulator::builder()
        .tokens(["another"])
        .latency(Latency::fixed(Duration::from_millis(100)))
        .build()
        .unwrap();
    // Only the server knows when it is over, or the client, too.
    for (name, knows) in [("one", false), ("two", true)] {
        simulator.issue_token(name, Some(second));
        let token = Token::new(name).unwrap();
        let token = match knows {
            true => token.expires_in(second),
            false => token,
        };
        let tokens = LongTermTokens::builder().token(token);
        let client = TikTokLayer::builder()
            .tokens(tokens.build().unwrap())
            .build()
            .layer(simulator.clone());
        let before = simulator.ledger().total.received;
        // At ten a second, that is five seconds.
        let sent = (0..50).map(|n| client.clone().oneshot(create(name, &n.to_string())));
        let mut good = 0;
        for answer in join_all(sent).await {
            match answer {
                Ok(response) => {
                    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
                    good += 1;
                }
                Err(error) => assert!(error.is::<TokenStopped>(), "{error}"),
            }
        }
        // Those that were on their way when the first was refused.
        let refused = simulator.ledger().total.received - before - good;
        assert!((1..=30).contains(&good), "{good}");
        assert!((1..=10).contains(&refused), "{refused}");
    }
}
