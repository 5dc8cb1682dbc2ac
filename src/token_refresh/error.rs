use std::{error::Error, fmt, sync::Arc};

use tokio::time::Instant;

use super::TokenKey;
use crate::{
    classify::Classification,
    error::{BoxError, NotSent},
    extensions::AccountId,
};

/// The request was not sent: its token is stopped, for all it may do or for
/// this account.
///
/// It goes on when a new token is set, the stop is cleared, or its time is
/// over; see [`TokenRefreshHandle`](super::TokenRefreshHandle).
#[derive(Clone)]
pub struct TokenStopped {
    pub(super) key: TokenKey,
    pub(super) scope: Option<Scope>,
    pub(super) cause: Cause,
    pub(super) until: Option<Instant>,
}

/// There is no good token at the moment, and the request was not sent, or
/// refused for a token that expired. It may be sent again.
#[derive(Clone)]
pub struct TokenUnavailable {
    pub(super) key: TokenKey,
    pub(super) retry_at: Option<Instant>,
    pub(super) error: Arc<BoxError>,
}

/// Where a token is stopped that goes on elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) account: Option<AccountId>,
    pub(super) endpoint: Option<smol_str::SmolStr>,
}

/// Why a token is stopped.
#[derive(Clone)]
pub(super) enum Cause {
    Answer(Arc<Classification>),
    Refresh(Arc<BoxError>),
}

/// The request was not sent: there are too many tokens, and none that may be
/// forgotten.
#[derive(Clone, Copy, Debug)]
pub struct TooManyTokens(());

// ===== impl TooManyTokens =====

impl TooManyTokens {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TooManyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many tokens are being refreshed")
    }
}

impl Error for TooManyTokens {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

// ===== impl TokenStopped =====

impl TokenStopped {
    /// Which token.
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// The account for which it is stopped. `None`: for all, or for requests
    /// without an account at [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.scope.as_ref()?.account.as_ref()
    }

    /// The endpoint at which it is stopped. `None`: at all.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.scope.as_ref()?.endpoint.as_deref()
    }

    /// The answer that stopped it, if it was one.
    #[must_use]
    pub fn classification(&self) -> Option<&Classification> {
        match &self.cause {
            Cause::Answer(found) => Some(found),
            Cause::Refresh(_) => None,
        }
    }

    /// The failure of its refresh, if that stopped it.
    #[must_use]
    pub fn cause(&self) -> Option<&BoxError> {
        match &self.cause {
            Cause::Answer(_) => None,
            Cause::Refresh(error) => Some(error),
        }
    }

    /// When one request will be let through, to see whether it is good again.
    /// `None`: never.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }
}

impl fmt::Display for TokenStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {} is stopped", self.key)?;
        if let Some(account) = self.account() {
            write!(f, " for account {account}")?;
        }
        if let Some(endpoint) = self.endpoint() {
            write!(f, " at {endpoint}")?;
        }
        match &self.cause {
            Cause::Answer(found) => {
                write!(f, "; the answer was {found}")?;
                // A sentence of its own, so without its stop.
                match found.remedy().trim_end_matches('.') {
                    "" => Ok(()),
                    remedy => write!(f, "; {remedy}"),
                }
            }
            Cause::Refresh(error) => write!(f, "; its refresh ended in: {error}"),
        }
    }
}

impl fmt::Debug for TokenStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStopped")
            .field("key", &self.key)
            .field("scope", &self.scope)
            .field("classification", &self.classification())
            .field("cause", &self.cause().map(ToString::to_string))
            .field("until", &self.until)
            .finish()
    }
}

impl Error for TokenStopped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

// ===== impl TokenUnavailable =====

impl TokenUnavailable {
    /// Which token.
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// From when on the source will be asked again.
    #[must_use]
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Why there is none.
    #[must_use]
    pub fn cause(&self) -> &BoxError {
        &self.error
    }
}

impl fmt::Display for TokenUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "token {} could not be refreshed: {}",
            self.key, self.error
        )
    }
}

impl fmt::Debug for TokenUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenUnavailable")
            .field("key", &self.key)
            .field("retry_at", &self.retry_at)
            .field("error", &self.error.to_string())
            .finish()
    }
}

// No source: what happened to the refresh says nothing about the request, and
// whoever looks for a lost connection in the chain would find that of another.
impl Error for TokenUnavailable {}
