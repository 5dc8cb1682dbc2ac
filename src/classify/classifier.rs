use std::ops::ControlFlow;

use http::response::Parts;

use super::{Classification, ErrorClass};
use crate::extensions::{PartialFailure, RequestContext};

/// Tells answers apart. Implemented for each API; the layer that uses it is
/// `ErrorClassifierLayer`.
///
/// A classifier is asked twice for each response: once when the head is
/// there, whether it wants to see the body and with what eyes; and once at
/// the end, for the verdict.
pub trait Classify {
    /// What looks at the body.
    type Scan: Scan;

    /// Called with the head of a response. `None` says that the body has
    /// nothing to tell, and no byte of it is awaited.
    fn scan(&self, head: &Parts) -> Option<Self::Scan>;

    /// Called with the context of a request, if it has one, before the request
    /// is sent. A number says that its answer is worth a closer look than
    /// others, and is handed back to [`scan_closer`](Self::scan_closer). The
    /// default is `None`: all answers are looked at alike.
    fn closer_look(&self, context: &RequestContext) -> Option<u16> {
        let _ = context;
        None
    }

    /// Called in place of [`scan`](Self::scan) for an answer that is worth a
    /// closer look.
    fn scan_closer(&self, look: u16, head: &Parts) -> Option<Self::Scan> {
        let _ = look;
        self.scan(head)
    }

    /// The verdict. `scanned` is what [`scan`](Self::scan) gave, after it has
    /// seen as much of the body as it wanted, or as there was within the
    /// limits of the layer.
    fn classify(&self, head: &Parts, scanned: Option<Self::Scan>) -> Classification;
}

/// Looks at the beginning of a body, piece by piece, without keeping it.
pub trait Scan {
    /// Sees the next piece. `Break` says that it has seen enough.
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()>;

    /// Whether what was seen is a success for certain, and nothing more is to
    /// be told of it. Where the status says the same, the classifier is not
    /// asked for a verdict. The default is `false`: it is always asked.
    fn is_success(&self) -> bool {
        false
    }

    /// What is known of a part that failed. It is left in the response's
    /// extensions where the verdict is [`ErrorClass::PartialSuccess`]. The
    /// default is `None`.
    fn partial_failure(&self) -> Option<PartialFailure> {
        None
    }

    /// Says that the body is over: nothing was cut off.
    fn end(&mut self) {}

    /// Says that the body broke off: there was more, and nobody will see it.
    /// Whether that makes a failure of an answer that looked like a success so
    /// far is up to the classifier.
    fn fail(&mut self) {}

    /// Says that the body was waited for until the layer's time was over.
    /// There may be more of it, and the reader will see it.
    fn late(&mut self) {}
}

/// The scan of a classifier that never looks at a body.
#[derive(Clone, Copy, Debug)]
pub enum NoScan {}

impl Scan for NoScan {
    fn push(&mut self, _: &[u8]) -> ControlFlow<()> {
        match *self {}
    }
}

/// Classifies by HTTP status alone. 429 counts as refused before anything
/// was done; nothing else does.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl Classify for ByStatus {
    type Scan = NoScan;

    fn scan(&self, _: &Parts) -> Option<NoScan> {
        None
    }

    fn classify(&self, head: &Parts, _: Option<NoScan>) -> Classification {
        let class = ErrorClass::from_status(head.status);
        Classification::new(class).with_refused(class == ErrorClass::RateLimited)
    }
}
