//! Put the token on each attempt, and get a new one once for all.
//!
//! When a token expires, every request in flight learns it at the same moment.
//! If each of them refreshes it, the authorisation server sees a storm, and
//! where refresh tokens rotate, the second refresh makes the first one void.
//! And when a token is revoked, a client that goes on sends thousands of
//! requests that cannot succeed, which counts against its limits and looks like
//! an attack. So the token is shared here. Whoever is told that it has expired
//! first looks whether another one is used by now; if not, one refresh serves
//! all, and each request is sent once more. A token that is worthless is
//! stopped: requests fail at once with [`TokenStopped`], one line is logged,
//! and other tokens are not touched.
//!
//! | the answer means | what happens |
//! |---|---|
//! | [`TokenExpired`](ErrorClass::TokenExpired) | one refresh, and the request is sent once more; it was refused, so this is safe even for a write |
//! | [`TokenInvalid`](ErrorClass::TokenInvalid) | the token is stopped, unless it was not the current one: then the request is sent once more |
//! | [`PermissionDenied`](ErrorClass::PermissionDenied) | the token is stopped for this account at this endpoint |
//!
//! [`judge`](TokenRefreshBuilder::judge) changes that table. The answer itself
//! is handed on to the request that met it. A stop ends when a token is
//! [set](TokenRefreshHandle::set), when it is
//! [cleared](TokenRefreshHandle::clear_stops), or when its time is over and one
//! request that was let through shows that all is well.
//!
//! A refresh that fails is not tried again at once: for a while, and longer
//! each time, requests that need it fail with [`TokenUnavailable`], which
//! [`jittered_backoff`](crate::jittered_backoff) outside sends again. A refresh
//! that is [refused](RefreshError::refused) stops the token.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response, StatusCode};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     classify::{Classification, ErrorClass},
//!     token_refresh::{RefreshRequest, Token, TokenRefreshLayer},
//! };
//!
//! // A server, and its classifier, that take the second token only.
//! async fn api(request: Request<String>) -> Result<Response<()>, Infallible> {
//!     let mut response = Response::new(());
//!     if request.headers()["authorization"] != "Bearer second" {
//!         *response.status_mut() = StatusCode::UNAUTHORIZED;
//!         let expired = Classification::new(ErrorClass::TokenExpired);
//!         response.extensions_mut().insert(expired);
//!     }
//!     Ok(response)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let tokens = TokenRefreshLayer::builder(|_: RefreshRequest| async { Token::new("second") })
//!     .token(Token::new("first")?)
//!     .build()?;
//! let mut client = ServiceBuilder::new().layer(tokens).service_fn(api);
//!
//! let response = client.ready().await?.call(Request::default()).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//! Outside: whatever finds the request's context, and the layer that sends
//! again, so that each attempt bears the token of its time. Inside: permits and
//! queues, of which a request that waits for a token should hold none; and the
//! classifier, whose findings it needs.
//!
//! # Cancel safety
//! The response future may be dropped at any time. A refresh is a task of its
//! own: it goes on when those who wait for it have left, so that a rotated
//! refresh token is not lost. It ends with the runtime that it began on; those
//! who wait on another one are told so, and the next request tries again.
//!
//! # Clone
//! Clones, and services made by one layer, share their tokens. Two layers do
//! not know of each other, and must not share a refresh token that rotates.

mod builder;
mod error;
mod flight;
mod future;
mod handle;
mod layer;
mod notice;
mod recall;
mod ring;
mod secret;
mod service;
mod settings;
mod slot;
mod source;
mod token;
mod tokens;
mod verdict;

pub use self::{
    builder::{InvalidTokenRefresh, TokenRefreshBuilder},
    error::{TokenStopped, TokenUnavailable, TooManyTokens},
    future::ResponseFuture,
    handle::{TokenRefreshHandle, TokenState},
    layer::TokenRefreshLayer,
    notice::TokenNotice,
    secret::Secret,
    service::TokenRefresh,
    source::{RefreshError, RefreshRequest, Refreshing, TokenSource},
    token::{InvalidToken, Token, TokenKey},
    verdict::TokenVerdict,
};

#[cfg(doc)]
use crate::classify::ErrorClass;
