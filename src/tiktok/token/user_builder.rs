use std::fmt;

use http::Uri;

use super::{
    UserGrant, UserTokens,
    exchange::{Exchange, Sender},
    user::Persist,
};
use crate::{
    error::BoxError,
    token_refresh::{Secret, TokenKey},
};

/// Where the production API is.
const PRODUCTION: &str = "https://business-api.tiktok.com";

const PATH: &str = "/open_api/v1.3/tt_user/oauth2/refresh_token/";

/// Builds [`UserTokens`].
#[must_use]
pub struct UserTokensBuilder {
    send: Sender,
    client_id: String,
    client_secret: Secret,
    origin: String,
    persist: Option<Persist>,
    refresh_tokens: Vec<(TokenKey, Secret)>,
}

/// The settings of [`UserTokens`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUserTokens {
    /// The origin is none.
    Origin,
    /// The client id or the client secret is empty.
    NoClient,
    /// Nobody stores the refresh tokens, which may rotate.
    NotPersisted,
}

impl UserTokensBuilder {
    pub(super) fn new(send: Sender, client_id: String, client_secret: Secret) -> Self {
        Self {
            send,
            client_id,
            client_secret,
            origin: PRODUCTION.to_owned(),
            persist: None,
            refresh_tokens: Vec::new(),
        }
    }

    /// Scheme and host of the API, without a path. The default is that of
    /// production.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Who stores what TikTok gives. Required. The new tokens are not used
    /// before it has said that they are stored; if it fails, it is called again
    /// with the same.
    pub fn persist<F, Fut>(mut self, persist: F) -> Self
    where
        F: Fn(UserGrant) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.persist = Some(Box::new(move |grant| Box::pin(persist(grant))));
        self
    }

    /// The refresh token of a user, as it was stored last. With one user for
    /// all, its key is that of [`TokenKey::default`].
    pub fn refresh_token(mut self, key: impl Into<TokenKey>, secret: impl Into<Secret>) -> Self {
        self.refresh_tokens.push((key.into(), secret.into()));
        self
    }

    /// The source.
    ///
    /// # Errors
    /// If a setting makes no sense, or nobody stores refresh tokens.
    pub fn build(self) -> Result<UserTokens, InvalidUserTokens> {
        let origin = self.origin.trim_end_matches('/');
        let uri: Uri = format!("{origin}{PATH}")
            .parse()
            .map_err(|_| InvalidUserTokens::Origin)?;
        if uri.host().is_none() || uri.path() != PATH {
            return Err(InvalidUserTokens::Origin);
        }
        if self.client_id.is_empty() || self.client_secret.expose().is_empty() {
            return Err(InvalidUserTokens::NoClient);
        }
        let persist = self.persist.ok_or(InvalidUserTokens::NotPersisted)?;
        let exchange = Exchange {
            send: self.send,
            uri,
            client_id: self.client_id,
            client_secret: self.client_secret,
        };
        Ok(UserTokens::new(exchange, persist, self.refresh_tokens))
    }
}

impl fmt::Debug for UserTokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokensBuilder")
            .field("client_id", &self.client_id)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidUserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Origin => "the origin is no scheme and host",
            Self::NoClient => "the client id or the client secret is empty",
            Self::NotPersisted => "nobody stores the refresh tokens, which may rotate",
        })
    }
}

impl std::error::Error for InvalidUserTokens {}
