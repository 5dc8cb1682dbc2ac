use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of an answer.
#[derive(Debug, Default)]
pub struct SimBody {
    data: Option<Bytes>,
    left: u64,
    cut: Option<Cut>,
    alarm: Option<Arc<AtomicBool>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The server gets a turn to send the half before it.
    Sending,
    Breaking,
}

/// The connection broke, or the request never came whole.
///
/// Its source is the [`io::Error`] that a real connection would have given.
#[derive(Debug)]
pub struct SimulatorError(io::Error);

// ===== impl SimBody =====

impl SimBody {
    pub(super) fn full(data: Bytes) -> Self {
        Self {
            left: data.len() as u64,
            data: Some(data).filter(|data| !data.is_empty()),
            ..Self::default()
        }
    }

    /// Promises the whole and breaks in the middle.
    pub(super) fn cut(data: &Bytes) -> Self {
        Self {
            left: data.len() as u64,
            data: Some(data.slice(..data.len() / 2)).filter(|half| !half.is_empty()),
            cut: Some(Cut::Sending),
            alarm: None,
        }
    }

    /// Raises `alarm` when the body breaks.
    pub(super) fn alarmed(mut self, alarm: Arc<AtomicBool>) -> Self {
        self.alarm = Some(alarm);
        self
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = SimulatorError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SimulatorError>>> {
        if let Some(data) = self.data.take() {
            self.left -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.cut {
            None => return Poll::Ready(None),
            Some(Cut::Sending) => {
                self.cut = Some(Cut::Breaking);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Cut::Breaking) => self.cut = None,
        }
        if let Some(alarm) = &self.alarm {
            alarm.store(true, Ordering::Release);
        }
        Poll::Ready(Some(Err(SimulatorError::reset())))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.cut.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

// ===== impl SimulatorError =====

impl SimulatorError {
    pub(super) fn reset() -> Self {
        Self(io::ErrorKind::ConnectionReset.into())
    }

    pub(super) fn request(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(io::Error::new(io::ErrorKind::UnexpectedEof, error))
    }

    /// What happened, in `std`'s words.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl fmt::Display for SimulatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated connection broke")
    }
}

impl Error for SimulatorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
