use std::{error::Error, fmt};

use crate::token_refresh::{
    RefreshError, RefreshRequest, Refreshing, TokenKey, TokenRefreshBuilder, TokenSource,
};

/// The tokens of the Marketing API, which are set and never refreshed.
///
/// They are given to the [builder](Self::builder), or set later by the
/// [handle](crate::token_refresh::TokenRefreshHandle). Where a new one would be
/// needed, requests fail with a
/// [`TokenStopped`](crate::token_refresh::TokenStopped) whose cause is
/// [`NoRefresh`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LongTermTokens;

/// A token is missing or was refused, and only a person can get another: the
/// Marketing API has no refresh.
#[derive(Clone, Debug)]
pub struct NoRefresh {
    key: TokenKey,
    is_missing: bool,
}

impl LongTermTokens {
    /// A layer for such tokens, with what is [TikTok's own](super::builder).
    pub fn builder() -> TokenRefreshBuilder {
        super::builder(Self)
    }
}

impl TokenSource for LongTermTokens {
    fn refresh(&self, wanted: RefreshRequest) -> Refreshing {
        let error = NoRefresh {
            key: wanted.key().clone(),
            is_missing: wanted.current().is_none(),
        };
        Box::pin(async { Err(RefreshError::refused(error)) })
    }
}

impl NoRefresh {
    /// Which token.
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }
}

impl fmt::Display for NoRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_missing {
            "no token was set; authorise the app for this advertiser and set its token"
        } else {
            "a long-term token of the Marketing API cannot be refreshed; \
             authorise the app again and set the new token"
        })
    }
}

impl Error for NoRefresh {}
