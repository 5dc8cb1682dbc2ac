//! All layers at once, in the right order.
//!
//! Endpoint code should know nothing of limits, retries and permits, and
//! nobody should have to remember which layer belongs outside which: a permit
//! held while a retry sleeps, or an attempt that nobody counts, is the kind of
//! mistake that shows in production only. This layer is the whole stack. Each
//! part can be replaced by one that you have built yourself.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     body::Peeked, extensions::Attempt, per_account_concurrency::PerAccountConcurrencyLayer,
//!     tiktok::TikTokLayer,
//! };
//!
//! // In place of an HTTP client. It throttles the first attempt as TikTok does.
//! async fn api(request: Request<Peeked<Full<Bytes>>>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     let body = match request.extensions().get::<Attempt>() {
//!         None => r#"{"code":40100,"message":"App 1 reaches the QPS limit 10, current QPS is 11"}"#,
//!         Some(_) => r#"{"code":0,"message":"OK","data":{"campaign_id":"17"}}"#,
//!     };
//!     Ok(Response::new(Full::from(body)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let one_write_at_a_time = PerAccountConcurrencyLayer::builder().max_writes(1).build()?;
//! let layer = TikTokLayer::builder().concurrency(one_write_at_a_time).build();
//! let handle = layer.concurrency_handle();
//! let mut client = ServiceBuilder::new()
//!     .layer(layer)
//!     .service_fn(api);
//!
//! let create = Request::post("/open_api/v1.3/campaign/create/")
//!     .header("content-type", "application/json")
//!     .body(Full::from(r#"{"advertiser_id":"7001","campaign_name":"spring"}"#))?;
//! let response = client.ready().await?.call(create).await?;
//! let body = response.into_body().collect().await?.to_bytes();
//! assert!(body.starts_with(br#"{"code":0"#));
//! assert_eq!(handle.limits().max_writes(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! From the outside in. A layer of your own that should see each attempt, such
//! as a timeout, belongs inside the whole; one that should
//! see each request once, outside.
//!
//! | part | set by | what it does |
//! |---|---|---|
//! | [`TikTokRequestContextLayer`] | [`context`](TikTokLayerBuilder::context) | finds account, endpoint and operation |
//! | [`ReconcileLayer`] | [`reconcile`](TikTokLayerBuilder::reconcile) | off by default: finds out what became of a write in doubt |
//! | [`ReportBatchingLayer`] | [`report_batching`](TikTokLayerBuilder::report_batching), off by default | answers identical reads with one request |
//! | [`PollPacingLayer`] | [`poll_pacing`](TikTokLayerBuilder::poll_pacing), off by default | spaces out polls, waits for what is not ready |
//! | [`JitteredBackoffLayer`] | [`backoff`](TikTokLayerBuilder::backoff) | sends again what is safe to send again |
//! | [`TimeoutBrakeLayer`] | [`timeout_brake`](TikTokLayerBuilder::timeout_brake), off unless reads are batched | sends no report again that keeps timing out, and few at once |
//! | [`TokenRefreshLayer`](crate::token_refresh) | [`tokens`](TikTokLayerBuilder::tokens) | puts the access token on each attempt; off unless it is set |
//! | [`PerAccountConcurrencyLayer`] | [`concurrency`](TikTokLayerBuilder::concurrency) | permits for each account; held for an attempt, not while a retry sleeps |
//! | [`RequestPacingLayer`] | [`access_level`](TikTokLayerBuilder::access_level), [`quotas`](TikTokLayerBuilder::quotas), [`pacing`](TikTokLayerBuilder::pacing) | releases requests within every limit, fairly |
//! | [`ThrottleAlertLayer`](crate::throttle_alert) | [`alerts`](TikTokLayerBuilder::alerts) | raises an alert where throttling lasts; off unless it is set |
//! | [`RetryAfterHeaderLayer`] | [`retry_after_header`](TikTokLayerBuilder::retry_after_header) | reads and logs waits and limits |
//! | [`TikTokErrorClassifierLayer`] | [`classifier`](TikTokLayerBuilder::classifier) | reads the code in the body |
//!
//! If the client decompresses, it does so inside: a compressed body is judged
//! by its HTTP status alone.
//!
//! # Pacing
//!
//! Requests go as fast as the [access level](super::quotas) of the developer
//! app lets them. Nobody but TikTok knows which level that is, so the slowest,
//! [`AccessLevel::Basic`], is taken for granted until
//! [you name it](TikTokLayerBuilder::access_level). Who else uses the same app
//! takes a part of the same limits: see [`TikTokQuotas`] for how to leave it.
//!
//! # Sharing
//!
//! With the feature `shared-state`, `TikTokLayerBuilder::shared` shares every
//! limit of the app, what was learned of it, and each refusal that closes a part
//! of it, with the other processes that use the same app. It costs a round trip to
//! the store every two to three seconds, and no request waits for one unless
//! its process has nothing left. The permits of the accounts stay those of each
//! process, for one that is held while its request waits for its turn is missing to
//! the others; to share them too, share the part that has them, with the same state,
//! which costs [hardly more](crate::per_account_concurrency#sharing):
//!
//! ```
//! # #[cfg(feature = "shared-state")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_tiktok::{
//!     per_account_concurrency::PerAccountConcurrencyLayer,
//!     shared_state::{MemoryStore, SharedState},
//!     tiktok::TikTokLayer,
//! };
//!
//! let state = SharedState::from(MemoryStore::new()); // or a `RedisState`
//! let permits = PerAccountConcurrencyLayer::builder().shared(state.clone()).build()?;
//! let layer = TikTokLayer::builder().concurrency(permits).shared(state).build();
//! assert!(layer.concurrency_handle().shared().is_some());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "shared-state"))]
//! # fn main() {}
//! ```
//!
//! What happens while the store is away, and which fleets fit:
//! `tower_tiktok::shared_state`.
//!
//! # Errors
//!
//! What TikTok answers is a response, with a
//! [`Classification`](crate::classify::Classification) in its extensions unless
//! it is a plain success. An error is one of [`crate::error`], a full queue
//! ([of an account](crate::per_account_concurrency::QueueFull), or
//! [of all](crate::request_pacing::QueueFull)), or the client's.
//!
//! # Cancel safety
//!
//! The response future and the body may be dropped at any time: no permit, no
//! place in a queue and no task is left behind. A request that nothing keeps
//! waiting has its permit and its slots from the call on: a future that is kept,
//! but neither polled nor dropped, keeps them from others.
//!
//! # Limits at run time
//!
//! [`TikTokLayer::concurrency_handle`] changes the permits of one account, or
//! of all, while requests are under way. [`TikTokLayer::pacing_handle`] changes
//! quotas, and tells how long the queue is.
//!
//! # Clone
//!
//! Clones of the layer and of its services share permits, the queue and the
//! retry budget.
//! So build it once and clone it: two stacks do not know of each other.

mod body;
mod builder;
mod future;
mod layer;
mod service;

pub use self::{
    body::ResponseBody, builder::TikTokLayerBuilder, future::ResponseFuture, layer::TikTokLayer,
    service::TikTok,
};

#[cfg(doc)]
use super::{AccessLevel, TikTokErrorClassifierLayer, TikTokQuotas, TikTokRequestContextLayer};
#[cfg(doc)]
use crate::{
    jittered_backoff::JitteredBackoffLayer, per_account_concurrency::PerAccountConcurrencyLayer,
    poll_pacing::PollPacingLayer, reconcile::ReconcileLayer, report_batching::ReportBatchingLayer,
    request_pacing::RequestPacingLayer, retry_after_header::RetryAfterHeaderLayer,
    timeout_brake::TimeoutBrakeLayer,
};
