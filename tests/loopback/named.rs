//! The errors that users know by name, through the whole stack and over a real
//! socket: what the caller sees, and what the server saw.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use tower::{BoxError, ServiceExt};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    error::{OutcomeUnknown, WaitTooLong},
    simulator::{Fault, Script, Simulator, SimulatorBuilder},
    tiktok::token::{LongTermTokens, UserTokens, builder},
    token_refresh::{Token, TokenRefreshLayer, TokenStopped},
};

use crate::support::{ALL, SUCCESS, Stack, Told, Via, create, read, serve, simulator};

/// A simulator that gives this answer so often.
fn answering(
    status: u16,
    code: impl Into<Option<i64>>,
    message: &'static str,
    times: u64,
) -> SimulatorBuilder {
    let answer = Fault::Answer {
        status: StatusCode::from_u16(status).unwrap(),
        code: code.into(),
        message,
    };
    Simulator::builder().script(Script::new(answer).times(times))
}

fn long_term() -> TokenRefreshLayer {
    let token = Token::new("t").unwrap();
    LongTermTokens::builder().token(token).build().unwrap()
}

/// What the answer means, as the layers leave it to the caller.
async fn found(
    stack: &Stack,
    request: http::Request<http_body_util::Full<bytes::Bytes>>,
) -> Result<Classification, BoxError> {
    let response = stack.client.clone().oneshot(request).await?;
    let found = response.extensions().get::<Classification>();
    Ok(found
        .cloned()
        .unwrap_or_else(|| Classification::new(ErrorClass::of(&response))))
}

