//! Carry the waits and limits in an answer's headers to the layers that wait.
//!
//! Servers say in many ways when to come back: `Retry-After` in seconds or in
//! one of three date formats, the `RateLimit` fields of the IETF draft, and
//! dialects that give the same name to a duration and to a date. The layer
//! that sleeps should know none of this, and the layer that reads it should
//! not sleep. This one reads. It leaves a [`RetryAfter`] and a
//! [`RateLimitStatus`] in the response's extensions, and it logs every answer
//! that touches a limit, with the ids that the server's support will ask for.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use http::{Request, Response, header::RETRY_AFTER};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{extensions::RetryAfter, retry_after_header::RetryAfterHeaderLayer};
//!
//! async fn busy(_: Request<()>) -> Result<Response<()>, Infallible> {
//!     let response = Response::builder().status(503).header(RETRY_AFTER, "120");
//!     Ok(response.body(()).unwrap())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! let mut client = ServiceBuilder::new()
//!     // Believe the server, but not if it says more than an hour.
//!     .layer(RetryAfterHeaderLayer::new(Duration::from_secs(3600)))
//!     .service_fn(busy);
//!
//! let response = client.ready().await?.call(Request::new(())).await?;
//! let wait = response.extensions().get::<RetryAfter>().unwrap();
//! assert_eq!(wait.delay(), Duration::from_secs(120));
//! # Ok(())
//! # }
//! ```
//!
//! # What is read
//!
//! | header | forms |
//! |---|---|
//! | `Retry-After` | seconds (a fraction is rounded up), IMF-fixdate, RFC 850, asctime |
//! | `RateLimit`, `RateLimit-Policy` | draft-ietf-httpapi-ratelimit-headers-11; other units than requests give waits but no status |
//! | `RateLimit-Limit`, `-Remaining`, `-Reset` | the triple of 2020; limits with windows, as in `100, 100;w=60` |
//! | `X-RateLimit-*`, `X-Rate-Limit-*` | the same, also for named limits as in `X-RateLimit-Reset-Tokens`; `-Reset-After`, `-Retry-After` |
//! | `Retry-After-Ms`, `X-Retry-After` | as `X-RateLimit-Retry-After` |
//!
//! A reset is a number of seconds, a duration such as `6m0s`, or a date. A
//! number above 10⁹ is a Unix time, above 10¹² one in milliseconds. Dates are
//! compared with the answer's own `Date`, so a wrong clock on either side does
//! no harm. Of several values the one that means the longest wait counts.
//! What is malformed counts as absent.
//!
//! A header of some other name is best renamed beneath this layer, with
//! `map_response`.
//!
//! # What is left behind
//!
//! | answer | [`RetryAfter`] | [`RateLimitStatus`] |
//! |---|---|---|
//! | refused: class [`RateLimited`], or status 503 | `Retry-After`, or else the longest reset of the limits that have nothing left | if any limit is told |
//! | any other | `Retry-After` | if any limit is told |
//!
//! So a 202 or a redirect with `Retry-After` carries it too: it says when to
//! look again. It is the reader who knows whether it wants to come back at
//! all. A wait of zero and a date that is past leave nothing: they set no
//! floor, but they still take precedence over a reset, as the draft demands.
//!
//! # Log
//!
//! One event for each answer of class [`RateLimited`], for each 429 and 503
//! with any of these headers, and for every other answer with `Retry-After`.
//! Its fields are `method`, `endpoint`, `status`, `class`, `code`,
//! `request_id`, `log_id`, `attempt` and `wait_ms`; what is not known is left
//! out. `wait_ms` is the longer of what the headers and the classifier tell.
//! The endpoint is that of the [`RequestContext`], never the path as sent, and
//! neither query nor any header but ids is logged.
//!
//! The level is `INFO` for a first attempt, `WARN` for a resend, which waited
//! and was refused again, and `DEBUG` for an answer that is no failure.
//!
//! # Order
//!
//! Inside every layer that waits or resends: it finds what this one leaves,
//! and each attempt is logged. Outside the classifier, whose verdict decides
//! whether an answer is a refusal. Without a classifier the status decides.
//! Inside the layer that sets the [`RequestContext`].
//!
//! # Cancel safety
//!
//! Nothing is held; the future may be dropped at any time.
//!
//! # Clone
//!
//! Clones share nothing but what the inner service shares.
//!
//! [`RetryAfter`]: crate::extensions::RetryAfter
//! [`RateLimitStatus`]: crate::extensions::RateLimitStatus
//! [`RequestContext`]: crate::extensions::RequestContext
//! [`RateLimited`]: crate::classify::ErrorClass::RateLimited

mod cap;
mod date;
mod dialect;
mod event;
mod future;
mod headers;
mod layer;
mod name;
mod number;
mod rate_limit;
mod service;
mod structured;
mod wait;

pub use self::{
    future::ResponseFuture, headers::LimitHeaders, layer::RetryAfterHeaderLayer,
    service::RetryAfterHeader,
};
