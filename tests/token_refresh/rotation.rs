//! TikTok users' tokens through the whole stack: refresh tokens that rotate.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use tokio_test::task;
use tower::{BoxError, Layer, ServiceExt};
use tower_tiktok::{
    classify::ErrorClass,
    simulator::Simulator,
    tiktok::{
        TikTok, TikTokLayer,
        token::{self, RefreshRefused, UserGrant, UserTokens},
    },
    token_refresh::{
        RefreshRequest, Secret, Token, TokenKey, TokenRefreshBuilder, TokenRefreshLayer,
        TokenSource, TokenStopped,
    },
};

use crate::support::{Notices, create, read, unlimited};

const REFRESH: &str = "/tt_user/oauth2/refresh_token/";

/// A simulator that knows one refresh token.
fn simulator() -> Simulator {
    let builder = unlimited().tokens([""; 0]).refresh_tokens(["rft.first"]);
    builder.build().unwrap()
}

/// The refresh tokens that were stored, the newest last.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Vec<String>>>);

impl Store {
    fn put(&self, grant: &UserGrant) {
        let token = grant.refresh_token().expose().to_owned();
        self.0.lock().unwrap().push(token);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn newest(&self) -> String {
        self.all().pop().unwrap_or_else(|| "rft.first".to_owned())
    }

    /// A source of what was stored, which takes a while to store more.
    fn source(&self, simulator: &Simulator) -> UserTokens {
        let store = self.clone();
        UserTokens::builder(simulator.clone(), "id", "secret-of-the-app")
            .persist(move |grant| {
                let store = store.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    tokio::task::yield_now().await;
                    store.put(&grant);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Ok(())
                }
            })
            .refresh_token("default", self.newest())
            .build()
            .unwrap()
    }
}

fn stack(simulator: &Simulator, tokens: TokenRefreshBuilder) -> TikTok<Simulator> {
    TikTokLayer::builder()
        .access_level("100000/6000000/864000000".parse().unwrap())
        .tokens(tokens.build().unwrap())
        .build()
        .layer(simulator.clone())
}

async fn send(client: &TikTok<Simulator>, request: Request<Full<Bytes>>) -> ErrorClass {
    let response = client.clone().oneshot(request).await.unwrap();
    ErrorClass::of(&response)
}

