use std::{sync::Arc, time::Duration};

use http::Method;

/// What a request does on the server, and so what a second copy would do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// It changes nothing. It may always be sent again.
    Read,
    /// It changes something, and a second copy changes it twice. It is sent
    /// again only if it was certainly not carried out.
    Write,
    /// It changes something, and the server knows a second copy for what it
    /// is, for some time after the first.
    IdempotentWrite {
        /// The value by which the server knows the copy.
        key: Option<Arc<str>>,
        /// How long the server remembers the first copy.
        remembered_for: Duration,
    },
}

impl Operation {
    /// A write that may be carried out any number of times with the same
    /// result, such as setting an absolute value.
    #[must_use]
    pub fn repeatable() -> Self {
        Self::IdempotentWrite {
            key: None,
            remembered_for: Duration::MAX,
        }
    }

    /// What the method alone suggests: the safe methods of RFC 9110 read, all
    /// others write.
    #[must_use]
    #[inline]
    pub fn from_method(method: &Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Write
        }
    }

    /// Whether this changes nothing.
    #[must_use]
    #[inline]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read)
    }
}
