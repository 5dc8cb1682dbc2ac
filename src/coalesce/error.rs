use std::{error::Error, fmt, sync::Arc};

use crate::error::BoxError;

/// The failure of a call that several callers share. What it was is its
/// [`source`](Error::source).
///
/// Who is the only one to wait for a call gets its error as it is.
#[derive(Clone)]
pub struct SharedError(Arc<BoxError>);

impl SharedError {
    pub(crate) fn new(error: Arc<BoxError>) -> Self {
        Self(error)
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shared call failed: {}", self.0)
    }
}

// As the failure displays itself: some clients put the whole URL into their
// `Debug`.
impl fmt::Debug for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedError")
            .field(&self.to_string())
            .finish()
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.0)
    }
}
