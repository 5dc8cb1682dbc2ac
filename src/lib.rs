//! Tower layers for clients of the TikTok Business API: errors told apart,
//! limits obeyed, and no write carried out twice.
//!
//! Who launches campaigns in bulk meets TikTok's limits, and these are not
//! like others: a refusal comes as HTTP 200, without `Retry-After`; whoever
//! overruns a minute is shut out for five; and most creates are not
//! idempotent, so a careless retry buys a second campaign with real money.
//! Stack [`TikTokLayer`](tiktok::TikTokLayer) around the HTTP client that you
//! have, and endpoint code need know nothing of it.
//!
//! # Example
//!
//! hyper's client through the whole stack, over a real connection, to a server
//! whose gateway fails the first request:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::{BodyExt, Full};
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{classify::ErrorClass, tiktok::TikTokLayer};
//! # use tower_tiktok::simulator::{Fault, Script, Simulator};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let simulator = Simulator::builder()
//! #     .script(Script::new(Fault::BadGateway).path("/campaign/get/").times(1))
//! #     .build()?;
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let api = format!("http://{}", listener.local_addr()?);
//! # let _server = simulator.serve(listener)?;
//! let mut client = ServiceBuilder::new()
//!     .layer(TikTokLayer::builder().build())
//!     .service(Client::builder(TokioExecutor::new()).build_http());
//!
//! let request = Request::get(format!("{api}/open_api/v1.3/campaign/get/?advertiser_id=7001"))
//!     .header("access-token", "secret")
//!     .body(Full::<Bytes>::default())?;
//! let response = client.ready().await?.call(request).await?;
//!
//! assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
//! # assert_eq!(simulator.ledger().total.received, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # The layers
//!
//! Outermost first. Each works alone; the whole stacks them in this order.
//!
//! | layer | what it does | finds | leaves |
//! |---|---|---|---|
//! | [`TikTokRequestContextLayer`](tiktok::context) | tells account, endpoint and operation | URL, beginning of the body | [`RequestContext`](extensions::RequestContext) |
//! | [`ReconcileLayer`](reconcile) | finds out what became of a write whose answer was lost; off by default | `RequestContext` | [`Reconciled`](reconcile::Reconciled) |
//! | [`ReportBatchingLayer`](report_batching) | answers identical reads with one request, and merges reports | `RequestContext` | |
//! | [`PollPacingLayer`](poll_pacing) | spaces out polls; waits while a job is not ready | `RequestContext`, `Classification` | [`LeaveNotReady`](extensions::LeaveNotReady) |
//! | [`JitteredBackoffLayer`](jittered_backoff) | sends again what is safe to send again | all of the below | [`Attempt`](extensions::Attempt) |
//! | [`TimeoutBrakeLayer`](timeout_brake) | sends no read again that keeps timing out, and few at once | `RequestContext`, `Classification` | |
//! | [`TokenRefreshLayer`](token_refresh) | puts the token on each attempt, and refreshes it once for all | `RequestContext`, `Classification` | |
//! | [`PerAccountConcurrencyLayer`](per_account_concurrency) | so many requests in flight for each account | `RequestContext` | |
//! | [`RequestPacingLayer`](request_pacing) | releases requests within every limit, fairly | `RequestContext`, `Classification`, `RetryAfter`, `RateLimitStatus` | [`PacedHold`](extensions::PacedHold) |
//! | [`ThrottleAlertLayer`](throttle_alert) | raises an alert on sustained throttling, and clears it | `RequestContext`, `Classification`, `RetryAfter` | |
//! | [`RetryAfterHeaderLayer`](retry_after_header) | reads and logs waits and limits | headers | [`RetryAfter`](extensions::RetryAfter), [`RateLimitStatus`](extensions::RateLimitStatus) |
//! | [`TikTokErrorClassifierLayer`](tiktok::classifier) | reads the code in the body | beginning of the body | [`Classification`](classify::Classification) |
//!
//! One layer reads the body, one reads the headers, and all others read what
//! these two leave in the [`extensions`]. So a layer of your own fits in
//! anywhere, and a [classifier](error_classifier) of your own makes the generic
//! layers serve another API.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `tiktok` | yes | [`tiktok`]: the whole stack; turns on the layers below |
//! | `error-classifier` | yes | [`error_classifier`] |
//! | `retry-after-header` | yes | [`retry_after_header`] |
//! | `jittered-backoff` | yes | [`jittered_backoff`] |
//! | `per-account-concurrency` | yes | [`per_account_concurrency`] |
//! | `reconcile` | yes | [`reconcile`] |
//! | `request-pacing` | yes | [`request_pacing`] |
//! | `token-refresh` | yes | [`token_refresh`] |
//! | `poll-pacing` | yes | [`poll_pacing`] |
//! | `report-batching` | yes | [`report_batching`] |
//! | `timeout-brake` | yes | [`timeout_brake`] |
//! | `hyper` | yes | tells hyper's and reqwest's transport errors apart |
//! | `service-builder-ext` | yes | [`ServiceBuilderExt`] |
//! | `shared-state` | | `shared_state`: one limit for several processes |
//! | `redis` | | the same, kept in Redis |
//! | `redis-tls` | | and over TLS |
//! | `throttle-alert` | yes | [`throttle_alert`] |
//! | `serde` | | alerts can be serialised |
//! | `metrics` | | `metrics`: counters, gauges and histograms |
//! | `simulator` | | a TikTok that enforces its limits, for tests |

pub mod body;
pub mod classify;
pub mod error;
#[cfg(feature = "error-classifier")]
pub mod error_classifier;
pub mod extensions;
#[cfg(feature = "jittered-backoff")]
pub mod jittered_backoff;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "per-account-concurrency")]
pub mod per_account_concurrency;
#[cfg(feature = "poll-pacing")]
pub mod poll_pacing;
#[cfg(feature = "reconcile")]
pub mod reconcile;
#[cfg(feature = "report-batching")]
pub mod report_batching;
#[cfg(feature = "request-pacing")]
pub mod request_pacing;
#[cfg(feature = "retry-after-header")]
pub mod retry_after_header;
#[cfg(feature = "shared-state")]
pub mod shared_state;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "throttle-alert")]
pub mod throttle_alert;
#[cfg(feature = "tiktok")]
pub mod tiktok;
#[cfg(feature = "timeout-brake")]
pub mod timeout_brake;
#[cfg(feature = "token-refresh")]
pub mod token_refresh;

#[cfg(feature = "service-builder-ext")]
pub use self::tiktok::ServiceBuilderExt;

#[cfg(any(feature = "poll-pacing", feature = "report-batching"))]
mod coalesce;
#[cfg(any(feature = "jittered-backoff", feature = "token-refresh"))]
mod exponential;
#[cfg(feature = "error-classifier")]
mod find_byte;
#[cfg(any(
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "timeout-brake"
))]
mod identity;
#[cfg(any(feature = "report-batching", feature = "timeout-brake"))]
mod oneshot;
#[cfg(any(feature = "per-account-concurrency", feature = "request-pacing"))]
mod queueing;
#[cfg(any(
    feature = "per-account-concurrency",
    feature = "report-batching",
    feature = "timeout-brake",
    feature = "token-refresh"
))]
mod send_by;
#[cfg(any(feature = "per-account-concurrency", feature = "request-pacing"))]
mod slab;
#[cfg(any(
    feature = "request-pacing",
    feature = "retry-after-header",
    feature = "throttle-alert",
    feature = "tiktok"
))]
mod wall_clock;

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
