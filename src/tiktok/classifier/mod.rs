//! Tell TikTok's answers apart by the code in their bodies.
//!
//! TikTok answers HTTP 200 to nearly everything and writes the truth into the
//! body: `{"code": 40100, "message": "Too many requests. .."}`. A retry that
//! looks at the status sees a success. This layer finds the code wherever it
//! stands in the envelope, weighs it with the message, and leaves a
//! [`Classification`] in the response's extensions: what it means, whether a
//! write may be sent again, whose limit was reached and how long to stay
//! away, and what a person should do. What the codes mean is in
//! [`codes`](super::codes); how a body is looked into without being held up
//! is in [`error_classifier`](crate::error_classifier).
//!
//! Under the code of a success a part may still have failed. Where TikTok's
//! pages say that this can happen, [`partial`](super::partial) looks further.
//!
//! An answer without a code goes by its status and its looks. A 2xx that is
//! no JSON object (a gateway's page, an edge's challenge, nothing at all) is
//! [`Transient`](crate::classify::ErrorClass::Transient), unless its type says that it is a
//! file. A 2xx whose body broke off before its code is
//! [`Transient`](crate::classify::ErrorClass::Transient) too: a read is sent
//! again, and of a write nobody knows what came of it. Once the code was read,
//! the code decides. An object without a code, a body that is late, compressed
//! or longer than the peek limit go by the status alone.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     classify::{Classification, ErrorClass},
//!     tiktok::{classifier::TikTokErrorClassifierLayer, codes::CodeRule},
//! };
//!
//! async fn api(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     let body = r#"{"message": "Due to too many requests, requests from App 7 are temporarily restricted.", "code": 40100}"#;
//!     Ok(Response::new(Full::from(body)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let mut client = ServiceBuilder::new()
//!     .layer(
//!         TikTokErrorClassifierLayer::builder()
//!             // A code that the table does not explain, and you can.
//!             .code(40_200, CodeRule::new(ErrorClass::NotReady))
//!             .build()?,
//!     )
//!     .service_fn(api);
//!
//! let response = client.ready().await?.call(Request::new(())).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::RateLimited);
//!
//! let found = response.extensions().get::<Classification>().expect("no success");
//! // The price of overrunning a minute.
//! let wait = found.throttle().and_then(|throttle| throttle.wait(0));
//! assert_eq!(wait, Some(Duration::from_secs(300)));
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Outside it: every layer that asks for the class, such as backoff, limits
//! and metrics. Inside it: the client and whatever decodes bodies. A code in
//! a compressed body stays unseen, and such an error passes for a success.
//!
//! # Cancel safety
//! A response future that is dropped drops the inner call, or the answer that
//! was being looked at. Nothing else is held.
//!
//! # Clone
//! Clones share the table.
//!
//! [`Classification`]: crate::classify::Classification

mod builder;
mod classify;
mod layer;
mod scan;
mod status;
mod value;

pub use self::{
    builder::{InvalidTikTokErrorClassifier, TikTokErrorClassifierBuilder},
    classify::TikTokClassify,
    layer::TikTokErrorClassifierLayer,
    scan::EnvelopeScan,
};

/// Middleware that tells TikTok's answers apart. See the [module docs](self).
pub type TikTokErrorClassifier<S> = crate::error_classifier::ErrorClassifier<S, TikTokClassify>;
