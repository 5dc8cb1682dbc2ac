//! Find out what became of a write whose answer was lost.
//!
//! A create that ends in a timeout may have been carried out. Sent again it
//! may be carried out twice; given up it may be lost; and so
//! [backoff](crate::jittered_backoff) ends it in [`OutcomeUnknown`] and leaves
//! the rest to the caller. This layer asks in the caller's place: did it
//! happen? Who knows is a [`Reconcile`] hook, that reads back what the write
//! should have left behind.
//!
//! | the hook says | and the caller gets |
//! |---|---|
//! | [`Happened`](Finding::Happened) | the answer that the hook has, marked [`Reconciled`] |
//! | [`NotHappened`](Finding::NotHappened) | the answer to the write sent again |
//! | [`CannotTell`](Finding::CannotTell) | the [`OutcomeUnknown`] that it was |
//! | an error, or nothing in time | the same, after some more tries |
//!
//! # What remains uncertain
//!
//! A write that was sent may be carried out later than anybody thinks. A "yes"
//! is final at once; a "no" counts only if it was asked for when nothing could
//! come any more, which is [`settle`](ReconcileBuilder::settle) after the
//! attempt was given up. How long that takes is not documented by any server:
//! **a write that comes even later is carried out twice.** And a hook knows a
//! write by what it left behind. If something else leaves the same behind, or
//! takes it away, within the same minute, the hook is wrong.
//!
//! # Example
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     jittered_backoff::JitteredBackoffLayer,
//!     reconcile::{Doubt, Finding, ReconcileLayer, Reconciled},
//! };
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let orders = Arc::new(Mutex::new(Vec::new()));
//! let written = orders.clone();
//! let server = move |request: Request<Full<Bytes>>| {
//!     let written = written.clone();
//!     async move {
//!         let order = request.into_body().collect().await?.to_bytes();
//!         written.lock().unwrap().push(order);
//!         // It is done, and nobody hears of it.
//!         Err::<Response<Full<Bytes>>, BoxError>("connection reset".into())
//!     }
//! };
//!
//! let known = orders.clone();
//! let mut client = ServiceBuilder::new()
//!     .layer(ReconcileLayer::new(move |doubt: Doubt| {
//!         let happened = known.lock().unwrap().contains(doubt.request().body());
//!         async move {
//!             Ok(match happened {
//!                 true => Finding::Happened(Response::new(Bytes::from("done"))),
//!                 false => Finding::NotHappened,
//!             })
//!         }
//!     }))
//!     .layer(JitteredBackoffLayer::default())
//!     .service_fn(server);
//!
//! let request = Request::post("/order/create/").body(Full::from("one"))?;
//! let response = client.ready().await?.call(request).await?;
//! assert!(response.extensions().get::<Reconciled>().is_some());
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "done");
//! assert_eq!(orders.lock().unwrap().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Directly outside backoff, which finds out that a write is in doubt, and
//! inside what finds the request's context. All that counts, queues or holds
//! permits belongs inside: when the hook is asked, the attempt is over and
//! holds none of it, so what the hook sends can take its place in every queue.
//!
//! # Cancel safety
//! The response future may be dropped at any time; with it goes the hook's.
//! Whether the write was carried out is then as unknown as it was. While it
//! waits or asks it holds a copy of the request and a clone of the inner
//! service, not readied.
//!
//! # Clone
//! Clones, and services made by one layer, share the hook.
//!
//! [`OutcomeUnknown`]: crate::error::OutcomeUnknown

mod body;
mod builder;
mod future;
mod hook;
mod kept;
mod layer;
mod log;
mod service;

pub use self::{
    body::ReconciledBody,
    builder::{InvalidReconcile, ReconcileBuilder},
    future::ResponseFuture,
    hook::{Doubt, Finding, NoReconcile, Reconcile},
    layer::ReconcileLayer,
    service::Reconciling,
};

/// Marks an answer that the server never gave: the write was carried out, its
/// answer was lost, and a [`Reconcile`] hook made up another. In the
/// extensions of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconciled(());
