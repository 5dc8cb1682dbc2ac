//! Ask after a job no more often than need be, and wait for it where it is not
//! ready.
//!
//! Whoever lets a server make something asks for it again and again until it
//! is there, mostly once a second, and nearly all of those requests come to
//! nothing, in a budget that writes need. This layer knows which requests ask
//! after one job ([`Jobs`]), and spaces them out: the waits between them grow
//! with the age of the job ([`Spacing`]), so that its end is noticed late by a
//! small share of its own time, and most polls are spared. A poll that comes
//! too early waits until it is due. Polls that ask the same at the same time
//! are one request, whose answer all of them get. And polls stand back where
//! requests queue: their [`Priority`](crate::extensions::Priority) is low,
//! unless it was set high; but no longer than their job's age allows
//! ([`Patience`](crate::extensions::Patience)).
//!
//! That something is not ready is no failure of the caller's. A request for a
//! job that is answered [`NotReady`](crate::classify::ErrorClass::NotReady) is
//! sent again when it is due, be it a poll or a write that needs the job's
//! result, until its [`Deadline`](crate::extensions::Deadline), or
//! [`max_wait`](PollPacingBuilder::max_wait): then the answer is handed on.
//!
//! [`poll_until`] follows one job to its end.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tokio::time::Instant;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::poll_pacing::{Job, PollPacingLayer, Spacing};
//!
//! type Body = Full<Bytes>;
//!
//! async fn server(_: Request<Body>) -> Result<Response<Body>, Infallible> {
//!     Ok(Response::new(Full::from("still at it")))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! // At least 5 seconds between two polls of one job.
//! let spacing = Spacing::between(Duration::from_secs(5), Duration::from_secs(300))?;
//! let jobs = move |request: &Request<Body>| {
//!     let id = request.uri().path().strip_prefix("/jobs/")?;
//!     Some(Job::polled(id, spacing))
//! };
//! let mut client = ServiceBuilder::new()
//!     .layer(PollPacingLayer::builder(jobs).build()?)
//!     .service_fn(server);
//!
//! let start = Instant::now();
//! for _ in 0..3 {
//!     let poll = Request::get("/jobs/17").body(Body::default())?;
//!     client.ready().await?.call(poll).await?;
//! }
//! assert!(start.elapsed() >= Duration::from_secs(10));
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! Outside backoff and all that counts, queues or permits requests, so that a
//! poll that waits holds nothing of theirs. Inside whatever finds the
//! request's context. Outside the classifier, which tells what is not ready.
//!
//! Only one layer may wait for what is not ready. A request for a job carries
//! [`LeaveNotReady`](crate::extensions::LeaveNotReady), and so backoff inside
//! hands such an answer on; requests for no job are backoff's, as ever.
//!
//! Two answers are shared only if the requests are the same in method, URL,
//! account, body, and all headers but those that name the caller, such as
//! `traceparent`. What else decides whose answer it is, such as a token that a
//! layer inside puts in, must follow from these.
//!
//! # Cancel safety
//!
//! The response future may be dropped at any time. Of polls that share one
//! request, the first one makes it; if that goes away, the next one asks anew,
//! as soon as the job may be asked after again. So who keeps the future of a
//! poll and does not drive it keeps the others waiting.
//!
//! # Clone
//!
//! Clones of the layer and its services share what is known of the jobs.
//! Clones of one service share answers too.

mod builder;
mod error;
mod future;
mod job;
mod layer;
mod paced;
mod polled;
mod schedule;
mod service;
mod spacing;
mod table;
mod until;

pub use self::{
    builder::PollPacingBuilder,
    error::{InvalidPollPacing, PollFailed, PollTooEarly},
    future::ResponseFuture,
    job::{Job, JobBegan, JobKey, Jobs},
    layer::PollPacingLayer,
    polled::{PolledJob, Progress, Step},
    service::PollPacing,
    spacing::{InvalidSpacing, Spacing},
    until::{PollUntil, poll_until},
};
pub use crate::coalesce::SharedError;
