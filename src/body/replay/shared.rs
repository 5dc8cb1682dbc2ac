use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::{
    BodyLost,
    tape::{Piece, ReaderId, Tape},
    waiting::Waiting,
};
use crate::error::BoxError;

/// The body, and what its copies share.
pub(super) struct Shared<B> {
    // Nothing that is not ours runs while this is locked: the body is polled,
    // tasks are woken, and all three are dropped, outside. Any of that may
    // come back here, as a task does that drops its copy when it is woken.
    state: Mutex<State<B>>,
    waiting: Arc<Waiting>,
}

pub(super) struct State<B> {
    tape: Tape,
    source: Source<B>,
    /// The readers that came for the body while another polled it.
    missed: Vec<ReaderId>,
}

enum Source<B> {
    Open {
        /// Taken by the reader that polls it.
        body: Option<Pin<Box<B>>>,
        /// What the body said when it was last polled.
        hint: SizeHint,
        is_end: bool,
    },
    Over,
    Failed,
}

/// What a reader finds.
enum Turn<B> {
    Ready(Option<Result<Frame<Bytes>, BodyLost>>),
    Polls(Pin<Box<B>>),
    /// Another polls the body.
    Waits,
}

/// Leaves the body failed if it panics, so that nobody waits for it.
struct FailOnUnwind<'a, B> {
    shared: &'a Shared<B>,
    id: ReaderId,
}

// ===== impl Shared =====

impl<B> Shared<B> {
    pub(super) fn state(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remove(&self, id: ReaderId) {
        let _waker = self.waiting.remove(id);
        let _pieces = self.state().tape.remove(id);
    }

    /// Takes back what became of the body that `id` polled, and what it
    /// yielded.
    fn give_back(&self, id: ReaderId, source: Source<B>, yielded: Poll<Option<Piece>>) {
        let is_pending = yielded.is_pending();
        let (missed, _pieces) = {
            let mut state = self.state();
            state.source = source;
            let missed = mem::take(&mut state.missed);
            let pieces = match yielded {
                // Whoever asked for it, it is read off the tape: this reader
                // may just have been cut off.
                Poll::Ready(Some(piece)) => state.tape.push(piece, id),
                Poll::Ready(None) | Poll::Pending => Vec::new(),
            };
            (missed, pieces)
        };
        if is_pending {
            // The body may have woken before they came, and this reader may
            // never be back. Not all: they would wake each other for ever.
            self.waiting.wake_those(|waiting| missed.contains(&waiting));
        } else {
            self.waiting.wake_those(|waiting| waiting != id);
        }
    }
}

impl<B: Body> Shared<B> {
    /// With one reader.
    pub(super) fn new(body: B, max_bytes: usize) -> (Self, ReaderId) {
        let (tape, id) = Tape::new(max_bytes);
        let state = State {
            tape,
            source: Source::open(Box::pin(body)),
            missed: Vec::new(),
        };
        let shared = Self {
            state: Mutex::new(state),
            waiting: Arc::default(),
        };
        (shared, id)
    }
}

impl<B: Body> Shared<B>
where
    B::Error: Into<BoxError>,
{
    pub(super) fn poll(
        &self,
        id: ReaderId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            // Before anything is looked at: whatever changes then, wakes.
            self.waiting.put(id, cx.waker());
            let turn = self.state().turn(id);
            let mut body = match turn {
                Turn::Ready(frame) => {
                    drop(self.waiting.remove(id));
                    return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
                }
                Turn::Polls(body) => body,
                Turn::Waits => return Poll::Pending,
            };

            let fail_on_unwind = FailOnUnwind { shared: self, id };
            let waker = Waker::from(Arc::clone(&self.waiting));
            let polled = body.as_mut().poll_frame(&mut Context::from_waker(&waker));
            let (source, yielded, failure) = match polled {
                Poll::Pending => (Source::open(body), Poll::Pending, None),
                Poll::Ready(Some(Ok(frame))) => {
                    let piece = Piece::of(frame);
                    (Source::open(body), Poll::Ready(piece), None)
                }
                Poll::Ready(Some(Err(error))) => (Source::Failed, Poll::Ready(None), Some(error)),
                Poll::Ready(None) => (Source::Over, Poll::Ready(None), None),
            };
            mem::forget(fail_on_unwind);

            let is_pending = yielded.is_pending();
            self.give_back(id, source, yielded);
            if let Some(error) = failure {
                drop(self.waiting.remove(id));
                return Poll::Ready(Some(Err(error.into())));
            }
            if is_pending {
                return Poll::Pending;
            }
        }
    }
}

impl<B> Drop for FailOnUnwind<'_, B> {
    fn drop(&mut self) {
        let Self { shared, id } = self;
        shared.give_back(*id, Source::Failed, Poll::Ready(None));
    }
}

// ===== impl State =====

impl<B> State<B> {
    pub(super) fn copy(&mut self, id: ReaderId) -> Option<ReaderId> {
        let least = self.size_hint(id).lower();
        let most = u64::try_from(self.tape.max_bytes()).unwrap_or(u64::MAX);
        if matches!(self.source, Source::Failed) || least > most {
            return None;
        }
        self.tape.copy(id)
    }

    pub(super) fn is_end_stream(&self, id: ReaderId) -> bool {
        !self.tape.is_cut(id)
            && self.tape.is_at_end(id)
            && match &self.source {
                Source::Open { is_end, .. } => *is_end,
                Source::Over => true,
                Source::Failed => false,
            }
    }

    pub(super) fn size_hint(&self, id: ReaderId) -> SizeHint {
        let rest = match &self.source {
            Source::Open { hint, .. } => *hint,
            Source::Over => SizeHint::with_exact(0),
            Source::Failed => SizeHint::default(),
        };
        let ahead = self.tape.ahead(id);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(ahead));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(ahead)) {
            hint.set_upper(upper);
        }
        hint
    }

    fn turn(&mut self, id: ReaderId) -> Turn<B> {
        if self.tape.is_cut(id) {
            return Turn::Ready(Some(Err(BodyLost::new())));
        }
        if let Some(piece) = self.tape.read(id) {
            return Turn::Ready(Some(Ok(piece.into())));
        }
        match &mut self.source {
            Source::Open { body, .. } => match body.take() {
                Some(body) => Turn::Polls(body),
                None => {
                    if !self.missed.contains(&id) {
                        self.missed.push(id);
                    }
                    Turn::Waits
                }
            },
            Source::Over => Turn::Ready(None),
            Source::Failed => Turn::Ready(Some(Err(BodyLost::new()))),
        }
    }
}

impl<B: Body> Source<B> {
    fn open(body: Pin<Box<B>>) -> Self {
        Self::Open {
            hint: body.size_hint(),
            is_end: body.is_end_stream(),
            body: Some(body),
        }
    }
}

impl Piece {
    /// `None` for data without a byte, of which a body may yield any number,
    /// and for a frame of a kind that there is not yet.
    fn of<D: Buf>(frame: Frame<D>) -> Option<Self> {
        match frame.into_data() {
            Ok(data) if !data.has_remaining() => None,
            Ok(mut data) => Some(Self::Data(data.copy_to_bytes(data.remaining()))),
            Err(frame) => {
                let trailers = frame.into_trailers().ok()?;
                Some(Self::Trailers(Box::new(trailers)))
            }
        }
    }
}

impl From<Piece> for Frame<Bytes> {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Data(data) => Self::data(data),
            Piece::Trailers(trailers) => Self::trailers(*trailers),
        }
    }
}
