//! Answer reads that ask the same with one request.
//!
//! Reports are slow and large, and a dashboard, an export and an optimiser ask
//! for the same ones at the same time, in a budget that writes need. With this
//! layer identical reads under way are one request: its answer goes to all who
//! asked, and its bytes are shared, not copied. Where that is asked for, the
//! same read within a while gets
//! [the last answer again](ReportBatchingBuilder::keep_for), and reads that
//! differ only in whom they ask about
//! [are merged](ReportBatchingBuilder::merge_within) and their answer is taken
//! apart. Which requests these are, [`Reads`] tells.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tiktok::report_batching::{Read, Reads, ReportBatchingLayer};
//!
//! type Body = Full<Bytes>;
//!
//! /// All reports.
//! struct Reports;
//!
//! impl Reads<Body> for Reports {
//!     fn read(&self, request: &Request<Body>) -> Option<Read> {
//!         request.uri().path().starts_with("/reports/").then(|| Read::shared().kept())
//!     }
//! }
//!
//! async fn server(_: Request<Body>) -> Result<Response<Body>, Infallible> {
//!     Ok(Response::new(Full::from("a report")))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let layer = ReportBatchingLayer::builder(Reports)
//!     .keep_for(Duration::from_secs(60))
//!     .build()?;
//! let client = ServiceBuilder::new().layer(layer).service_fn(server);
//!
//! let ask = || Request::get("/reports/17").body(Body::default()).unwrap();
//! client.clone().oneshot(ask()).await?;
//! tokio::time::sleep(Duration::from_secs(7)).await;
//! let again = client.oneshot(ask()).await?;
//! assert_eq!(again.headers()["age"], "7");
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! Outermost but for what finds the request's context: what is shared here
//! takes no permit and no slot, and is not sent again.
//!
//! Two reads are the same if they are so in method, URL, account, body,
//! [priority](crate::extensions::Priority), and all headers but those that name
//! the caller, such as `traceparent`. The token is among the headers; where a
//! layer inside puts it in, it must follow from these. What changes something
//! is never shared.
//!
//! A read may get the answer of an identical one that began before a write which
//! has ended since: what one has written oneself is not certain to be in it. So
//! what reads back whether a write was carried out, such as a hook of your own
//! for the layer of the feature `reconcile`, must not go through this layer. The
//! reads of `ReadBackByName` share nothing.
//!
//! A merged request names no account in its
//! [`RequestContext`](crate::extensions::RequestContext): it takes no account's
//! permit, and if it is refused, that is no account's fault. Where a layer
//! inside gives each account a token of its own, it bears that of requests
//! without an account.
//!
//! An answer that may be shared or kept is read to its end before it is handed
//! out. What is longer than
//! [`max_shared_bytes`](ReportBatchingBuilder::max_shared_bytes) is streamed to
//! the one who asked first, and the others ask for themselves.
//!
//! # Errors
//!
//! All who share a request share its failure, as [`SharedError`]. Only a
//! deadline is the first one's own; the others ask anew then.
//!
//! All who were merged share a failure, too, and an answer that another request
//! would get as well, such as that there are too many. Each is sent for itself
//! where the answer cannot be taken apart, where what was asked was refused, for
//! that may be the fault of one of them, and where it was for want of a token or
//! because the merged one had timed out too often.
//!
//! # Cancel safety
//!
//! The response future may be dropped at any time. If it was the one that
//! asked, the next one asks anew. So who keeps a future and does not drive it
//! keeps the others waiting.
//!
//! # Clone
//!
//! Clones of one service share all of this. Two services made by one layer do
//! not: there may be different servers behind them.

mod builder;
mod crews;
mod future;
mod kept;
mod layer;
mod merging;
mod reading;
mod reads;
mod saved;
mod service;

pub use self::{
    builder::{InvalidReportBatching, ReportBatchingBuilder},
    future::ResponseFuture,
    layer::ReportBatchingLayer,
    reads::{Asked, Part, Read, Reads},
    service::ReportBatching,
};
pub use crate::coalesce::SharedError;
