//! Find out whose a request is, where it goes and what it does.
//!
//! The layers that wait and resend count by account, tell a read from a
//! write, and let a poll stand back. TikTok says none of this in one place:
//! the advertiser is in the query, in a JSON body or in a part of a form, and
//! some POSTs only read. This layer looks the endpoint up in the table of
//! [`endpoints`](super::endpoints), reads the account where that endpoint has
//! it, and leaves a [`RequestContext`](crate::extensions::RequestContext) in
//! the request's extensions. A context that the caller has set stays as it
//! is, and then the body is not looked at.
//!
//! What it finds:
//!
//! - **Endpoint**: the path as the table has it, `/campaign/create/`, whatever
//!   the host, the version, and the prefix before `/open_api/`. For an
//!   endpoint that the table does not have, the path with `{id}` for what
//!   looks like an id; its account is looked for in the query and then in the
//!   body.
//! - **Account**: the best of the fields that the endpoint has, an advertiser
//!   before a Business Center. A call for several advertisers counts for the
//!   smallest id, so the same advertisers are one account in any order. An id
//!   is up to 64 bytes of printable ASCII; anything else is no account.
//! - **Operation**: read or write by the table. A write that carries a
//!   `request_id`, at one of the eight endpoints that know it, is an
//!   [`IdempotentWrite`](crate::extensions::Operation::IdempotentWrite) for
//!   ten seconds; at `/bc/transfer/` only where `transfer_level` is `BC`.
//! - **Priority**: low for reports, and for polls and downloads of tasks.
//!
//! A body is looked into only for a method that has one, and only if its
//! `Content-Type` is JSON or `multipart/form-data`, or missing. At most
//! [`peek_limit`](TikTokRequestContextBuilder::peek_limit) bytes are seen, and
//! a body that stalls is waited for no longer than
//! [`peek_timeout`](TikTokRequestContextBuilder::peek_timeout). What was not
//! found by then is left out: a form that has its file first and its
//! advertiser last gives a context without an account. The body goes on as it
//! was, frame by frame; a failure of the body is the body's, for whoever
//! reads it.
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt};
//! use tower_tiktok::{
//!     body::Peeked,
//!     extensions::{Operation, RequestContext},
//!     tiktok::{Endpoint, TikTokRequestContextLayer},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! /// Stands for the layers inside, and the client.
//! async fn send(req: Request<Peeked<Full<Bytes>>>) -> Result<Response<RequestContext>, String> {
//!     Ok(Response::new(req.extensions().get().cloned().ok_or("no context")?))
//! }
//!
//! // Setting a status twice does no harm here, so it may be sent again.
//! let update = http::Method::POST;
//! let update = Endpoint::find(&update, "/campaign/status/update/").ok_or("not there")?.clone();
//! let client = TikTokRequestContextLayer::builder()
//!     .endpoint(update.with_operation(Operation::repeatable()))
//!     .build()?
//!     .layer(tower::service_fn(send));
//!
//! let req = Request::post("https://business-api.tiktok.com/open_api/v1.3/campaign/create/")
//!     .header("content-type", "application/json")
//!     .body(Full::from(r#"{"advertiser_id": "7001", "campaign_name": "spring"}"#))?;
//! let context = client.oneshot(req).await?.into_body();
//! assert_eq!(context.account().unwrap().as_str(), "7001");
//! assert_eq!(context.endpoint(), Some("/campaign/create/"));
//! assert_eq!(context.operation(), &Operation::Write);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! Outside every layer that reads the context: backoff, concurrency, pacing.
//! Inside what sets a context of its own, and inside what compresses bodies
//! or changes paths after the caller: this layer reads what TikTok will read,
//! but a compressed body tells it nothing.
//!
//! It is ready at all times, and readies a clone of the inner service when
//! the context is there, so that a body that keeps it waiting holds nothing
//! inside. Back-pressure is felt in the response future.
//!
//! # Cancel safety
//!
//! The response future may be dropped at any time. Before the inner service
//! is called, that drops the request, and nothing was sent. It is called by the
//! call itself where the body is there, or not needed, and it is ready: call
//! within a runtime.
//!
//! # Clone
//!
//! Clones share the settings, and nothing that changes.

mod builder;
mod draft;
mod find;
mod form;
mod future;
mod layer;
mod params;
pub(in crate::tiktok) mod query;
mod scan;
mod service;
mod word;

pub use self::{
    builder::{InvalidEndpoint, TikTokRequestContextBuilder},
    future::ResponseFuture,
    layer::TikTokRequestContextLayer,
    service::TikTokRequestContext,
};
