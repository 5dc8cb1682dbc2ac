use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{
    Token, TokenKey, TokenNotice, TokenRefreshLayer, TokenSource, TokenVerdict,
    ring::Ring,
    settings::Times,
    tokens::{Config, Tokens},
};
use crate::{classify::Classification, extensions::RequestContext};

/// Builds a [`TokenRefreshLayer`].
#[must_use]
pub struct TokenRefreshBuilder {
    config: Config,
    given: Vec<(TokenKey, Token)>,
    max_tokens: usize,
}

/// The settings of a [`TokenRefreshLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTokenRefresh {
    /// What goes before the token cannot be sent in a header.
    Prefix,
    /// A refresh is given no time.
    ZeroTimeout,
    /// The wait after a refresh that failed is zero.
    ZeroBackoff,
    /// That wait is above its cap.
    BackoffAboveCap,
    /// A stop would be over at once.
    ZeroStop,
    /// Not one token may be kept.
    NoTokens,
}

// ===== impl TokenRefreshBuilder =====

impl TokenRefreshBuilder {
    pub(super) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self {
            config: Config {
                source,
                header: AUTHORIZATION,
                prefix: "Bearer ".to_owned(),
                key_of: None,
                is_by_account: false,
                exempt: None,
                judge: None,
                hook: None,
                times: Times {
                    ahead: Duration::from_secs(300),
                    timeout: Duration::from_secs(60),
                    backoff: Duration::from_secs(1),
                    backoff_cap: Duration::from_secs(60),
                    stop: Duration::from_secs(300),
                },
            },
            given: Vec::new(),
            max_tokens: 10_000,
        }
    }

    /// The header that bears the token, and what goes before it there. What the
    /// request has in it is replaced. The default is `authorization` and
    /// `"Bearer "`.
    pub fn header(mut self, name: HeaderName, prefix: impl Into<String>) -> Self {
        self.config.header = name;
        self.config.prefix = prefix.into();
        self
    }

    /// The token to begin with. The default is none: the first request has the
    /// source asked.
    pub fn token(self, token: Token) -> Self {
        self.token_for(TokenKey::default(), token)
    }

    /// One of several tokens to begin with.
    pub fn token_for(mut self, key: impl Into<TokenKey>, token: Token) -> Self {
        self.given.push((key.into(), token));
        self
    }

    /// Gives each account a token of its own, whose key is the account. A
    /// request without an account bears the token of the default key. The
    /// default is one token for all.
    pub fn by_account(self) -> Self {
        let mut builder = self.key(|context| match context.and_then(RequestContext::account) {
            Some(account) => account.into(),
            None => TokenKey::default(),
        });
        builder.config.is_by_account = true;
        builder
    }

    /// Which token a request bears. The default is one for all.
    pub fn key<F>(mut self, key: F) -> Self
    where
        F: Fn(Option<&RequestContext>) -> TokenKey + Send + Sync + 'static,
    {
        self.config.key_of = Some(Arc::new(key));
        self.config.is_by_account = false;
        self
    }

    /// Which requests need no token, such as those that get one. They pass
    /// untouched. The default is none.
    pub fn exempt<F>(mut self, exempt: F) -> Self
    where
        F: Fn(Option<&RequestContext>) -> bool + Send + Sync + 'static,
    {
        self.config.exempt = Some(Arc::new(exempt));
        self
    }

    /// What an answer that is no success means for its token. The default is
    /// [`TokenVerdict::of`].
    pub fn judge<F>(mut self, judge: F) -> Self
    where
        F: Fn(&Classification) -> TokenVerdict + Send + Sync + 'static,
    {
        self.config.judge = Some(Arc::new(judge));
        self
    }

    /// Who is told of stops and refreshes, such as an alert. It is called from
    /// where it happens, so it should not take long. The default is nobody but
    /// [`tracing`].
    pub fn on_notice<F>(mut self, hook: F) -> Self
    where
        F: Fn(TokenNotice<'_>) + Send + Sync + 'static,
    {
        self.config.hook = Some(Arc::new(hook));
        self
    }

    /// How long before its end a token is refreshed, by the first request that
    /// comes then; it bears the old one. The default is 5 minutes, and never
    /// more than half of the token's life. Each refresh draws from the second
    /// half of that time, so that processes do not come together. A smaller one
    /// wastes less of a token; a larger one leaves more time for a source that
    /// fails. With zero all requests wait for the refresh at the token's end.
    pub fn refresh_ahead(mut self, time: Duration) -> Self {
        self.config.times.ahead = time;
        self
    }

    /// How long the source may take. The default is 60 seconds. A smaller one
    /// lets those who wait fail sooner; a larger one does not break off a
    /// refresh that would have come to its end.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.config.times.timeout = time;
        self
    }

    /// How long nobody asks the source again after it failed: about `base` at
    /// first, twice that after each failure in a row, up to `cap`, each with
    /// jitter. The default is 1 second and 60. Meanwhile requests fail at once
    /// with [`TokenUnavailable`](super::TokenUnavailable). Smaller ones notice
    /// sooner that it works again; larger ones are kinder to it.
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.config.times.backoff = base;
        self.config.times.backoff_cap = cap;
        self
    }

    /// How long a stop lasts. The default is 5 minutes. Then one request is let
    /// through, and if nothing is wrong with its token the others follow. A
    /// smaller one notices sooner that a person has acted; a larger one sends
    /// fewer requests in vain. With [`Duration::MAX`] it lasts until a token is
    /// set or the stop is cleared.
    pub fn stop_for(mut self, time: Duration) -> Self {
        self.config.times.stop = time;
        self
    }

    /// How many tokens are kept that the source gave, and how many stops of one
    /// token. The default is 10,000. Beyond it the token that was not used for
    /// longest is forgotten, and had again when it is needed. Fewer bound the
    /// memory, more bound the refreshes.
    pub fn max_tokens(mut self, tokens: usize) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn build(self) -> Result<TokenRefreshLayer, InvalidTokenRefresh> {
        let times = self.config.times;
        if HeaderValue::from_str(&self.config.prefix).is_err() {
            return Err(InvalidTokenRefresh::Prefix);
        }
        if times.timeout.is_zero() {
            return Err(InvalidTokenRefresh::ZeroTimeout);
        }
        if times.backoff.is_zero() {
            return Err(InvalidTokenRefresh::ZeroBackoff);
        }
        if times.backoff > times.backoff_cap {
            return Err(InvalidTokenRefresh::BackoffAboveCap);
        }
        if times.stop.is_zero() {
            return Err(InvalidTokenRefresh::ZeroStop);
        }
        if self.max_tokens == 0 {
            return Err(InvalidTokenRefresh::NoTokens);
        }
        let tokens = Tokens::new(self.config, Ring::new(times, self.max_tokens));
        for (key, token) in self.given {
            tokens.give(key, token);
        }
        Ok(TokenRefreshLayer::new(tokens))
    }
}

impl fmt::Debug for TokenRefreshBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefreshBuilder")
            .field("header", &self.config.header)
            .field("times", &self.config.times)
            .field("given", &self.given)
            .field("max_tokens", &self.max_tokens)
            .finish_non_exhaustive()
    }
}

// ===== impl InvalidTokenRefresh =====

impl fmt::Display for InvalidTokenRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "the token's prefix cannot be sent in a header",
            Self::ZeroTimeout => "a token refresh is given no time",
            Self::ZeroBackoff => "the wait after a failed token refresh is zero",
            Self::BackoffAboveCap => "the wait after a failed token refresh is above its cap",
            Self::ZeroStop => "the stop of a token lasts no time",
            Self::NoTokens => "not one token may be kept",
        })
    }
}

impl std::error::Error for InvalidTokenRefresh {}
