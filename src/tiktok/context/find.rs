use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
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
    /// Nothing was looked at yet.
    New(Arc<Settings>),
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
    timeout: Pin<Box<Sleep>>,
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
        loop {
            *self = match mem::replace(self, Self::Done) {
                Self::New(settings) => Self::begin(&settings, request, cx),
                Self::Waiting(mut waiting) => {
                    if waiting.poll(request.body_mut(), cx).is_pending() {
                        *self = Self::Waiting(waiting);
                        return Poll::Pending;
                    }
                    let Waiting {
                        mut draft, scan, ..
                    } = *waiting;
                    draft.add(scan);
                    draft.leave_in(request);
                    Self::Done
                }
                Self::Done => return Poll::Ready(()),
            };
        }
    }

    fn begin<B>(settings: &Settings, request: &mut Request<Peeked<B>>, cx: &mut Context<'_>) -> Self
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
                let timeout = Box::pin(tokio::time::sleep(settings.peek_timeout));
                return Self::Waiting(Box::new(Waiting {
                    draft,
                    scan,
                    left,
                    timeout,
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
            Poll::Pending => self.timeout.as_mut().poll(cx),
            ready => ready,
        }
    }
}
