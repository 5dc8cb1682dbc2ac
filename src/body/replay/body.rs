use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{Replay, shared::Shared, tape::ReaderId};
use crate::error::BoxError;

/// Makes a body that streams one that may be sent again.
///
/// The body is not read ahead. While the first attempt streams, what it reads
/// is kept for the copies, and a copy reads that and then goes on where the
/// body stands. Copies may be read in any order, at the same time, or dropped
/// half-way: each yields every frame, trailers too, once.
///
/// What one frame lifts over `max_bytes` is too much: the running attempt goes
/// on with the stream, and the copies are lost, so the request is not sent
/// again. A body that says beforehand that it is longer is not copied at all.
/// Nothing is kept that no copy has yet to read.
///
/// # Example
/// ```
/// use http_body_util::{BodyExt, Full};
/// use tower_tiktok::body::{Replay, ReplayBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let streamed = Full::new(&b"all of it"[..]).boxed_unsync();
/// let body = ReplayBody::new(streamed, 64 * 1024);
/// let copy = body.try_clone().unwrap();
///
/// assert_eq!(body.collect().await.unwrap().to_bytes(), "all of it");
/// assert_eq!(copy.collect().await.unwrap().to_bytes(), "all of it");
/// # }
/// ```
///
/// # Cancel safety
/// A copy may be dropped at any time; the others do not notice. The last one
/// drops the body.
pub struct ReplayBody<B> {
    shared: Arc<Shared<B>>,
    id: ReaderId,
    failed: bool,
}

// ===== impl ReplayBody =====

impl<B: Body> ReplayBody<B> {
    /// The body, of which at most `max_bytes` are kept for copies.
    ///
    /// More lets longer bodies be sent again; each request under way may hold
    /// that much, and one frame.
    #[must_use]
    pub fn new(body: B, max_bytes: usize) -> Self {
        let (shared, id) = Shared::new(body, max_bytes);
        Self {
            shared: Arc::new(shared),
            id,
            failed: false,
        }
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let polled = self.shared.poll(self.id, cx);
        if let Poll::Ready(Some(Err(_))) = polled {
            self.failed = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.shared.state().is_end_stream(self.id)
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.state().size_hint(self.id)
    }
}

impl<B: Body> Replay for ReplayBody<B> {
    fn try_clone(&self) -> Option<Self> {
        if self.failed {
            return None;
        }
        let id = self.shared.state().copy(self.id)?;
        Some(Self {
            shared: Arc::clone(&self.shared),
            id,
            failed: false,
        })
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        self.shared.remove(self.id);
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    // Not what is kept: that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}
