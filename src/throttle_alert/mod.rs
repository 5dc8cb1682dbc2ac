//! Raise an alert when throttling lasts, and clear it when it is over.
//!
//! A client that waits and tries again hides for hours that half of its requests
//! are refused: nothing fails, all is late. A single refusal is no news, for
//! whoever uses a limit to the full meets it; nor is a burst. This layer counts,
//! for the application and for each scope that refuses, which share of the
//! attempts was refused in the last minute and in the last ten; where it is too
//! high in both, one alert goes up, is told of again as it changes, and is
//! cleared when both are low again.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use http::{Request, Response, StatusCode};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::throttle_alert::{AlertKind, AlertState, ThrottleAlertLayer};
//!
//! async fn busy(_: Request<()>) -> Result<Response<()>, Infallible> {
//!     let mut response = Response::new(());
//!     *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
//!     Ok(response)
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ThrottleAlertLayer::builder()
//!     .on_alert(|alert| eprintln!("page somebody: {alert}"))
//!     .build()?;
//! let mut alerts = layer.handle().subscribe();
//! let mut client = ServiceBuilder::new().layer(layer).service_fn(busy);
//!
//! for _ in 0..40 {
//!     client.ready().await?.call(Request::new(())).await?;
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//! }
//! let alert = alerts.recv().await?;
//! assert_eq!((alert.kind, alert.state), (AlertKind::Throttled, AlertState::Raised));
//! // Nothing is sent any more, and nothing is refused.
//! while alerts.recv().await?.state != AlertState::Cleared {}
//! assert!(alerts.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # When it is an alert
//!
//! | kind | raised | cleared |
//! |---|---|---|
//! | [`Throttled`](AlertKind::Throttled) | the share of refused attempts reaches the [threshold](ThrottleAlertBuilder::threshold) in both [windows](ThrottleAlertBuilder::windows), the long one holds [enough of them](ThrottleAlertBuilder::min_attempts), and what is above it began half a short window ago | both are [lower than half](ThrottleAlertBuilder::clear_below) of that |
//! | [`Suspended`](AlertKind::Suspended) | a limit over a minute or a day refuses, or one that asks for a wait of a minute or more | the wait is over, or an attempt that was sent since is let in |
//! | [`TokenRefused`](AlertKind::TokenRefused) | where [tokens are watched](ThrottleAlertHandle::watch_tokens): one is stopped, or its last three refreshes failed | not so for a short window |
//! | | where they are not: an answer calls one wrong; or still expired a short window after that began, as if nobody refreshed it | it is refused no more for a long window |
//! | [`QueueOld`](AlertKind::QueueOld), [`SharedStateLost`](AlertKind::SharedStateLost) | seen where [pacing is watched](ThrottleAlertHandle::watch_pacing) | not seen for a short window |
//! | [`BudgetEmpty`](AlertKind::BudgetEmpty) | a [watched budget](ThrottleAlertHandle::watch_budget) refuses a resend | it refuses none for a short window |
//!
//! # How soon
//!
//! An alert is raised by the very attempt that brings both windows above the
//! threshold, and in any case within a short window of that: what began less
//! than half a short window ago may still be a burst. Until then the long window
//! takes its time, as it must. If the share is `s` from some moment on, and was
//! zero before, that window of length `L` reaches the threshold `t` after
//! `t · L / s`, whatever the rate: what site reliability engineers call the
//! detection time of a rule. No rule that asks for both windows can be faster,
//! nor within a short window `S` for a share below `t · L / S`, which is a half.
//! Where nothing came before, as after a start, both windows know of nothing else,
//! and half a short one is enough. Neither can a rule that is faster after good
//! times tell a burst of a minute from what lasts.
//!
//! With the defaults an alert comes at the latest, but for the time between two
//! refusals:
//!
//! | share refused | from the beginning | after ten good minutes |
//! |---|---|---|
//! | 100 % | 30 s | 30 s |
//! | 50 % | 30 s | 60 s |
//! | 20 % | 30 s | 150 s |
//! | 10 % | 30 s | 300 s |
//! | 5 % | 30 s | 600 s |
//!
//! A scope other than the application is watched from its first refusal on, so
//! for it that is the beginning. Whoever wants to hear of a twentieth sooner
//! takes a shorter [long window](ThrottleAlertBuilder::windows): with one of two
//! minutes it is two minutes, and half a minute of 20 % is an alert.
//!
//! A refusal counts in the scope that it names and in the application. Of the
//! application no alert is raised for what a narrower one tells already. The
//! scopes that are watched are [bounded](ThrottleAlertBuilder::max_scopes), and
//! each takes the same memory, however much is sent.
//!
//! # Order
//!
//! Outside the layers that tell what an answer means (the classifier and, for
//! waits, the header layer), and inside the retry, so that each attempt counts;
//! inside whatever makes requests wait, so that those who wait are none.
//!
//! # Sinks
//!
//! [A callback](ThrottleAlertBuilder::on_alert), [a
//! channel](ThrottleAlertHandle::subscribe), and the log. All are told from a
//! task, a callback from a thread of its own, and none under a lock: one that is
//! slow or panics [loses](ThrottleAlertHandle::lost) its own alerts, and keeps no
//! request. The log names no account. With the feature `serde`, [`Alert`] can be
//! serialised.
//!
//! The task is spawned on the runtime in which an attempt first needs it, with
//! time enabled. It runs as long as an alert is up or, where something is
//! [watched](ThrottleAlertHandle::watch), until no attempt was answered for
//! longer than a long window and than a queue may be old; and it ends with the
//! last handle, layer and service.
//!
//! # Cancel safety
//!
//! An attempt whose future is dropped is not counted: its answer is not known.
//!
//! # Clone
//!
//! Clones of the layer, of its services and of the handle share one state.

mod alert;
mod builder;
mod driver;
mod figures;
mod finding;
mod future;
mod handle;
mod layer;
#[cfg(any(feature = "jittered-backoff", feature = "request-pacing"))]
mod looks;
mod raised;
mod ring;
mod scope;
mod seen;
mod service;
mod shared;
mod sinks;
mod state;
#[cfg(feature = "token-refresh")]
mod tokens;
mod up;
mod watch;

pub use self::{
    alert::{Alert, AlertKind, AlertState, Severity},
    builder::{InvalidThrottleAlert, ThrottleAlertBuilder},
    figures::{Figures, Share},
    finding::Finding,
    future::ResponseFuture,
    handle::ThrottleAlertHandle,
    layer::ThrottleAlertLayer,
    scope::AlertScope,
    service::ThrottleAlert,
};
