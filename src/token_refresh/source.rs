use std::{fmt, pin::Pin};

use super::{Token, TokenKey};
use crate::error::BoxError;

/// What a [`TokenSource`] is waited for in. It runs as a task of its own, and
/// goes on when those who wait have gone.
pub type Refreshing = Pin<Box<dyn Future<Output = Result<Token, RefreshError>> + Send>>;

/// Gets tokens: where there is none yet, and in place of those that expired.
///
/// Closures that return a future do; any error of theirs is taken for one that
/// may pass.
///
/// # Example
/// ```
/// use tower_tiktok::token_refresh::{InvalidToken, RefreshRequest, Token, TokenSource};
///
/// // In place of a call to an authorisation server.
/// let source = |wanted: RefreshRequest| async move {
///     Token::new(format!("token-of-{}", wanted.key()))
/// };
/// fn is_source(_: impl TokenSource) {}
/// is_source(source);
/// ```
pub trait TokenSource: Send + Sync + 'static {
    /// Gets a token. For one key it is asked once at a time.
    ///
    /// It may be dropped at an await: when the layer's timeout is over, or the
    /// runtime ends. What must not be lost has to be kept before that.
    fn refresh(&self, wanted: RefreshRequest) -> Refreshing;
}

impl<F, Fut, E> TokenSource for F
where
    F: Fn(RefreshRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Token, E>> + Send + 'static,
    E: Into<RefreshError>,
{
    fn refresh(&self, wanted: RefreshRequest) -> Refreshing {
        let refreshing = self(wanted);
        Box::pin(async move { refreshing.await.map_err(Into::into) })
    }
}

/// Which token is wanted, and in place of which.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    key: TokenKey,
    current: Option<Token>,
}

/// Why there is no new token.
///
/// It is no [`Error`](std::error::Error) itself, so that `?` makes one of any
/// error.
pub struct RefreshError {
    pub(super) is_final: bool,
    pub(super) error: BoxError,
}

// ===== impl RefreshRequest =====

impl RefreshRequest {
    pub(super) fn new(key: TokenKey, current: Option<Token>) -> Self {
        Self { key, current }
    }

    /// Which of several tokens is wanted.
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// The token that expired or will soon, if there was one.
    #[must_use]
    pub fn current(&self) -> Option<&Token> {
        self.current.as_ref()
    }
}

// ===== impl RefreshError =====

impl RefreshError {
    /// A failure that may pass: the source is asked again after a wait.
    #[must_use]
    pub fn passing(error: impl Into<BoxError>) -> Self {
        Self {
            is_final: false,
            error: error.into(),
        }
    }

    /// A refusal that only a person can turn: the token is stopped.
    #[must_use]
    pub fn refused(error: impl Into<BoxError>) -> Self {
        Self {
            is_final: true,
            error: error.into(),
        }
    }

    /// Whether only a person can turn it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.is_final
    }
}

impl<E: Into<BoxError>> From<E> for RefreshError {
    fn from(error: E) -> Self {
        Self::passing(error)
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for RefreshError {
    // Some clients put the whole request into their `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshError")
            .field("is_refused", &self.is_final)
            .field("error", &self.error.to_string())
            .finish()
    }
}
