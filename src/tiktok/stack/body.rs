use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{
    body::{Peeked, SharedBody},
    per_account_concurrency::HeldBody,
    reconcile::ReconciledBody,
};

/// What the layers make of a body that all stacks have.
pub(super) type Direct<R> = HeldBody<Peeked<R>>;

/// What they all make of it.
pub(super) type Inside<R> = ReconciledBody<SharedBody<SharedBody<Direct<R>>>>;

pin_project! {
    /// The body of a response, exactly as the client gave it, unless the answer
    /// is one that was [made up](crate::reconcile::Reconciled).
    #[derive(Debug)]
    pub struct ResponseBody<R: Body<Data = Bytes>> {
        #[pin]
        inner: Inside<R>,
    }
}

impl<R: Body<Data = Bytes>> ResponseBody<R> {
    pub(super) fn new(inner: Inside<R>) -> Self {
        Self { inner }
    }

    #[inline]
    pub(super) fn direct(body: Direct<R>) -> Self {
        let body = SharedBody::own(SharedBody::own(body));
        Self::new(ReconciledBody::answer(body))
    }
}

impl<R> Body for ResponseBody<R>
where
    R: Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
