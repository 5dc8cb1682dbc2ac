use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::find::Find;
use crate::body::Peeked;

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
        // Finds the context, then readies the inner service.
        Finding {
            find: Find,
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
    #[inline]
    pub(super) fn new(inner: S, find: Find, request: Request<Peeked<B>>) -> Self {
        Self {
            state: State::Finding {
                find,
                inner,
                request: Some(request),
            },
        }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body<Data = Bytes> + Unpin,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Finding {
                    find,
                    inner,
                    request,
                } => {
                    let found = request.as_mut().expect("taken when it is sent");
                    ready!(find.poll(found, cx));
                    ready!(inner.poll_ready(cx))?;
                    let request = request.take().expect("was there above");
                    let sent = State::Sent {
                        response: inner.call(request),
                    };
                    state.set(sent);
                }
                StateProj::Sent { response } => return response.poll(cx),
            }
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<Peeked<B>>>,
    B: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Finding { find, .. } => match find {
                Find::Done => "Sending",
                Find::New(_) | Find::Waiting(_) => "Peeking",
            },
            State::Sent { .. } => "Sent",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
