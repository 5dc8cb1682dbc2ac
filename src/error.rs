//! The failures that the layers add to those of the client.
//!
//! A layer that can fail changes the error to [`BoxError`]; find ours with
//! `downcast_ref`. A refusal by the server is no error: it is an answer, with
//! a [`Classification`] in its extensions.

use std::{error::Error, fmt, io, time::Duration};

use tokio::time::Instant;

use crate::classify::Classification;

/// Any error, as in `tower`.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Marks an error as a decision not to send: the request was not carried out,
/// and another try would end no better.
///
/// A layer that turns requests away puts it at the end of its error's
/// [`source`](Error::source) chain. A layer outside then knows that even a
/// write was not carried out.
///
/// # Example
/// ```
/// use std::{error::Error, fmt};
/// use tower_tiktok::error::{NotSent, is_unsent};
///
/// #[derive(Debug)]
/// struct Paused;
///
/// impl fmt::Display for Paused {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("sending is paused")
///     }
/// }
///
/// impl Error for Paused {
///     fn source(&self) -> Option<&(dyn Error + 'static)> {
///         Some(&NotSent)
///     }
/// }
///
/// assert!(is_unsent(&Paused));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NotSent;

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was not sent")
    }
}

impl Error for NotSent {}

/// Whether `error`, or one that it wraps, says by [`NotSent`] that the
/// request was not sent.
#[must_use]
pub fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<NotSent>() {
            return true;
        }
        // What lies below it tells of the last attempt only.
        if error.is::<OutcomeUnknown>() {
            return false;
        }
        next = below(error);
    }
    false
}

/// What `error` wraps. Unlike its `source`, this does not skip what is inside
/// an [`io::Error`].
pub(crate) fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

/// The request could not be sent before its deadline, or before the time for
/// all attempts was over, so it was not.
///
/// Earlier attempts may have been made; none of them was carried out, or it
/// was a read. Instants are those of `tokio::time`.
pub struct DeadlineExceeded {
    earliest: Option<Instant>,
    classification: Option<Box<Classification>>,
    cause: Option<BoxError>,
}

impl DeadlineExceeded {
    /// A request that was not sent. `earliest` is the instant at which it could
    /// have been sent, if known; `classification` that of the last answer, if
    /// there was one.
    #[must_use]
    pub fn new(earliest: Option<Instant>, classification: Option<Classification>) -> Self {
        Self {
            earliest,
            classification: classification.map(Box::new),
            cause: None,
        }
    }

    /// Sets the failure of the attempt before, if it ended in one.
    #[must_use]
    pub fn with_cause(mut self, cause: Option<BoxError>) -> Self {
        self.cause = cause;
        self
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

    /// The failure of the attempt before, if it ended in one.
    #[must_use]
    pub fn cause(&self) -> Option<&BoxError> {
        self.cause.as_ref()
    }
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request could not be sent in time")?;
        if let Some(classification) = &self.classification {
            write!(f, "; the last answer was {classification}")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, "; the last attempt ended in: {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineExceeded")
            .field("earliest", &self.earliest)
            .field("classification", &self.classification)
            .field("cause", &shown(self.cause.as_ref()))
            .finish()
    }
}

impl Error for DeadlineExceeded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

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

impl Error for WaitTooLong {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

/// A write may or may not have been carried out, and was not sent again.
///
/// Read back whether it happened before you send it once more. The layer of
/// the feature `reconcile` does so in your place.
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
        f.write_str("; read back before you send it again")
    }
}

impl fmt::Debug for OutcomeUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutcomeUnknown")
            .field("classification", &self.classification)
            .field("source", &shown(self.source.as_ref()))
            .finish()
    }
}

impl Error for OutcomeUnknown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A failure as it displays itself: some clients put the whole URL, with its
/// query, into their `Debug`.
fn shown(error: Option<&BoxError>) -> Option<String> {
    error.map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsent_attempt_does_not_settle_an_unknown_outcome() {
        let late = || DeadlineExceeded::new(None, None);
        assert!(is_unsent(&late()));
        assert!(is_unsent(&io::Error::other(late())));

        let unknown = OutcomeUnknown::new(None, Some(late().into()));
        assert!(!is_unsent(&unknown));
    }
}
