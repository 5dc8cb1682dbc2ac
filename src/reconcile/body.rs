use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response: that of the answer, or one that was made up for
    /// a write whose answer was lost.
    pub struct ReconciledBody<R> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<R> {
        Answer { #[pin] body: R },
        Made { bytes: Bytes },
    }
}

impl<R> ReconciledBody<R> {
    #[inline]
    pub(crate) fn answer(body: R) -> Self {
        Self {
            kind: Kind::Answer { body },
        }
    }

    pub(super) fn made(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Made { bytes },
        }
    }
}

impl<R: Body<Data = Bytes>> Body for ReconciledBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().kind.project() {
            KindProj::Answer { body } => body.poll_frame(cx),
            KindProj::Made { bytes } => {
                let whole = std::mem::take(bytes);
                Poll::Ready((!whole.is_empty()).then(|| Ok(Frame::data(whole))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Answer { body } => body.is_end_stream(),
            Kind::Made { bytes } => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Answer { body } => body.size_hint(),
            // A body is in memory, so its length fits.
            Kind::Made { bytes } => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for ReconciledBody<R> {
    // Not what was made up: it is somebody's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Answer { body } => f.debug_tuple("ReconciledBody").field(body).finish(),
            Kind::Made { bytes } => f
                .debug_struct("ReconciledBody")
                .field("made_bytes", &bytes.len())
                .finish(),
        }
    }
}
