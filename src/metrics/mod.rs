//! Count what the layers do, through the `metrics` facade.
//!
//! A dashboard answers what a log cannot: how much is refused, how long
//! requests wait, and how near the limits are. The layers count as they go; the
//! program installs whatever recorder it likes, such as the Prometheus
//! exporter. Without one, a request pays some 200 instructions.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use metrics_util::debugging::{DebugValue, DebuggingRecorder};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tiktok::{metrics, retry_after_header::RetryAfterHeaderLayer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In place of an exporter.
//! let recorder = DebuggingRecorder::new();
//! let snapshotter = recorder.snapshotter();
//! recorder.install()?;
//! metrics::describe();
//!
//! let client = ServiceBuilder::new()
//!     .layer(RetryAfterHeaderLayer::new(std::time::Duration::from_secs(60)))
//!     .service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
//! client.oneshot(Request::new(())).await?;
//!
//! let counted = snapshotter.snapshot().into_vec();
//! let attempts = counted.iter().find(|it| it.0.key().name() == metrics::ATTEMPTS);
//! assert_eq!(attempts.map(|it| &it.3), Some(&DebugValue::Counter(1)));
//! # Ok(())
//! # }
//! ```
//!
//! # Names
//!
//! Names and labels are stable. Every label has a bounded number of values,
//! whatever the server and the callers do: no account, no path, no id. Where
//! OpenTelemetry's conventions for HTTP clients have a name, it is that one. In
//! Prometheus, dots read as underscores.
//!
//! | name | kind | unit | labels |
//! |---|---|---|---|
//! | [`http.client.request.duration`](REQUEST_DURATION) | histogram | seconds | `http.request.method`, `http.response.status_code`, `error.type` |
//! | [`api_client.attempts`](ATTEMPTS) | counter | attempts | `class`, `code` |
//! | [`api_client.throttles`](THROTTLES) | counter | attempts | `scope`, `window` |
//! | [`api_client.resends`](RESENDS) | counter | requests | `class` |
//! | [`api_client.wait`](WAIT) | histogram | seconds | `cause`: `pacing`, `permit`, `backoff` |
//! | [`api_client.holds`](HOLDS) | counter | holds | `scope` |
//! | [`api_client.queue.depth`](QUEUE_DEPTH) | gauge | requests | `queue`: `pacing`, `permit` |
//! | [`api_client.queue.age`](QUEUE_AGE) | gauge | seconds | `queue`: `pacing` |
//! | [`api_client.held_scopes`](HELD_SCOPES) | gauge | scopes | `scope` |
//! | [`api_client.learned_scopes`](LEARNED_SCOPES) | gauge | scopes | `scope` |
//! | [`api_client.permits`](PERMITS) | gauge | requests | `operation`: `read`, `write` |
//! | [`api_client.limit`](LIMIT) | gauge | requests | `window` |
//! | [`api_client.limit.used`](LIMIT_USED) | gauge | requests | `window` |
//! | [`api_client.retry_budget`](RETRY_BUDGET) | gauge | resends | |
//! | [`api_client.retry_budget.refused`](RETRY_BUDGET_REFUSED) | counter | resends | |
//! | [`api_client.shared_state.up`](SHARED_STATE_UP) | gauge | 0 or 1 | |
//! | [`api_client.shared_state.instances`](SHARED_STATE_INSTANCES) | gauge | processes | |
//! | [`api_client.shared_state.exchanges`](SHARED_STATE_EXCHANGES) | counter | exchanges | `outcome`: `success`, `failure` |
//! | [`api_client.polls_saved`](POLLS_SAVED) | counter | polls | |
//! | [`api_client.reads_saved`](READS_SAVED) | counter | reads | `by`: `shared`, `kept`, `merged` |
//! | [`api_client.token_refreshes`](TOKEN_REFRESHES) | counter | refreshes | `outcome`: `success`, `failure` |
//! | [`api_client.alerts`](ALERTS) | counter | alerts | `kind`, `state` |
//!
//! `code` is that of the API, where the class is known: the first 256 that were
//! seen, and `other` for the rest. A wait is recorded when it is over, of those
//! that had to wait; backoff's when it begins. The counters of attempts come from
//! [`retry_after_header`](crate::retry_after_header), which sees each. Gauges are
//! recorded when you ask for it: see [`Gauges`].
//!
//! `class` and `error.type` are those of
//! [`ErrorClass::as_str`](crate::classify::ErrorClass::as_str), or `failure` where
//! there was no answer; `scope` is `app`, `app_endpoint`, `account_endpoint`,
//! `field_value` or `unknown`; `window` is `second`, `minute`, `day`, `other` or
//! `unknown`.

#[cfg(feature = "retry-after-header")]
mod attempt;
mod gauges;
mod names;
mod record;

#[cfg(feature = "retry-after-header")]
pub(crate) use self::attempt::attempt;
#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "request-pacing",
    feature = "throttle-alert",
    feature = "token-refresh"
))]
pub(crate) use self::record::*;
pub use self::{gauges::Gauges, names::*};
