//! Brake reads that time out, before the server does.
//!
//! A report that is too large times out, and is asked for again, and times out
//! again: each time the server has worked for nothing. Some servers punish
//! that. They shut out a read that keeps timing out, and slow down whoever lets
//! many time out at once, so blind retries of the one cost all the others. With
//! this layer a read that timed out a few times is not sent again for a while,
//! and fails with [`TimedOutTooOften`]; an answer in between clears nothing,
//! for the server counts the timeouts alone. And there are only so many places for
//! such reads: each takes one while it is under way, and one that timed out
//! keeps it for a while longer. So however many are asked for and whatever the
//! server does, no more than so many time out within that while; and the more
//! of them do, the fewer are sent.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_tiktok::timeout_brake::{TimedOutTooOften, TimeoutBrakeLayer};
//!
//! async fn overloaded(_: Request<Full<Bytes>>) -> Result<Response<()>, Infallible> {
//!     let mut response = Response::new(());
//!     *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
//!     Ok(response)
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! // All reads; each may time out three times within ten minutes.
//! let brake = TimeoutBrakeLayer::builder(|_| true).build()?;
//! let client = ServiceBuilder::new().layer(brake).service_fn(overloaded);
//! let ask = || Request::get("/reports/17").body(Full::default()).unwrap();
//! for _ in 0..3 {
//!     let response = client.clone().oneshot(ask()).await?;
//!     assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
//! }
//! let error = client.oneshot(ask()).await.unwrap_err();
//! assert!(error.is::<TimedOutTooOften>());
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Outside: the layer that sends again, so that each attempt is counted, and
//! the one that finds the request's context. Inside: tokens, permits and
//! queues, of which a read that waits for a place should hold none; the
//! classifier; and the timeout of the client, for a caller who gives up
//! shows nothing of the server.
//!
//! A more urgent read ([`Priority`](crate::extensions::Priority)) has the next
//! place, and else who came first. Reads that nobody waits for leave a quarter
//! of the places free, two at most; and one account has no more than half of
//! them, rounded up, so that its timeouts do not keep the others waiting.
//!
//! Two reads are the same if they are so in method, URL, account, body, and all
//! headers but those that name the caller, such as `traceparent`. One that is
//! longer than 32 KiB, or whose body cannot be copied, is like no other: it
//! takes a place, and may be sent however often it timed out.
//!
//! # Cancel safety
//! The response future may be dropped at any time: its place, or the place in
//! the line for one, goes to the next. That is not counted as a timeout. So who
//! keeps a future and does not drive it keeps its place.
//!
//! # Clone
//! Clones, and services made by one layer, share their places and what they
//! know of each read.

mod brake;
mod builder;
mod ended;
mod error;
mod future;
mod gate;
mod layer;
mod service;
mod tally;

pub use self::{
    builder::{InvalidTimeoutBrake, TimeoutBrakeBuilder},
    ended::Ended,
    error::TimedOutTooOften,
    future::ResponseFuture,
    layer::TimeoutBrakeLayer,
    service::TimeoutBrake,
};
