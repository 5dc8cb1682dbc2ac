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
//! | [`Throttled`](AlertKind::Throttled) | the share of refused attempts reaches the [threshold](ThrottleAlertBuilder::threshold) in both [windows](ThrottleAlertBuilder::windows), the long one holds [enough of them](ThrottleAlertBuilder::min_attempts), and refusals have come for half a short window | both are [lower than half](ThrottleAlertBuilder::clear_below) of that |
//! | [`Suspended`](AlertKind::Suspended) | a limit over a minute or a day refuses, or one that asks for a wait of a minute or more | the wait is over, or an attempt that was sent since is let in |
//! | [`TokenRefused`](AlertKind::TokenRefused) | a token is wrong; or one is still called expired a short window after that began, as if nobody refreshed it | it is refused no more for a long window |
//! | [`QueueOld`](AlertKind::QueueOld), [`SharedStateLost`](AlertKind::SharedStateLost) | seen where [pacing is watched](ThrottleAlertHandle::watch_pacing) | not seen for a short window |
//! | [`BudgetEmpty`](AlertKind::BudgetEmpty) | a [watched budget](ThrottleAlertHandle::watch_budget) refuses a resend | it refuses none for a short window |
//!
//! What refuses everybody is told within half a minute, and half of all
//! attempts within one; a smaller share, after good times, when the long window
//! has seen enough of it: 5 % after ten minutes at the latest, and within one
//! minute where it was so from the beginning.
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
//! [watched](ThrottleAlertHandle::watch), until no attempt was answered for a
//! long window; and it ends with the last handle, layer and service.
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
