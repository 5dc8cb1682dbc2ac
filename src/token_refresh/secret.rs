use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// A text that is nobody else's business: a token, or what buys one.
///
/// It is not shown in `Debug`, has no `Display`, and its memory is overwritten
/// when the last clone is dropped. Clones share the one copy.
///
/// # Example
/// ```
/// use tower_tiktok::token_refresh::Secret;
///
/// let secret = Secret::new("hush");
/// assert_eq!(secret.expose(), "hush");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes the text over. Of a `&str` this is a copy, and the caller's own
    /// stays as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The text, for whoever must send or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
