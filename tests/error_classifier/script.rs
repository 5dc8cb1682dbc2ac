//! A body that does what it was told, and remembers what was asked of it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    Fail,
    /// Pending once, with a wake.
    Later,
    /// Pending for ever.
    Stall,
}

/// How much of its size a body gives away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    Exact,
    AtMost(u64),
    AtLeast,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection reset")
    }
}

impl std::error::Error for Reset {}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    size: Size,
    /// Whether it says that it is over as soon as it is.
    knows_its_end: bool,
    ended: bool,
    /// Frames taken so far. Its owners are the bodies alive.
    pub(crate) frames: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            size: Size::Unknown,
            knows_its_end: false,
            ended: false,
            frames: Arc::default(),
        }
    }

    /// One frame for each piece.
    pub(crate) fn data<D: Into<Bytes>>(pieces: impl IntoIterator<Item = D>) -> Self {
        Self::new(pieces.into_iter().map(|piece| Step::Data(piece.into())))
    }

    pub(crate) fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    pub(crate) fn knows_its_end(mut self, knows: bool) -> Self {
        self.knows_its_end = knows;
        self
    }

    pub(crate) fn frames_taken(&self) -> usize {
        self.frames.load(SeqCst)
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        assert!(!self.ended, "polled after its end");
        let step = self.steps.pop_front();
        if !matches!(step, Some(Step::Later | Step::Stall)) {
            self.frames.fetch_add(1, SeqCst);
        }
        Poll::Ready(match step {
            Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Step::Fail) => {
                self.steps.clear();
                Some(Err(Reset))
            }
            Some(Step::Later) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Stall) => {
                self.steps.push_front(Step::Stall);
                return Poll::Pending;
            }
            None => {
                self.ended = true;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.steps.iter().fold(0, |sum, step| match step {
            Step::Data(data) => sum + data.len() as u64,
            _ => sum,
        });
        let mut hint = SizeHint::new();
        match self.size {
            Size::Exact => hint = SizeHint::with_exact(left),
            Size::AtMost(more) => hint.set_upper(left.saturating_add(more)),
            Size::AtLeast => hint.set_lower(left),
            Size::Unknown => {}
        }
        hint
    }
}
