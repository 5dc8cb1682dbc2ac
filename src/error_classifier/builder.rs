use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::layer::{ErrorClassifierLayer, Shared};

/// 64 KiB. An envelope whose code comes after more data than that is rare,
/// and 64 KiB for each of a thousand open answers is still 64 MiB.
const PEEK_LIMIT: usize = 64 * 1024;

/// 10 s. A lost segment is sent again after 1, 2 and 4 seconds, so that three
/// losses in a row change no verdict, and callers who give a request the
/// usual 30 s get the answer before they give up.
const PEEK_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds an [`ErrorClassifierLayer`].
#[derive(Clone, Debug)]
pub struct ErrorClassifierBuilder<C> {
    classify: C,
    peek_limit: usize,
    peek_timeout: Duration,
}

impl<C> ErrorClassifierBuilder<C> {
    pub(super) fn new(classify: C) -> Self {
        Self {
            classify,
            peek_limit: PEEK_LIMIT,
            peek_timeout: PEEK_TIMEOUT,
        }
    }

    /// Sets how many bytes of a body are looked at, at most. The default is
    /// 64 KiB.
    ///
    /// Frames are held whole, so a body holds this much and the rest of one
    /// frame. A frame of less than 32 bytes counts as 32: it takes as much to
    /// hold. With a smaller limit, a code that comes late is missed; with a
    /// larger one, answers without a code hold more memory and come later.
    #[must_use]
    pub fn peek_limit(mut self, bytes: usize) -> Self {
        self.peek_limit = bytes;
        self
    }

    /// Sets how long a body is awaited, from the first time it has nothing
    /// ready. The default is 10 seconds.
    ///
    /// After it, the verdict goes by what was seen, and the body is handed on
    /// as it is. With a smaller timeout, slow answers are judged by their
    /// status; with a larger one, a stalled body keeps its caller waiting.
    #[must_use]
    pub fn peek_timeout(mut self, timeout: Duration) -> Self {
        self.peek_timeout = timeout;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    /// If the limit or the timeout is zero.
    pub fn build(self) -> Result<ErrorClassifierLayer<C>, InvalidErrorClassifier> {
        if self.peek_limit == 0 {
            return Err(InvalidErrorClassifier::ZeroPeekLimit);
        }
        if self.peek_timeout.is_zero() {
            return Err(InvalidErrorClassifier::ZeroPeekTimeout);
        }
        Ok(ErrorClassifierLayer {
            shared: Arc::new(Shared {
                classify: self.classify,
                peek_limit: self.peek_limit,
                peek_timeout: self.peek_timeout,
            }),
        })
    }
}

/// The settings of an [`ErrorClassifierLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidErrorClassifier {
    /// No body could be looked at. A classifier that needs none says so with
    /// [`NoScan`](crate::classify::NoScan).
    ZeroPeekLimit,
    /// The verdict would depend on what happens to be there already.
    ZeroPeekTimeout,
}

impl fmt::Display for InvalidErrorClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroPeekLimit => "the peek limit is zero",
            Self::ZeroPeekTimeout => "the peek timeout is zero",
        })
    }
}

impl Error for InvalidErrorClassifier {}