fn refreshes(simulator: &Simulator) -> u64 {
    let ledger = simulator.ledger();
    ledger
        .endpoints
        .get(REFRESH)
        .map_or(0, |tally| tally.received)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_writes_meet_an_expired_token_of_a_user_and_it_is_refreshed_once() {
    let simulator = simulator();
    simulator.issue_token("act.old", Some(Duration::ZERO));
    let store = Store::default();
    let tokens = token::builder(store.source(&simulator)).token(Token::new("act.old").unwrap());
    let client = stack(&simulator, tokens);
    let calls = (0..1_000).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { send(&client, create("7", &n.to_string())).await })
    });
    for class in join_all(calls).await {
        assert_eq!(class.unwrap(), ErrorClass::Success);
    }
    assert_eq!(refreshes(&simulator), 1);
    let total = simulator.ledger().total;
    assert_eq!((total.created, total.duplicated), (1_000, 0));
    assert_eq!(store.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_works_for_a_week_is_refreshed_each_day() {
    let simulator = simulator();
    let store = Store::default();
    let client = stack(&simulator, token::builder(store.source(&simulator)));
    for _ in 0..7 * 24 * 60 {
        assert_eq!(send(&client, read("7")).await, ErrorClass::Success);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(simulator.ledger().total.rejected, 0);
    assert_eq!(refreshes(&simulator), 8);
    assert_eq!(store.all().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_used_before_it_is_stored_and_storing_is_tried_again() {
    let simulator = simulator();
    let tried = Arc::new(Mutex::new(Vec::new()));
    let (seen, server) = (Arc::clone(&tried), simulator.clone());
    let source = UserTokens::builder(simulator.clone(), "id", "secret")
        .persist(move |grant: UserGrant| {
            let (seen, server) = (Arc::clone(&seen), server.clone());
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                assert_eq!(server.ledger().total.received, 1, "the refresh and no more");
                let token = grant.refresh_token().clone();
                let mut seen = seen.lock().unwrap();
                seen.push(token);
                match seen.len() {
                    0..4 => Err(BoxError::from("the database is down")),
                    _ => Ok(()),
                }
            }
        })
        .refresh_token("default", "rft.first")
        .build()
        .unwrap();
    let client = stack(&simulator, token::builder(source));
    // Backoff outside waits for it.
    assert_eq!(send(&client, create("7", "a")).await, ErrorClass::Success);
    let tried = tried.lock().unwrap();
    assert_eq!(tried.len(), 4);
    assert!(tried.iter().all(|token| *token == tried[0]));
    assert_eq!(refreshes(&simulator), 1);
}

/// Breaks a refresh off after so many polls. `true`: it was through.
async fn broken_off(source: &UserTokens, polls: u32) -> bool {
    let wanted = TokenRefreshLayer::builder({
        let source = source.clone();
        move |wanted: RefreshRequest| source.refresh(wanted)
    });
    // Its own layer gives it the request, and its task is polled by hand.
    let captured = Arc::new(Mutex::new(None));
    let capture = Arc::clone(&captured);
    drop(wanted);
    let layer = TokenRefreshLayer::builder(move |wanted: RefreshRequest| {
        *capture.lock().unwrap() = Some(wanted);
        std::future::pending::<Result<Token, BoxError>>()
    });
    let never =
        tower::service_fn(|_: Request<()>| async { Ok::<_, BoxError>(http::Response::new(())) });
    let mut call = task::spawn(
        layer
            .build()
            .unwrap()
            .layer(never)
            .oneshot(Request::new(())),
    );
    assert!(call.poll().is_pending());
    tokio::task::yield_now().await;
    let wanted = captured.lock().unwrap().take().unwrap();
    let mut refresh = task::spawn(source.refresh(wanted));
    for _ in 0..polls {
        if refresh.poll().is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_broken_off_anywhere_loses_nothing() {
    let mut polls = 1;
    loop {
        let simulator = simulator();
        let store = Store::default();
        let source = store.source(&simulator);
        let ended = broken_off(&source, polls).await;
        // The process goes on: it has what TikTok gave, stored or not.
        let client = stack(&simulator, token::builder(source));
        assert_eq!(
            send(&client, read("7")).await,
            ErrorClass::Success,
            "{polls}"
        );
        if ended {
            break;
        }
        polls += 1;
    }
    assert!(polls >= 4, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_after_storing_finds_the_newest_token() {
    let mut restarts = 0;
    for polls in 1..20 {
        let simulator = simulator();
        let store = Store::default();
        let ended = broken_off(&store.source(&simulator), polls).await;
        if store.all().is_empty() {
            // Only TikTok knew the new one, which nothing here can help.
            continue;
        }
        restarts += 1;
        let client = stack(&simulator, token::builder(store.source(&simulator)));
        assert_eq!(
            send(&client, read("7")).await,
            ErrorClass::Success,
            "{polls}"
        );
        if ended {
            break;
        }
    }
    assert!(restarts >= 3, "{restarts}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_is_void_stops_the_token_and_says_what_to_do() {
    let simulator = unlimited()
        .tokens([""; 0])
        .refresh_tokens(["another"])
        .build()
        .unwrap();
    let notices = Notices::default();
    let source = Store::default().source(&simulator);
    let tokens = token::builder(source.clone()).on_notice(notices.hook());
    let client = stack(&simulator, tokens);
    for _ in 0..100 {
        let error = client.clone().oneshot(read("7")).await.unwrap_err();
        let stopped = error.downcast_ref::<TokenStopped>().unwrap();
        let refused = stopped.cause().unwrap().downcast_ref::<RefreshRefused>();
        let found = refused.unwrap().classification();
        assert_eq!(found.code().unwrap().as_number(), Some(40_107));
        assert!(
            error
                .to_string()
                .contains(found.remedy().trim_end_matches('.'))
        );
    }
    assert_eq!(simulator.ledger().total.received, 1);
    assert_eq!(notices.take(), ["stopped default"]);
    // The user has authorised the app again.
    source.set_refresh_token(TokenKey::default().as_str(), Secret::new("another"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(send(&client, read("7")).await, ErrorClass::Success);
    assert_eq!(notices.take(), ["resumed default", "refreshed default"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_is_called_without_a_token() {
    let simulator = simulator();
    let tokens = token::LongTermTokens::builder();
    let client = stack(&simulator, tokens);
    let body = r#"{"app_id":"1","secret":"s","auth_code":"c"}"#;
    let request = Request::post("/open_api/v1.3/oauth2/access_token/")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap();
    assert_eq!(send(&client, request).await, ErrorClass::Success);
    // Any other has none to bear, and says who must do what.
    let error = client.oneshot(read("7")).await.unwrap_err();
    assert!(error.to_string().contains("authorise the app"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_of_the_app_is_ever_shown() {
    let simulator = simulator();
    let source = Store::default().source(&simulator);
    let shown = format!("{source:?} {:?}", token::builder(source.clone()));
    assert!(
        !shown.contains("secret-of-the-app") && !shown.contains("rft."),
        "{shown}"
    );
}
