use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::Full;
use tower::{BoxError, Layer, ServiceExt};
use tower_tiktok::{
    classify::{Classification, ErrorClass},
    extensions::{Operation, RequestContext},
    simulator::{Level, Simulator, SimulatorBuilder, Tally},
    tiktok::{TikTokErrorClassifier, TikTokErrorClassifierLayer},
    token_refresh::{
        InvalidToken, RefreshRequest, Token, TokenNotice, TokenRefresh, TokenRefreshBuilder,
        TokenRefreshHandle, TokenRefreshLayer,
    },
};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("access-token");

pub(crate) type Client = TokenRefresh<TikTokErrorClassifier<Simulator>>;

/// A simulator that takes only tokens it knows, without other limits.
pub(crate) fn simulator(tokens: &[&str]) -> Simulator {
    unlimited().tokens(tokens.iter().copied()).build().unwrap()
}

pub(crate) fn unlimited() -> SimulatorBuilder {
    Simulator::builder()
        .level(Level::custom(1_000_000, 100_000_000, 1_000_000_000))
        .advertiser_qps(None)
        .vary(false)
}

/// Gives out tokens that the simulator takes, and counts them.
#[derive(Clone)]
pub(crate) struct Issuer {
    simulator: Simulator,
    pub(crate) asked: Arc<AtomicU64>,
    pub(crate) takes: Duration,
    pub(crate) lifetime: Option<Duration>,
}

impl Issuer {
    pub(crate) fn new(simulator: &Simulator) -> Self {
        Self {
            simulator: simulator.clone(),
            asked: Arc::default(),
            takes: Duration::from_millis(200),
            lifetime: None,
        }
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn layer(&self) -> TokenRefreshBuilder {
        let issuer = self.clone();
        let source = move |wanted: RefreshRequest| {
            let issuer = issuer.clone();
            async move { issuer.issue(&wanted).await }
        };
        TokenRefreshLayer::builder(source).header(HEADER, "")
    }

    async fn issue(&self, wanted: &RefreshRequest) -> Result<Token, InvalidToken> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        let name = format!("{}-{number}", wanted.key());
        self.simulator.issue_token(&name, self.lifetime);
        let token = Token::new(name)?;
        Ok(match self.lifetime {
            Some(lifetime) => token.expires_in(lifetime),
            None => token,
        })
    }
}

/// A client of the simulator, and the handle of its tokens.
pub(crate) fn client(
    simulator: &Simulator,
    tokens: TokenRefreshBuilder,
) -> (Client, TokenRefreshHandle) {
    let tokens = tokens.build().unwrap();
    let handle = tokens.handle();
    let judged = TikTokErrorClassifierLayer::new().layer(simulator.clone());
    (tokens.layer(judged), handle)
}

/// Keeps what the layer says of its tokens.
#[derive(Clone, Default)]
pub(crate) struct Notices(Arc<Mutex<Vec<String>>>);

impl Notices {
    pub(crate) fn hook(&self) -> impl Fn(TokenNotice<'_>) + Send + Sync + 'static {
        let told = self.clone();
        move |notice| {
            told.0.lock().unwrap().push(match notice {
                TokenNotice::Stopped(stopped) => format!("stopped {}", stopped.key()),
                TokenNotice::Resumed(key) => format!("resumed {key}"),
                TokenNotice::Refreshed(key) => format!("refreshed {key}"),
                TokenNotice::RefreshFailed(failed) => format!("failed {}", failed.key()),
                _ => "something else".to_owned(),
            });
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub(crate) fn create(account: &str, name: &str) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"advertiser_id":"{account}","campaign_name":"{name}","objective_type":"TRAFFIC"}}"#
    );
    let context = RequestContext::new(Operation::Write)
        .with_account(account)
        .with_endpoint("/campaign/create/");
    Request::post("/open_api/v1.3/campaign/create/")
        .header("content-type", "application/json")
        .extension(context)
        .body(Full::from(body))
        .unwrap()
}

pub(crate) fn read(account: &str) -> Request<Full<Bytes>> {
    let context = RequestContext::new(Operation::Read)
        .with_account(account)
        .with_endpoint("/campaign/get/");
    Request::get(format!(
        "/open_api/v1.3/campaign/get/?advertiser_id={account}"
    ))
    .extension(context)
    .body(Full::default())
    .unwrap()
}

/// The class of the answer, or the error.
pub(crate) async fn send(
    client: &Client,
    request: Request<Full<Bytes>>,
) -> Result<ErrorClass, BoxError> {
    let response = client.clone().oneshot(request).await?;
    Ok(ErrorClass::of(&response))
}

/// The code of the answer.
pub(crate) async fn code(client: &Client, request: Request<Full<Bytes>>) -> i64 {
    let response = client.clone().oneshot(request).await.unwrap();
    let found = response.extensions().get::<Classification>();
    found.map_or(0, |found| found.code().unwrap().as_number().unwrap())
}

pub(crate) fn total(simulator: &Simulator) -> Tally {
    simulator.ledger().total
}
