use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tokio::time::Sleep;

use super::{builder::Settings, draft::Draft, scan::BodyScan};
use crate::{
    body::{Look, Peeked},
    extensions::RequestContext,
};

/// Finds out the context of a request, and leaves it there.
///
/// The request stays where it is meanwhile: it is large, and moved often
/// enough.
#[derive(Debug)]
pub(super) enum Find {
    /// The body keeps us waiting. Boxed, because few do.
    Waiting(Box<Waiting>),
    Done,
}

#[derive(Debug)]
pub(super) struct Waiting {
    draft: Draft,
    scan: BodyScan,
    /// The scan is shown so many bytes more at most.
    left: usize,
    // Made at the first poll: a timer needs a runtime.
    timeout: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

impl Find {
    pub(super) fn poll<B>(
        &mut self,
        request: &mut Request<Peeked<B>>,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Self::Waiting(waiting) = self else {
            return Poll::Ready(());
        };
        ready!(waiting.poll(request.body_mut(), cx));
        if let Self::Waiting(waiting) = mem::replace(self, Self::Done) {
            waiting.end(request);
        }
        Poll::Ready(())
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Looks at the request, and at as much of its body as there is.
    pub(super) fn begin<B>(
        settings: &Settings,
        request: &mut Request<Peeked<B>>,
        cx: &mut Context<'_>,
    ) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if request.extensions().get::<RequestContext>().is_some() {
            return Self::Done;
        }
        let (mut draft, wanted) = Draft::of(request, settings);
        if let Some(wanted) = wanted
            && let Some(mut scan) = BodyScan::new(request.headers(), wanted)
        {
            let mut left = settings.peek_limit;
            if Look::look(request.body_mut(), &mut scan, &mut left, cx).is_pending() {
                return Self::Waiting(Box::new(Waiting {
                    draft,
                    scan,
                    left,
                    timeout: None,
                    patience: settings.peek_timeout,
                }));
            }
            draft.add(scan);
        }
        draft.leave_in(request);
        Self::Done
    }
}

impl Waiting {
    fn poll<B>(&mut self, body: &mut Peeked<B>, cx: &mut Context<'_>) -> Poll<()>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        match Look::look(body, &mut self.scan, &mut self.left, cx) {
            Poll::Pending => {
                let sleep = || Box::pin(tokio::time::sleep(self.patience));
                self.timeout.get_or_insert_with(sleep).as_mut().poll(cx)
            }
            ready => ready,
        }
    }

    fn end<B>(self, request: &mut Request<B>) {
        let Self {
            mut draft, scan, ..
        } = self;
        draft.add(scan);
        draft.leave_in(request);
    }
}
