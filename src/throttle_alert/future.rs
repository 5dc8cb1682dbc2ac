use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use pin_project_lite::pin_project;

use super::{
    seen::{Note, Seen},
    shared::Shared,
};

pin_project! {
    /// Response future for [`ThrottleAlert`](super::ThrottleAlert).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // Boxed: a stack whose alerts are off need not carry it.
        watched: Option<Box<Watched>>,
    }
}

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Watched {
    shared: Arc<Shared>,
    note: Note,
    sent: Duration,
}

impl Watched {
    #[inline]
    pub(super) fn new<B>(shared: &Arc<Shared>, request: &Request<B>) -> Box<Self> {
        let note = Note::of(request);
        let sent = shared.since_start();
        let shared = Arc::clone(shared);
        Box::new(Self { shared, note, sent })
    }
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) fn new(inner: F, watched: Option<Box<Watched>>) -> Self {
        Self { inner, watched }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(watched) = this.watched else {
            return this.inner.poll(cx);
        };
        let output = this.inner.poll(cx);
        if let Poll::Ready(Ok(response)) = &output {
            let seen = Seen::of(&watched.note, watched.sent, response);
            watched.shared.saw(&seen);
        }
        output
    }
}
