//! Send again what is safe to send again, after a wait with chance in it.
//!
//! A client that resends at once turns an overload into an outage, and one
//! that resends a write whose answer was lost may carry it out twice. So each
//! resend has to pass four gates: it is safe for what the request does (see
//! the table); its wait, exponential with jitter, is never shorter than the
//! server asks; it starts before the request's
//! [`Deadline`](crate::extensions::Deadline); and the [`Budget`] of all
//! requests allows it.
//!
//! | the attempt ended in | read | idempotent write | write |
//! |---|---|---|---|
//! | refused before anything was done | resend | resend | resend |
//! | connection not made, request not sent | resend | resend | resend |
//! | `Transient`, `Maintenance`, a lost connection, a timeout | resend | resend, inside the server's memory | stop: [`OutcomeUnknown`] |
//! | `Conflict` | resend | resend once | stop |
//! | all else, or marked final | stop | stop | stop |
//!
//! What a request does is said by its
//! [`RequestContext`](crate::extensions::RequestContext), or else by its
//! method. What an answer means is said by the
//! [`Classification`](crate::classify::Classification) in its extensions, or
//! else by its status; what an error means, by [`ClassifyError`].
//!
//! The next attempt waits for the backoff, or for as long as the server asks,
//! whichever is longer: the longer of what its headers say and what is known of
//! the window that refused. A window without a name is guessed at, a longer one
//! after each refusal in a row, but only where the headers say nothing.
//!
//! When attempts or budget are used up, the last answer or error is handed on
//! as it is. A resend that cannot start in time is
//! [`DeadlineExceeded`](crate::error::DeadlineExceeded) at once, and a server
//! that asks for too long a wait is [`WaitTooLong`](crate::error::WaitTooLong).
//! A write that may have been carried out ends in neither, but in
//! [`OutcomeUnknown`]; a layer outside can find out what became of it (feature
//! `reconcile`).
//!
//! Where the answer bears a [`PacedHold`](crate::extensions::PacedHold), a layer
//! inside keeps the request back until it may go, and knows better when that
//! is: it is sent there at once, unless that would be too late.
//!
//! # Example
//! ```
//! use std::time::Duration;
//!
//! use http::{Request, Response, StatusCode};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{extensions::Attempt, jittered_backoff::JitteredBackoffLayer};
//!
//! // Too busy for the first attempt of any request.
//! async fn busy(request: Request<String>) -> Result<Response<()>, BoxError> {
//!     let mut response = Response::new(());
//!     if request.extensions().get::<Attempt>().is_none() {
//!         *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
//!     }
//!     Ok(response)
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let backoff = JitteredBackoffLayer::builder()
//!     .base(Duration::from_millis(500))
//!     .max_attempts(3)
//!     .build()?;
//! let mut client = ServiceBuilder::new().layer(backoff).service_fn(busy);
//!
//! let request = Request::post("/campaign/create/").body(String::new())?;
//! let response = client.ready().await?.call(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Outside: whatever finds the request's context, and a timeout for the whole.
//! Inside: all that counts, queues or signs requests, for each attempt is a
//! request of its own; a timeout for one attempt; the classifier and the
//! reader of `Retry-After`, whose findings it needs. Nothing inside may send a
//! request twice on its own: let the client neither resend nor follow
//! redirects. hyper-util resends only what never reached the wire, and may.
//!
//! # Logs
//!
//! With `tracing`, each request has a span (`request`), and each attempt one inside
//! it (`attempt`), at the level of information and by the names of
//! OpenTelemetry. Events, with the request id and the log id of the answer: a
//! resend (debug), a request that failed (information), and a write of which
//! nobody knows whether it was carried out (warning). A success is none.
//!
//! # Cancel safety
//! The response future may be dropped at any time. If an attempt was under way,
//! whether it is carried out is then unknown. While it waits it holds the
//! request and a clone of the inner service, not readied: no response, no
//! permit, no connection.
//!
//! # Clone
//! Clones, and services made by one layer, share the budget and the source of
//! chance.
//!
//! [`OutcomeUnknown`]: crate::error::OutcomeUnknown

mod backoff;
mod budget;
mod builder;
mod chance;
mod classify_error;
mod decision;
mod future;
mod head;
#[cfg(feature = "hyper")]
mod hyper;
mod kept;
mod layer;
mod ledger;
mod log;
mod past;
mod service;
mod session;
mod settle;
mod spans;
mod wait;

#[cfg(feature = "reconcile")]
pub(crate) use self::{backoff::Backoff, chance::Chance, head::Head};
pub use self::{
    backoff::Jitter,
    budget::{Budget, BudgetBuilder, BudgetUse},
    builder::{InvalidBackoff, JitteredBackoffBuilder},
    classify_error::{ClassifyError, Delivery, TransportErrors},
    future::ResponseFuture,
    layer::JitteredBackoffLayer,
    service::JitteredBackoff,
};
