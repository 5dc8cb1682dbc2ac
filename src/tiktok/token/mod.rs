//! TikTok's access tokens: where they go, what stops them, and how they are
//! refreshed.
//!
//! TikTok has two kinds. A token of the **Marketing API** is for advertisers,
//! never expires, and cannot be refreshed: when it is revoked, a person must
//! authorise the app again. A token of a **TikTok user** (`tt_user`, for the
//! Accounts API) is good for a day, and is refreshed with a refresh token that
//! is good for a year and may rotate with each use: who loses the new one has
//! to send the user through the authorisation page again.
//!
//! | kind | source | when it expires |
//! |---|---|---|
//! | Marketing API | [`LongTermTokens`] | the error says who must do what |
//! | TikTok user | [`UserTokens`] | refreshed; the new refresh token is stored before the new access token is used |
//!
//! Both go through [`token_refresh`](crate::token_refresh). [`builder`] has
//! what is TikTok's own: the header `Access-Token`; the endpoints that give out
//! tokens, and so need none; and what each code says about the token, see
//! [`verdict`].
//!
//! # Example
//!
//! One token for each advertiser, one of which was revoked:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     classify::ErrorClass,
//!     tiktok::{TikTokLayer, token::LongTermTokens},
//!     token_refresh::{Token, TokenStopped},
//! };
//! # use tower_tiktok::simulator::Simulator;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! # let client = Simulator::builder().tokens(["act.good", "act.bad"]).build()?;
//! # client.revoke_token("act.bad");
//! let tokens = LongTermTokens::builder()
//!     .by_account()
//!     .token_for("7001", Token::new("act.good")?)
//!     .token_for("7002", Token::new("act.bad")?)
//!     .build()?;
//! let client = ServiceBuilder::new()
//!     .layer(TikTokLayer::builder().tokens(tokens).build())
//!     .service(client);
//! let read = |advertiser: &str| {
//!     let uri = format!("/open_api/v1.3/campaign/get/?advertiser_id={advertiser}");
//!     Request::get(uri).body(Full::<Bytes>::default())
//! };
//!
//! // The first one is told by TikTok, the second before it is sent.
//! let response = client.clone().oneshot(read("7002")?).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::TokenInvalid);
//! let error = client.clone().oneshot(read("7002")?).await.unwrap_err();
//! assert!(error.is::<TokenStopped>());
//! // The other goes on.
//! let response = client.oneshot(read("7001")?).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
//! # Ok(())
//! # }
//! ```
//!
//! # Order, cancel safety, clones
//!
//! Those of [`token_refresh`](crate::token_refresh). In the
//! [stack](crate::tiktok::stack) it is set by
//! [`tokens`](crate::tiktok::stack::TikTokLayerBuilder::tokens).

mod exchange;
mod grant;
mod long_term;
mod user;
mod user_builder;
mod verdict;

use http::HeaderName;

pub use self::{
    exchange::RefreshRefused,
    grant::UserGrant,
    long_term::{LongTermTokens, NoRefresh},
    user::UserTokens,
    user_builder::{InvalidUserTokens, UserTokensBuilder},
    verdict::verdict,
};
use crate::{
    extensions::RequestContext,
    token_refresh::{TokenRefreshBuilder, TokenRefreshLayer, TokenSource},
};

/// The header that bears the token.
const ACCESS_TOKEN: HeaderName = HeaderName::from_static("access-token");

/// Tokens of this source, in TikTok's header and judged by TikTok's codes.
pub fn builder(source: impl TokenSource) -> TokenRefreshBuilder {
    TokenRefreshLayer::builder(source)
        .header(ACCESS_TOKEN, "")
        .exempt(gives_tokens)
        .judge(verdict)
}

/// Whether the request is for a token, so that none is needed.
fn gives_tokens(context: Option<&RequestContext>) -> bool {
    let endpoint = context.and_then(RequestContext::endpoint);
    endpoint.is_some_and(|path| {
        matches!(path, "/oauth2/access_token/" | "/oauth2/revoke_token/")
            || path.starts_with("/tt_user/oauth2/")
    })
}
