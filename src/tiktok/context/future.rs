use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{draft::Draft, scan::BodyScan};
use crate::body::{Peek, Peeked};

pin_project! {
    /// Response future for [`TikTokRequestContext`](super::TikTokRequestContext).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<Peeked<B>>>,
        B: Body,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<Peeked<B>>>,
        B: Body,
    {
        // Looks into the body.
        Peeking {
            #[pin]
            peek: Peek<B, BodyScan>,
            rest: Option<(S, Parts, Draft)>,
        },
        // Readies the inner service.
        Sending {
            inner: S,
            request: Option<Request<Peeked<B>>>,
        },
        Sent {
            #[pin]
            response: S::Future,
        },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    pub(super) fn peeking(inner: S, parts: Parts, draft: Draft, peek: Peek<B, BodyScan>) -> Self {
        Self {
            state: State::Peeking {
                peek,
                rest: Some((inner, parts, draft)),
            },
        }
    }

    pub(super) fn sending(inner: S, request: Request<Peeked<B>>) -> Self {
        Self {
            state: State::sending(inner, request),
        }
    }
}

impl<S, B> State<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    fn sending(inner: S, request: Request<Peeked<B>>) -> Self {
        Self::Sending {
            inner,
            request: Some(request),
        }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body<Data = Bytes> + Unpin,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Peeking { peek, rest } => {
                    let (body, scan) = ready!(peek.poll(cx));
                    let (inner, mut parts, mut draft) = rest.take().expect("taken only here");
                    draft.add(&scan);
                    parts.extensions.insert(draft.finish(&parts.uri));
                    State::sending(inner, Request::from_parts(parts, body))
                }
                StateProj::Sending { inner, request } => {
                    ready!(inner.poll_ready(cx))?;
                    let request = request.take().expect("taken only here");
                    State::Sent {
                        response: inner.call(request),
                    }
                }
                StateProj::Sent { response } => return response.poll(cx),
            };
            state.set(next);
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Peeking { .. } => "Peeking",
            State::Sending { .. } => "Sending",
            State::Sent { .. } => "Sent",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
