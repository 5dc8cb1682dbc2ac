use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header::CONTENT_ENCODING, response::Parts};
use http_body::Body;
use pin_project_lite::pin_project;

use super::layer::Shared;
use crate::{
    body::{Look, Peek, Peeked},
    classify::{Classification, Classify, ErrorClass, Scan},
};

pin_project! {
    /// Response future for [`ErrorClassifier`](super::ErrorClassifier).
    pub struct ResponseFuture<F, R: Body, C: Classify> {
        #[pin]
        state: State<F, R, C>,
        shared: Arc<Shared<C>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, R: Body, C: Classify> {
        Calling { #[pin] call: F, asked: Asked },
        // Boxed: few answers come to this, and all would be as large.
        Peeking { peek: Pin<Box<Peek<R, C::Scan>>>, head: Option<Parts> },
    }
}

/// What the request tells of its answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Plainly,
    /// The answer to HEAD may announce the type and the size of a body, but
    /// has none.
    ForHead,
    /// It is worth a closer look.
    Closer(u16),
}

impl<F, R: Body, C: Classify> ResponseFuture<F, R, C> {
    pub(super) fn new(call: F, asked: Asked, shared: Arc<Shared<C>>) -> Self {
        Self {
            state: State::Calling { call, asked },
            shared,
        }
    }
}

impl<F, R, C, E> Future for ResponseFuture<F, R, C>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes> + Unpin,
    C: Classify,
{
    type Output = Result<Response<Peeked<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = &**this.shared;
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Calling { call, asked } => {
                    let (mut head, body) = ready!(call.poll(cx))?.into_parts();
                    let scan = match *asked {
                        Asked::ForHead => None,
                        _ if !has_plain_body(&head) => None,
                        Asked::Plainly => shared.classify.scan(&head),
                        Asked::Closer(look) => shared.scan_closer(look, &head),
                    };
                    let Some(scan) = scan else {
                        shared.judge(&mut head, None);
                        return Poll::Ready(Ok(Response::from_parts(head, Peeked::new(body))));
                    };
                    // Mostly the code has come with the head.
                    let (mut body, mut scan, mut left) =
                        (Peeked::new(body), scan, shared.peek_limit);
                    if Look::look(&mut body, &mut scan, &mut left, cx).is_ready() {
                        shared.judge(&mut head, Some(scan));
                        return Poll::Ready(Ok(Response::from_parts(head, body)));
                    }
                    let look = Look::new(body, scan, left);
                    State::Peeking {
                        peek: Box::pin(Peek::new(look, Some(shared.peek_timeout))),
                        head: Some(head),
                    }
                }
                StateProj::Peeking { peek, head } => {
                    let (body, scan) = ready!(peek.as_mut().poll(cx));
                    let mut head = head.take().expect("polled after it ended");
                    shared.judge(&mut head, Some(scan));
                    return Poll::Ready(Ok(Response::from_parts(head, body)));
                }
            };
            this.state.set(next);
        }
    }
}

impl<C: Classify> Shared<C> {
    /// Leaves the verdict in the head.
    #[inline]
    fn judge(&self, head: &mut Parts, scan: Option<C::Scan>) {
        let by_status = ErrorClass::from_status(head.status);
        if by_status.is_success() && scan.as_ref().is_some_and(Scan::is_success) {
            leave_none(head);
        } else {
            self.ask(head, scan);
        }
    }

    /// Apart from `poll`, which is inlined for the answers that nearly all are.
    #[cold]
    fn scan_closer(&self, look: u16, head: &Parts) -> Option<C::Scan> {
        self.classify.scan_closer(look, head)
    }

    /// Apart from `judge`, which is inlined for the answers that nearly all are.
    fn ask(&self, head: &mut Parts, scan: Option<C::Scan>) {
        let failed = scan.as_ref().and_then(Scan::partial_failure);
        let found = self.classify.classify(head, scan);
        if let Some(failed) = failed
            && found.class() == ErrorClass::PartialSuccess
        {
            head.extensions.insert(failed);
        }
        if found.class().is_success() && ErrorClass::from_status(head.status).is_success() {
            leave_none(head);
        } else {
            head.extensions.insert(found);
        }
    }
}

/// Leaves no verdict, which [`ErrorClass::of`] takes for a success. A
/// classifier inside may have left one that we overrule.
#[inline]
fn leave_none(head: &mut Parts) {
    if !head.extensions.is_empty() {
        head.extensions.remove::<Classification>();
    }
}

/// Whether there can be a body, and in the words of the API: what is
/// compressed says nothing before it is decoded, and by then it is too late.
#[inline]
fn has_plain_body(head: &Parts) -> bool {
    let is_empty = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let headers = &head.headers;
    let is_encoded =
        || !headers.is_empty() && headers.contains_key(CONTENT_ENCODING) && is_encoded(headers);
    !is_empty && !is_encoded()
}

#[cold]
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

impl<F, R: Body, C: Classify> fmt::Debug for ResponseFuture<F, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Calling { .. } => "Calling",
            State::Peeking { .. } => "Peeking",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
