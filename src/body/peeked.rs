use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body whose beginning was looked at. It yields exactly the frames that
    /// the body would have yielded.
    ///
    /// What was seen is held by reference count, not copied. Once the frames
    /// seen are handed out, it is the body that it was made from.
    pub struct Peeked<B: Body> {
        #[pin]
        pub(super) inner: B,
        // The first apart from the others: most peeks see one, and then
        // nothing is allocated.
        pub(super) first: Option<B::Data>,
        pub(super) rest: Option<Box<VecDeque<B::Data>>>,
        pub(super) tail: Tail<B::Data, B::Error>,
    }
}

/// What was seen after the data that is held.
#[derive(Debug)]
pub(super) enum Tail<D, E> {
    /// Nothing yet: the body goes on.
    Open,
    /// The end. The body is not polled again.
    Over,
    /// What is not data, and the size that the body gave before it.
    Other(Box<(Result<Frame<D>, E>, SizeHint)>),
}

impl<B: Body> Peeked<B> {
    /// A body that nobody looked at yet.
    #[must_use]
    #[inline]
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            first: None,
            rest: None,
            tail: Tail::Open,
        }
    }

    /// The body itself, without what was taken from it.
    #[must_use]
    pub fn get_ref(&self) -> &B {
        &self.inner
    }

    /// Keeps the next frame of data for the reader.
    #[inline]
    pub(super) fn hold(&mut self, data: B::Data) {
        if self.first.is_none() && self.rest.is_none() {
            self.first = Some(data);
        } else {
            self.rest.get_or_insert_default().push_back(data);
        }
    }

    fn held(&self) -> impl Iterator<Item = &B::Data> {
        let rest = self.rest.as_deref().into_iter().flatten();
        self.first.iter().chain(rest)
    }

    fn held_bytes(&self) -> u64 {
        self.held().fold(0, |sum: u64, data| {
            sum.saturating_add(u64::try_from(data.remaining()).unwrap_or(u64::MAX))
        })
    }
}

impl<B: Body> Body for Peeked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(data) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(rest) = this.rest {
            if let Some(data) = rest.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            *this.rest = None;
        }
        match this.tail {
            Tail::Over => return Poll::Ready(None),
            Tail::Other(_) => {
                if let Tail::Other(other) = std::mem::replace(this.tail, Tail::Open) {
                    return Poll::Ready(Some(other.0));
                }
            }
            Tail::Open => {}
        }
        let frame = ready!(this.inner.poll_frame(cx));
        if frame.is_none() {
            *this.tail = Tail::Over;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.held().next().is_none()
            && match &self.tail {
                Tail::Open => self.inner.is_end_stream(),
                Tail::Over => true,
                Tail::Other(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let hint = match &self.tail {
            // The body may say less after it failed, or after its trailers;
            // a reader who has seen neither must not take that for the end.
            Tail::Other(other) => other.1,
            Tail::Open | Tail::Over => self.inner.size_hint(),
        };
        add(hint, self.held_bytes())
    }
}

/// As `hint + bytes`, but no sum panics.
fn add(hint: SizeHint, bytes: u64) -> SizeHint {
    let mut sum = SizeHint::new();
    sum.set_lower(hint.lower().saturating_add(bytes));
    if let Some(upper) = hint.upper().and_then(|upper| upper.checked_add(bytes)) {
        sum.set_upper(upper);
    }
    sum
}

impl<B: Body + Clone> Clone for Peeked<B>
where
    B::Data: Clone,
    B::Error: Clone,
{
    fn clone(&self) -> Self {
        let tail = match &self.tail {
            Tail::Open => Tail::Open,
            Tail::Over => Tail::Over,
            Tail::Other(other) => {
                let frame = match &other.0 {
                    // Not data, so it is trailers: there is no third kind.
                    Ok(frame) => Ok(Frame::trailers(
                        frame.trailers_ref().cloned().unwrap_or_default(),
                    )),
                    Err(error) => Err(error.clone()),
                };
                Tail::Other(Box::new((frame, other.1)))
            }
        };
        Self {
            inner: self.inner.clone(),
            first: self.first.clone(),
            rest: self.rest.clone(),
            tail,
        }
    }
}

impl<B: Body + Default> Default for Peeked<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Body + fmt::Debug> fmt::Debug for Peeked<B> {
    // Not what is held: that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peeked")
            .field("inner", &self.inner)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(any(
    feature = "jittered-backoff",
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "timeout-brake",
    feature = "token-refresh"
))]
impl<B: Body + super::Replay> super::Replay for Peeked<B>
where
    B::Data: Clone,
{
    // Not by `Clone`: errors seldom have it, and a body that failed while it
    // was looked at has no second copy.
    fn try_clone(&self) -> Option<Self> {
        let tail = match &self.tail {
            Tail::Open => Tail::Open,
            Tail::Over => Tail::Over,
            Tail::Other(other) => {
                let trailers = other.0.as_ref().ok()?.trailers_ref()?;
                let frame = Frame::trailers(trailers.clone());
                Tail::Other(Box::new((Ok(frame), other.1)))
            }
        };
        Some(Self {
            inner: self.inner.try_clone()?,
            first: self.first.clone(),
            rest: self.rest.clone(),
            tail,
        })
    }
}
