use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer that may be shared: either the body as it came,
    /// or a view of bytes that all who share the answer read, none of them
    /// copied.
    pub struct SharedBody<R: Body> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<R: Body> {
        Own { #[pin] inner: R },
        Shared { frames: Reader },
        // Read in part. Boxed, as few are.
        Resumed { frames: Reader, inner: Pin<Box<R>> },
        // Read until it failed.
        Broken { frames: Reader, error: Option<R::Error> },
    }
}

/// What was read of a body.
#[derive(Clone, Default)]
pub(crate) struct Frames {
    data: Arc<Vec<Bytes>>,
    trailers: Option<HeaderMap>,
    bytes: usize,
}

struct Reader {
    frames: Frames,
    next: usize,
}

// ===== impl Frames =====

impl Frames {
    pub(crate) fn push(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                self.bytes = self.bytes.saturating_add(data.len());
                Arc::make_mut(&mut self.data).push(data);
            }
            // Not data, so it is trailers: there is no third kind.
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(feature = "report-batching")]
    pub(crate) fn of(data: Bytes) -> Self {
        Self {
            bytes: data.len(),
            data: Arc::new(vec![data]),
            trailers: None,
        }
    }

    /// All data in one piece.
    pub(crate) fn joined(&self) -> Bytes {
        match &**self.data {
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }
}

// ===== impl Reader =====

impl Reader {
    fn new(frames: Frames) -> Self {
        Self { frames, next: 0 }
    }

    fn next(&mut self) -> Option<Frame<Bytes>> {
        if let Some(data) = self.frames.data.get(self.next) {
            self.next += 1;
            return Some(Frame::data(data.clone()));
        }
        self.frames.trailers.take().map(Frame::trailers)
    }

    fn is_over(&self) -> bool {
        self.next >= self.frames.data.len() && self.frames.trailers.is_none()
    }

    fn left(&self) -> u64 {
        let rest = self.frames.data.iter().skip(self.next);
        rest.map(|data| data.len() as u64).sum()
    }
}

// ===== impl SharedBody =====

impl<R: Body> SharedBody<R> {
    #[inline]
    pub(crate) fn own(inner: R) -> Self {
        Self {
            kind: Kind::Own { inner },
        }
    }

    pub(crate) fn shared(frames: Frames) -> Self {
        let frames = Reader::new(frames);
        Self {
            kind: Kind::Shared { frames },
        }
    }

    pub(crate) fn resumed(frames: Frames, inner: Pin<Box<R>>) -> Self {
        let frames = Reader::new(frames);
        Self {
            kind: Kind::Resumed { frames, inner },
        }
    }

    pub(crate) fn broken(frames: Frames, error: R::Error) -> Self {
        let (frames, error) = (Reader::new(frames), Some(error));
        Self {
            kind: Kind::Broken { frames, error },
        }
    }
}

impl<R: Body<Data = Bytes>> Body for SharedBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().kind.project() {
            KindProj::Own { inner } => inner.poll_frame(cx),
            KindProj::Shared { frames } => Poll::Ready(frames.next().map(Ok)),
            KindProj::Resumed { frames, inner } => match frames.next() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => inner.as_mut().poll_frame(cx),
            },
            KindProj::Broken { frames, error } => match frames.next() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => Poll::Ready(error.take().map(Err)),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Own { inner } => inner.is_end_stream(),
            Kind::Shared { frames } => frames.is_over(),
            Kind::Resumed { frames, inner } => frames.is_over() && inner.is_end_stream(),
            Kind::Broken { frames, error } => frames.is_over() && error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Own { inner } => inner.size_hint(),
            Kind::Shared { frames } => SizeHint::with_exact(frames.left()),
            // Nobody knows how long it would have been.
            Kind::Broken { frames, .. } => {
                let mut hint = SizeHint::new();
                hint.set_lower(frames.left());
                hint
            }
            Kind::Resumed { frames, inner } => {
                let (held, rest) = (frames.left(), inner.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(held));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(held)) {
                    hint.set_upper(upper);
                }
                hint
            }
        }
    }
}

impl<R: Body + fmt::Debug> fmt::Debug for SharedBody<R> {
    // Not what was read: that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Own { inner } => f.debug_tuple("Own").field(inner).finish(),
            Kind::Shared { frames } => f
                .debug_struct("Shared")
                .field("bytes", &frames.left())
                .finish(),
            Kind::Resumed { inner, .. } => f.debug_tuple("Resumed").field(inner).finish(),
            Kind::Broken { .. } => f.write_str("Broken"),
        }
    }
}
