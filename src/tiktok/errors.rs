//! The errors that users know by name: what each means, what this crate does
//! about it, and what is left for a person to do.
//!
//! Error guides tell some of these otherwise than TikTok's own pages do; each
//! is recognised in both meanings. All other codes are in the
//! [`reference`](super::codes::reference).
//!
//! | what users call it | class | sent again by the stack |
//! |---|---|---|
//! | [429 Rate limit exceeded](#429-rate-limit-exceeded) | `RateLimited` | after the wait, reads and writes |
//! | [401 Unauthorized](#401-unauthorized) | `TokenExpired`, `TokenInvalid` | once, after a refresh |
//! | [40001 App not authorized](#40001-app-not-authorized) | `PermissionDenied` | no |
//! | [40002 Insufficient permission](#40002-insufficient-permission-or-parameter-error) | `InvalidRequest`, `PermissionDenied` | no |
//! | [40100 Invalid access token](#40100-too-many-requests-or-invalid-access-token) | `RateLimited`, `TokenInvalid` | after the wait |
//! | [50002 Service unavailable](#50002-service-temporarily-unavailable) | `Transient` | reads; writes whose copy the server knows |
//! | [2200006 Video processing](#2200006-video-processing-failed-or-not-finished) | `NotReady`, `Permanent` | reads, until it is ready |
//!
//! # 429 Rate limit exceeded
//!
//! The Marketing API does not answer 429: it says so with a code, see
//! [40100](#40100-too-many-requests-or-invalid-access-token). A 429 is from an
//! edge, a gateway or a sibling API. Nothing was done, so reads and writes are
//! sent again, after the wait that its `Retry-After` asks for; a wait of more
//! than five and a half minutes ends in
//! [`WaitTooLong`](crate::error::WaitTooLong), which bears it.
//!
//! **To do:** if it lasts, send less; somebody else may use the same address.
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! # use std::time::Duration;
//! # use tower::{BoxError, Layer, ServiceExt};
//! # use tower_tiktok::{classify::ErrorClass, simulator::*, tiktok::TikTokLayer};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let retry_after = Duration::from_secs(20);
//! let edge = Script::new(Fault::EdgeThrottle { retry_after });
//! let tiktok = Simulator::builder().script(edge).build()?;
//! let client = TikTokLayer::builder().build().layer(tiktok);
//!
//! let started = tokio::time::Instant::now();
//! let request = http::Request::get("/open_api/v1.3/campaign/get/?advertiser_id=7001")
//!     .header("access-token", "secret")
//!     .body(Full::<Bytes>::default())?;
//! let response = client.oneshot(request).await?;
//!
//! assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
//! assert!(started.elapsed() >= retry_after);
//! # Ok(())
//! # }
//! ```
//!
//! # 401 Unauthorized
//!
//! The codes are 40102 (expired), 40104 (missing) and 40105 (wrong or revoked),
//! mostly with HTTP 200. With [tokens](super::token) in the stack, one that has
//! expired is refreshed once for all, and the request is sent once more. Tokens
//! of the Marketing API do not expire and cannot be refreshed: one that is
//! refused was revoked. It is stopped, so that no other request is sent in vain.
//!
//! **To do:** authorise the app again, and
//! [set](crate::token_refresh::TokenRefreshHandle::set) the new token.
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! # use tower::{BoxError, Layer, ServiceExt};
//! # use tower_tiktok::{simulator::*, tiktok::{TikTokLayer, token::LongTermTokens}};
//! # use tower_tiktok::{classify::ErrorClass, token_refresh::{Token, TokenStopped}};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! # let tiktok = Simulator::builder().tokens(["act.new"]).build()?;
//! let tokens = LongTermTokens::builder().token(Token::new("act.revoked")?).build()?;
//! let handle = tokens.handle();
//! let client = TikTokLayer::builder().tokens(tokens).build().layer(tiktok);
//! let read = || http::Request::get("/open_api/v1.3/user/info/").body(Full::<Bytes>::default());
//!
//! let response = client.clone().oneshot(read()?).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::TokenInvalid);
//! let error = client.clone().oneshot(read()?).await.unwrap_err();
//! assert!(error.is::<TokenStopped>());
//!
//! // A person has acted.
//! handle.set(Token::new("act.new")?);
//! let response = client.oneshot(read()?).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
//! # Ok(())
//! # }
//! ```
//!
//! # 40001 App not authorized
//!
//! The token is good and may not do this: a scope is missing, the advertiser
//! has not granted access, or was deleted. Nothing cures that but a person, so
//! it is not sent again. With [tokens](super::token) in the stack, requests that
//! would fail alike are not sent at all: those of this advertiser, or of this
//! advertiser to this endpoint, as the message has it. All others go on.
//!
//! **To do:** scopes are fixed when a token is made. Add the scope to the app,
//! authorise it again, and set the new token; or
//! [end the stop](crate::token_refresh::TokenRefreshHandle::clear_stops) when
//! access was granted.
//!
//! ```
//! use tower_tiktok::{
//!     classify::ErrorClass,
//!     tiktok::{classify_code, token::verdict},
//!     token_refresh::TokenVerdict,
//! };
//!
//! let found = classify_code(40_001, "No permission to operate advertiser: 7001");
//! assert_eq!(found.class(), ErrorClass::PermissionDenied);
//! assert_eq!(verdict(&found), TokenVerdict::StopAccount);
//! assert!(found.remedy().contains("authorise it again"));
//! ```
//!
//! # 40002 Insufficient permission, or parameter error
//!
//! Officially a parameter is wrong, and the message says which. Where the
//! message speaks of a permission, a scope or an authorisation, it is taken for
//! what guides call it. And an audience that is "being updated" is not ready.
//! None but the last is ever sent again, and that only if it reads.
//!
//! **To do:** read the message; the same request will be refused again.
//!
//! ```
//! use tower_tiktok::{classify::ErrorClass, tiktok::classify_code};
//!
//! let class = |message| classify_code(40_002, message).class();
//! assert_eq!(class("Time format should be %Y-%m-%dT%H:%M."), ErrorClass::InvalidRequest);
//! assert_eq!(class("Insufficient permission"), ErrorClass::PermissionDenied);
//! assert_eq!(class("The audience is being updated"), ErrorClass::NotReady);
//! ```
//!
//! # 40100 Too many requests, or invalid access token
//!
//! Officially a rate limit, with HTTP 200 or 401, and without `Retry-After`. The
//! wait follows from the message: a second for the limit per second, five
//! minutes where the app is "temporarily restricted", and until 00:00 UTC for
//! that per day. Nothing was done, so reads and writes are sent again.
//! [Pacing](super::quotas) sees to it that it hardly ever comes. Where the
//! message speaks of a token, it is [401](#401-unauthorized).
//!
//! **To do:** [name the access level](super::stack::TikTokLayerBuilder::access_level)
//! of the app, and leave a part to others that use it; or apply for a higher
//! one.
//!
//! ```
//! use std::time::Duration;
//! use tower_tiktok::{classify::ErrorClass, tiktok::classify_code};
//!
//! let wait = |message| classify_code(40_100, message).throttle().and_then(|limit| limit.wait(0));
//! let second = "App 7 reaches the QPS limit 10, current QPS is 11";
//! assert_eq!(wait(second), Some(Duration::from_secs(1)));
//! let minute = "Due to too many requests, requests from App 7 are temporarily restricted.";
//! assert_eq!(wait(minute), Some(Duration::from_secs(300)));
//!
//! let token = classify_code(40_100, "Invalid access token");
//! assert_eq!(token.class(), ErrorClass::TokenInvalid);
//! ```
//!
//! # 50002 Service temporarily unavailable
//!
//! TikTok failed, and nobody says whether a write was carried out before that.
//! So are 50000, all of 51xxx, and HTTP 502 to 504. Reads are sent again, and
//! so are writes of which the server knows a second copy (a `request_id` in its
//! ten seconds). Any other write ends in
//! [`OutcomeUnknown`](crate::error::OutcomeUnknown).
//!
//! **To do:** read back whether it is there before you send it again.
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! # use tower::{BoxError, Layer, ServiceExt};
//! # use tower_tiktok::{error::OutcomeUnknown, simulator::*, tiktok::TikTokLayer};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! // The campaign is created, and the answer says that TikTok failed.
//! let fails = Script::new(Fault::ServerError { code: 50_002, applied: true });
//! let tiktok = Simulator::builder().script(fails).build()?;
//! let client = TikTokLayer::builder().build().layer(tiktok.clone());
//!
//! let create = http::Request::post("/open_api/v1.3/campaign/create/")
//!     .header("access-token", "secret")
//!     .header("content-type", "application/json")
//!     .body(Full::<Bytes>::from(
//!         r#"{"advertiser_id":"7001","campaign_name":"spring","objective_type":"TRAFFIC"}"#,
//!     ))?;
//! let error = client.oneshot(create).await.unwrap_err();
//!
//! assert!(error.is::<OutcomeUnknown>());
//! assert_eq!(tiktok.ledger().total.created, 1); // and not two
//! # Ok(())
//! # }
//! ```
//!
//! # 2200006 Video processing failed, or not finished
//!
//! So are 40901 and 40201: what the request needs is still being made. It is
//! asked again, less and less often. Where the message says that it failed, it
//! never will be ready, and it is not asked again.
//!
//! **To do:** wait for half a minute to some minutes after an upload; after a
//! failure upload it again, corrected.
//!
//! ```
//! use tower_tiktok::{classify::ErrorClass, tiktok::classify_code};
//!
//! let class = |message| classify_code(2_200_006, message).class();
//! assert_eq!(class("Video processing not finished"), ErrorClass::NotReady);
//! assert_eq!(class("Video processing failed"), ErrorClass::Permanent);
//! ```
