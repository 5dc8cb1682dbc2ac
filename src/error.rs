//! The failures that the layers add to those of the client.
//!
//! A layer that can fail changes the error to [`BoxError`]; find ours with
//! `downcast_ref`. A refusal by the server is no error: it is an answer, with
//! a [`Classification`](crate::classify::Classification) in its extensions.

use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

use crate::classify::Classification;

/// Any error, as in `tower`.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The request could not be sent before its deadline, so it was not.
#[derive(Debug)]
pub struct DeadlineExceeded {
    earliest: Option<Instant>,
    classification: Option<Box<Classification>>,
}

impl DeadlineExceeded {
    /// A request that was not sent. `earliest` is the instant at which it could have been sent, if known;
    /// `classification` that of the last answer, if there was one.
    #[must_use]
    pub fn new(earliest: Option<Instant>, classification: Option<Classification>) -> Self {
        Self {
            earliest,
            classification: classification.map(Box::new),
        }
    }

    /// The earliest instant at which it could have been sent, if known.
    #[must_use]
    pub fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    /// What the last answer meant, if there was one.
    #[must_use]
    pub fn classification(&self) -> Option<&Classification> {
        self.classification.as_deref()
    }
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request could not be sent before its deadline")?;
        if let Some(classification) = &self.classification {
            write!(f, "; the last answer was {classification}")?;
        }
        Ok(())
    }
}

impl Error for DeadlineExceeded {}

/// The server asks for a longer wait than the caller allows.
#[derive(Debug)]
pub struct WaitTooLong {
    wait: Duration,
    classification: Option<Box<Classification>>,
}

impl WaitTooLong {
    /// A request that would have to wait for `wait`, counted from its last
    /// answer, whose meaning was `classification`.
    #[must_use]
    pub fn new(wait: Duration, classification: Option<Classification>) -> Self {
        Self {
            wait,
            classification: classification.map(Box::new),
        }
    }

    /// How long the server asks to stay away, counted from its answer.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// What the answer meant.
    #[must_use]
    pub fn classification(&self) -> Option<&Classification> {
        self.classification.as_deref()
    }
}

impl fmt::Display for WaitTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server asks to wait {:?}", self.wait)?;
        if let Some(classification) = &self.classification {
            write!(f, "; its answer was {classification}")?;
        }
        Ok(())
    }
}

impl Error for WaitTooLong {}

/// A write may or may not have been carried out, and was not sent again.
///
/// Read back whether it happened before you send it once more.
#[derive(Debug)]
pub struct OutcomeUnknown {
    classification: Option<Box<Classification>>,
    source: Option<BoxError>,
}

impl OutcomeUnknown {
    /// A write that ended in an answer that proves nothing, or in the failure
    /// `source`.
    #[must_use]
    pub fn new(classification: Option<Classification>, source: Option<BoxError>) -> Self {
        Self {
            classification: classification.map(Box::new),
            source,
        }
    }

    /// What the answer meant, if there was one.
    #[must_use]
    pub fn classification(&self) -> Option<&Classification> {
        self.classification.as_deref()
    }
}

impl fmt::Display for OutcomeUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whether the write was carried out is unknown")?;
        if let Some(classification) = &self.classification {
            write!(f, "; the answer was {classification}")?;
        }
        Ok(())
    }
}

impl Error for OutcomeUnknown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
