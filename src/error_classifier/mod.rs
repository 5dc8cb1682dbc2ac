//! Tell answers apart by what their bodies say.
//!
//! Many APIs answer an error with status 200 and put the truth into the body.
//! A layer that goes by the status then retries nothing, slows down for
//! nothing and counts every refusal as a success. This layer reads the
//! beginning of the body, as much as a [`Classify`] asks for, leaves the
//! verdict in the response's extensions as a [`Classification`], and hands
//! the body on with the same frames, trailers, size and errors, as
//! [`Peeked`](crate::body::Peeked). No byte is copied. All other layers ask
//! [`ErrorClass::of`], so one place knows the API.
//!
//! Nothing is inserted when both the verdict and the status are a success:
//! an extension costs three allocations. A failure while the body is looked
//! at is still the body's failure: its reader meets it, after the bytes that
//! came before. The classifier hears of it too, by
//! [`Scan::fail`](crate::classify::Scan::fail), and may call the answer one
//! that is worth asking for again.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, ops::ControlFlow};
//!
//! use bytes::Bytes;
//! use http::{Request, Response, response::Parts};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     body::JsonFields,
//!     classify::{Classification, Classify, ErrorClass, Scan},
//!     error_classifier::ErrorClassifierLayer,
//! };
//!
//! /// An API that answers `{"status": "busy"}` with 200 when it is busy.
//! struct Busy;
//!
//! struct Status {
//!     fields: JsonFields,
//!     busy: bool,
//! }
//!
//! impl Scan for Status {
//!     fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
//!         self.fields.push(piece, |_, status| {
//!             self.busy = status == br#""busy""#;
//!             ControlFlow::Break(())
//!         })
//!     }
//! }
//!
//! impl Classify for Busy {
//!     type Scan = Status;
//!
//!     fn scan(&self, _: &Parts) -> Option<Status> {
//!         let fields = JsonFields::new(&["status"]);
//!         Some(Status { fields, busy: false })
//!     }
//!
//!     fn classify(&self, head: &Parts, scanned: Option<Status>) -> Classification {
//!         match scanned {
//!             Some(Status { busy: true, .. }) => Classification::new(ErrorClass::RateLimited),
//!             _ => Classification::new(ErrorClass::from_status(head.status)),
//!         }
//!     }
//! }
//!
//! async fn api(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(Full::from(r#"{"status": "busy"}"#)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let mut client = ServiceBuilder::new()
//!     .layer(ErrorClassifierLayer::builder(Busy).build()?)
//!     .service_fn(api);
//!
//! let response = client.ready().await?.call(Request::new(())).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::RateLimited);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Outside it: every layer that asks for the class, such as backoff, limits
//! and metrics. Inside it: the client, and whatever decodes the body. A body
//! with a `Content-Encoding` is not looked at and is classified from its head,
//! so `tower_http`'s `DecompressionLayer` belongs inside.
//!
//! The answer is handed out when the verdict is known: when the field that
//! decides is in the body, at once; otherwise when the peek limit, the end of
//! the body or the peek timeout is reached. Timeouts for the head of an
//! answer belong inside, timeouts for the whole exchange outside.
//!
//! # Cancel safety
//! A response future that is dropped drops the inner call, or the answer that
//! was being looked at, with its body. Nothing else is held.
//!
//! # Clone
//! Clones share the classifier and its settings.
//!
//! [`Classify`]: crate::classify::Classify
//! [`Classification`]: crate::classify::Classification
//! [`ErrorClass::of`]: crate::classify::ErrorClass::of

mod builder;
mod future;
mod layer;
mod service;

pub use self::{
    builder::{ErrorClassifierBuilder, InvalidErrorClassifier},
    future::ResponseFuture,
    layer::ErrorClassifierLayer,
    service::ErrorClassifier,
};
