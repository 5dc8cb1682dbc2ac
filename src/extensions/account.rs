use std::fmt;

use smol_str::SmolStr;

/// Names one account, the unit that permits and fairness count by.
///
/// Up to 23 bytes are kept in place, so the usual id costs no allocation;
/// a clone never copies a longer one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(SmolStr);

impl AccountId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccountId {
    fn from(id: &str) -> Self {
        Self(SmolStr::new(id))
    }
}

impl From<&String> for AccountId {
    fn from(id: &String) -> Self {
        Self(SmolStr::new(id))
    }
}

impl From<String> for AccountId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}