#[tokio::test]
async fn a_429_is_waited_out_and_sent_again() {
    let calls = ALL.map(|via| async move {
        let retry_after = Duration::from_secs(1);
        let edge = Script::new(Fault::EdgeThrottle { retry_after });
        let simulator = simulator(Simulator::builder().script(edge));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let started = tokio::time::Instant::now();
        let told = stack.send(create(server.address(), "a")).await;
        assert_eq!(told, SUCCESS, "{via:?}");
        assert!(started.elapsed() >= retry_after, "{via:?}");
        let total = simulator.ledger().total;
        assert_eq!((total.received, total.created), (2, 1), "{via:?}");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_429_that_asks_for_too_much_is_told_with_its_wait() {
    for via in ALL {
        let retry_after = Duration::from_secs(3_600);
        let edge = Script::new(Fault::EdgeThrottle { retry_after });
        let simulator = simulator(Simulator::builder().script(edge));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let error = found(&stack, create(server.address(), "a"))
            .await
            .unwrap_err();
        let told = error.downcast_ref::<WaitTooLong>().unwrap();
        assert!(told.wait() > Duration::from_secs(3_500), "{via:?}: {error}");
        let class = told.classification().unwrap().class();
        assert_eq!(class, ErrorClass::RateLimited);
        assert_eq!(simulator.ledger().total.received, 1, "{via:?}");
    }
}

#[tokio::test]
async fn a_401_of_a_user_is_cured_by_one_refresh() {
    for (code, message) in [
        (Some(40_102), "The access token has expired."),
        (None, "Unauthorized: access token expired"),
    ] {
        for via in ALL {
            let builder = answering(401, code, message, 1).refresh_tokens(["rft.1"]);
            let simulator = simulator(builder);
            let server = serve(&simulator).await;
            let users = UserTokens::builder(simulator.clone(), "id", "secret")
                .persist(|_| async { Ok(()) })
                .refresh_token("default", "rft.1")
                .build()
                .unwrap();
            let tokens = builder_of(users);
            let stack = Stack::with_tokens(via, tokens);
            let told = stack.send(create(server.address(), "a")).await;
            assert_eq!(told, SUCCESS, "{via:?}, {code:?}");
            let ledger = simulator.ledger();
            assert_eq!(ledger.total.created, 1, "{via:?}, {code:?}");
            let refreshes = &ledger.endpoints["/tt_user/oauth2/refresh_token/"];
            assert_eq!(refreshes.received, 1, "{via:?}, {code:?}");
        }
    }
}

fn builder_of(users: UserTokens) -> TokenRefreshLayer {
    let token = Token::new("t").unwrap();
    builder(users).token(token).build().unwrap()
}

#[tokio::test]
async fn a_401_of_an_advertiser_stops_the_token_and_says_what_to_do() {
    for (code, message) in [
        (
            Some(40_105),
            "Access token is incorrect or has been revoked.",
        ),
        (None, "401 Unauthorized"),
    ] {
        for via in ALL {
            let simulator = simulator(answering(401, code, message, 1_000));
            let server = serve(&simulator).await;
            let stack = Stack::with_tokens(via, long_term());
            let first = found(&stack, create(server.address(), "a")).await.unwrap();
            assert_eq!(first.class(), ErrorClass::TokenInvalid, "{via:?}");
            for _ in 0..10 {
                let error = found(&stack, create(server.address(), "a"))
                    .await
                    .unwrap_err();
                let stopped = error.downcast_ref::<TokenStopped>().unwrap();
                assert_eq!(stopped.classification(), Some(&first));
                let remedy = first.remedy().trim_end_matches('.');
                assert!(error.to_string().contains(remedy), "{via:?}: {error}");
            }
            assert_eq!(simulator.ledger().total.received, 1, "{via:?}");
        }
    }
}

#[tokio::test]
async fn a_40001_stops_one_advertiser_and_no_other() {
    for via in ALL {
        let builder = answering(200, 40_001, "No permission to operate advertiser: 8", 1_000);
        let simulator = simulator(builder);
        let server = serve(&simulator).await;
        let stack = Stack::with_tokens(via, long_term());
        let refused = found(&stack, create(server.address(), "a")).await.unwrap();
        assert_eq!(refused.class(), ErrorClass::PermissionDenied, "{via:?}");
        assert!(
            refused.remedy().contains("authorise"),
            "{}",
            refused.remedy()
        );
        let error = found(&stack, read(server.address())).await.unwrap_err();
        let stopped = error.downcast_ref::<TokenStopped>().unwrap();
        assert_eq!(stopped.account().unwrap().as_str(), "7", "{via:?}");
        let uri = read(server.address()).uri().to_string().replace("=7", "=9");
        let mut other = read(server.address());
        *other.uri_mut() = uri.parse().unwrap();
        let other = found(&stack, other).await.unwrap();
        assert_eq!(
            other.class(),
            ErrorClass::PermissionDenied,
            "{via:?}: it was sent"
        );
        assert_eq!(simulator.ledger().total.received, 2, "{via:?}");
    }
}

#[tokio::test]
async fn a_40002_is_a_permission_only_if_it_says_so_and_is_never_sent_again() {
    for (message, class) in [
        (
            "Insufficient permission: the scope is missing",
            ErrorClass::PermissionDenied,
        ),
        (
            "Time format should be %Y-%m-%dT%H:%M.",
            ErrorClass::InvalidRequest,
        ),
    ] {
        for via in ALL {
            let simulator = simulator(answering(200, 40_002, message, 1_000));
            let server = serve(&simulator).await;
            let stack = Stack::new(via);
            let told = found(&stack, create(server.address(), "a")).await.unwrap();
            assert_eq!(told.class(), class, "{via:?}");
            assert_eq!(told.message(), Some(message));
            assert!(!told.remedy().is_empty());
            assert_eq!(simulator.ledger().total.received, 1, "{via:?}");
        }
    }
}

#[tokio::test]
async fn a_40100_is_a_limit_unless_it_speaks_of_a_token() {
    for status in [200, 401] {
        let calls = ALL.map(|via| async move {
            let limit = "App 7 reaches the QPS limit 10, current QPS is 11";
            let simulator = simulator(answering(status, 40_100, limit, 1));
            let server = serve(&simulator).await;
            let stack = Stack::with_tokens(via, long_term());
            let told = stack.send(create(server.address(), "a")).await;
            assert_eq!(told, SUCCESS, "{via:?}, {status}");
            let total = simulator.ledger().total;
            assert_eq!((total.received, total.created), (2, 1), "{via:?}, {status}");
        });
        join_all(calls).await;
    }
    for via in ALL {
        let simulator = simulator(answering(200, 40_100, "Invalid access token", 1_000));
        let server = serve(&simulator).await;
        let stack = Stack::with_tokens(via, long_term());
        let told = found(&stack, create(server.address(), "a")).await.unwrap();
        assert_eq!(told.class(), ErrorClass::TokenInvalid, "{via:?}");
        let error = found(&stack, create(server.address(), "a"))
            .await
            .unwrap_err();
        assert!(error.is::<TokenStopped>(), "{via:?}");
        assert_eq!(simulator.ledger().total.received, 1, "{via:?}");
    }
}

async fn a_50002(via: Via, applied: bool) {
    let fault = Fault::ServerError {
        code: 50_002,
        applied,
    };
    let simulator = simulator(Simulator::builder().script(Script::new(fault)));
    let server = serve(&simulator).await;
    let stack = Stack::new(via);
    let error = found(&stack, create(server.address(), "a"))
        .await
        .unwrap_err();
    let unknown = error.downcast_ref::<OutcomeUnknown>().unwrap();
    let told = unknown.classification().unwrap();
    assert_eq!(told.class(), ErrorClass::Transient, "{via:?}");
    assert!(
        told.remedy().contains("read a write back"),
        "{}",
        told.remedy()
    );
    simulator.script(Script::new(fault));
    assert_eq!(stack.send(read(server.address())).await, SUCCESS);
    let total = simulator.ledger().total;
    assert_eq!(total.created, u64::from(applied), "{via:?}");
    assert_eq!(total.duplicated, 0, "{via:?}");
}

#[tokio::test]
async fn a_50002_costs_a_read_nothing_and_leaves_a_write_unknown() {
    for via in ALL {
        a_50002(via, false).await;
        a_50002(via, true).await;
    }
}

#[tokio::test]
async fn a_2200006_is_asked_again_until_the_video_is_ready_or_has_failed() {
    for via in ALL {
        let simulator = simulator(answering(
            200,
            2_200_006,
            "Video processing not finished",
            2,
        ));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let told = stack.send(read(server.address())).await;
        assert_eq!(told, SUCCESS, "{via:?}");
        assert_eq!(simulator.ledger().total.received, 3, "{via:?}");
    }
    for via in ALL {
        let simulator = simulator(answering(200, 2_200_006, "Video processing failed", 1_000));
        let server = serve(&simulator).await;
        let stack = Stack::new(via);
        let told = found(&stack, read(server.address())).await.unwrap();
        assert_eq!(told.class(), ErrorClass::Permanent, "{via:?}");
        assert!(told.remedy().contains("Upload"), "{}", told.remedy());
        assert_eq!(
            stack.send(read(server.address())).await,
            Told::Code(2_200_006)
        );
        assert_eq!(simulator.ledger().total.received, 2, "{via:?}");
    }
}
