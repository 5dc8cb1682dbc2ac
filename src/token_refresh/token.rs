use std::{fmt, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use smol_str::SmolStr;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Secret;
use crate::extensions::AccountId;

/// An access token, and until when it is good.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::token_refresh::Token;
///
/// let token = Token::new("act.1")?.expires_in(Duration::from_secs(86_400));
/// assert!(!format!("{token:?}").contains("act.1"));
/// # Ok::<(), tower_tiktok::token_refresh::InvalidToken>(())
/// ```
#[derive(Clone, Debug)]
pub struct Token {
    secret: Secret,
    expires: Option<Instant>,
}

/// A token is empty, or has characters that no header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidToken(());

/// Names one of several tokens. The default names the one that serves all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey(SmolStr);

// ===== impl Token =====

impl Token {
    /// A token of which nobody said when it expires.
    ///
    /// # Errors
    /// If it is empty, or not of visible ASCII characters. That is never shown.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, InvalidToken> {
        let secret = secret.into();
        let text = secret.expose();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken(()));
        }
        Ok(Self {
            secret,
            expires: None,
        })
    }

    /// Says that it is good for so long from now. One beyond what the clock
    /// can tell never expires.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires = Instant::now().checked_add(lifetime);
        self
    }

    /// Says until when it is good.
    #[must_use]
    pub fn expires_at(mut self, instant: Instant) -> Self {
        self.expires = Some(instant);
        self
    }

    /// The token itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Until when it is good, if that is known.
    #[must_use]
    pub fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// The value of the header, after `prefix`. `None` if the prefix has
    /// characters that no header may have.
    pub(super) fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let text = self.secret.expose();
        let mut value = Zeroizing::new(Vec::with_capacity(prefix.len() + text.len()));
        value.extend_from_slice(prefix.as_bytes());
        value.extend_from_slice(text.as_bytes());
        // Overwritten when the last request that bears it is dropped.
        let value = Bytes::from_owner(value);
        let mut value = HeaderValue::from_maybe_shared(value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

// ===== impl InvalidToken =====

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is empty or cannot be sent in a header")
    }
}

impl std::error::Error for InvalidToken {}

// ===== impl TokenKey =====

impl TokenKey {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TokenKey {
    fn default() -> Self {
        Self(SmolStr::new_static("default"))
    }
}

impl From<&str> for TokenKey {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for TokenKey {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&AccountId> for TokenKey {
    fn from(account: &AccountId) -> Self {
        Self(SmolStr::new(account.as_str()))
    }
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_the_token_after_its_prefix_and_hides_it() {
        let token = Token::new("abc").unwrap();
        let value = token.header("Bearer ").unwrap();
        assert_eq!(value.as_bytes(), b"Bearer abc");
        assert!(value.is_sensitive());
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert!(token.header("\n").is_none());
    }

    #[test]
    fn what_no_header_may_have_is_no_token() {
        for text in ["", "a b", "a\nb", "\u{e9}", "a\0"] {
            assert!(Token::new(text).is_err(), "{text:?}");
        }
        assert!(Token::new("act.1-_~!").is_ok());
    }
}
