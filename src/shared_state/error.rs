use std::{error::Error, fmt};

/// An exchange with the store came to nothing.
///
/// It never contains an address or a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: StoreErrorKind,
    code: Option<String>,
}

/// Why an exchange came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No answer in time.
    Timeout,
    /// The store cannot be reached.
    Unreachable,
    /// The store answers with an error: it is read-only, full, or does not let
    /// us in.
    Refused,
    /// The answer makes no sense.
    Nonsense,
    /// The exchange is not newer than the last: it came twice, or too late.
    Stale,
}

// ===== impl StoreError =====

impl StoreError {
    /// A failure of this kind.
    #[must_use]
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, code: None }
    }

    /// An exchange that is not newer than the last of its member about a scope.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(StoreErrorKind::Stale)
    }

    /// Adds the store's own word for it, such as `READONLY`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Why.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The store's own word for it.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Timeout => "the store did not answer in time",
            StoreErrorKind::Unreachable => "the store cannot be reached",
            StoreErrorKind::Refused => "the store refuses",
            StoreErrorKind::Nonsense => "the store answers nonsense",
            StoreErrorKind::Stale => "the store knows a newer exchange",
        })?;
        match &self.code {
            Some(code) => write!(f, ": {code}"),
            None => Ok(()),
        }
    }
}

impl Error for StoreError {}
