//! The 452 endpoints of the Business API: what a request does there, where
//! it names its account, and how urgent it is.
//!
//! The method tells little: some POSTs only read, and a poll of a report
//! need not go ahead of a campaign. So the endpoints are a table, made from
//! the official pages and the official SDK.
//! [`TikTokRequestContextLayer`](super::TikTokRequestContextLayer) looks each
//! request up in it, and can be told of endpoints that it does not have.
//!
//! # Example
//! ```
//! use http::Method;
//! use tower_tiktok::{extensions::Priority, tiktok::Endpoint};
//!
//! let endpoint = Endpoint::find(&Method::POST, "/open_api/v1.3/tool/bid/recommend/").unwrap();
//! assert_eq!(endpoint.path(), "/tool/bid/recommend/");
//! // A POST that changes nothing may always be sent again.
//! assert!(endpoint.operation().is_read());
//! assert_eq!(endpoint.account_fields(), ["advertiser_id"]);
//!
//! let poll = Endpoint::find(&Method::GET, "/open_api/v1.3/report/task/check/").unwrap();
//! assert_eq!(poll.priority(), Priority::Low);
//! ```

mod endpoint;
pub(super) mod find;
mod index;
mod table;

pub use self::endpoint::{AccountPlace, ClientRequestId, Endpoint};
pub(super) use self::endpoint::{REQUEST_ID, TRANSFER_LEVEL};
