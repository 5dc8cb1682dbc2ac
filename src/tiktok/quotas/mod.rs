//! What TikTok admits: the limits of each access level, as data for
//! [`request_pacing`](crate::request_pacing).
//!
//! TikTok counts the requests of a developer app in a second, in a minute and
//! in a day, by the app's access level; some endpoints have limits of their
//! own. Its pages say both that the limits hold for all endpoints together and
//! that those of different endpoints are independent. Too much costs five
//! minutes' suspension, too little only a little time, so both are kept unless
//! you know better. The figures are those of TikTok's page on rate limits, as
//! of August 2026.
//!
//! | level | a second | a minute | a day (UTC) |
//! |---|---|---|---|
//! | [`Basic`](AccessLevel::Basic) | 10 | 600 | 864,000 |
//! | [`Advanced`](AccessLevel::Advanced) | 20 | 1,200 | 1,728,000 |
//! | [`Premium`](AccessLevel::Premium) | 30 | 1,800 | 2,592,000 |
//! | [`Ultimate`](AccessLevel::Ultimate) | 50 | 3,000 | 4,320,000 |
//! | [`Sandbox`](AccessLevel::Sandbox), each endpoint | 1 | 30 | 1,000 |
//!
//! # Example
//! ```
//! use tower_tiktok::{
//!     request_pacing::{Quota, RequestPacingLayer},
//!     tiktok::{
//!         TikTokLayer,
//!         quotas::{AccessLevel, TikTokQuotas},
//!     },
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Mostly it is enough to name the level.
//! let layer = TikTokLayer::builder().access_level(AccessLevel::Advanced).build();
//!
//! // Another service uses the same app: half is left for this one, and half
//! // of what one endpoint admits.
//! let quotas = TikTokQuotas::builder(AccessLevel::Advanced)
//!     .app(Quota::requests_per_second(10).and_requests_per_minute(600))
//!     .endpoint("/ad/create/", Quota::requests_per_second(5).and_requests_per_minute(100))
//!     .build()?;
//! let layer = TikTokLayer::builder().quotas(quotas).build();
//! # let handle = layer.pacing_handle();
//! # assert_eq!(handle.snapshot().queued(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Scopes
//!
//! | scope | admits |
//! |---|---|
//! | the app | what its level does |
//! | each endpoint | the same, or the endpoint's own limit |
//! | each advertiser on each endpoint | 20 a second, the only figure that was ever seen; 500 reports an hour; none on the endpoints for events |
//! | each pixel, on the endpoints for events | as many as come: no figure is known |
//!
//! A refusal closes the scope that it names, and no other, whether a figure is
//! known or not. The endpoints for events have far more room than the app as a
//! whole, so they do not count in it; nor does anything in the sandbox
//! that names its endpoint.

mod builder;
mod level;
mod scopes;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    builder::TikTokQuotasBuilder,
    level::{AccessLevel, InvalidAccessLevel, Limits},
    scopes::{Sharing, TikTokQuotas},
};
