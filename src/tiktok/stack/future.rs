use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    ResponseBody,
    body::{Direct, Inside},
};
use crate::error::BoxError;

pin_project! {
    /// Response future for [`TikTok`](super::TikTok).
    pub struct ResponseFuture<F, G> {
        #[pin]
        way: Way<F, G>,
    }
}

pin_project! {
    #[project = WayProj]
    enum Way<F, G> {
        Straight { #[pin] call: F },
        // Boxed: most stacks do not need it, and need not be as large.
        Whole { call: Pin<Box<G>> },
    }
}

impl<F, G> ResponseFuture<F, G> {
    #[inline]
    pub(super) fn straight(call: F) -> Self {
        Self {
            way: Way::Straight { call },
        }
    }

    pub(super) fn whole(call: G) -> Self {
        let call = Box::pin(call);
        Self {
            way: Way::Whole { call },
        }
    }
}

impl<F, G, R> Future for ResponseFuture<F, G>
where
    F: Future<Output = Result<Response<Direct<R>>, BoxError>>,
    G: Future<Output = Result<Response<Inside<R>>, BoxError>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody<R>>, BoxError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            WayProj::Straight { call } => call
                .poll(cx)
                .map_ok(|response| response.map(ResponseBody::direct)),
            WayProj::Whole { call } => call
                .as_mut()
                .poll(cx)
                .map_ok(|response| response.map(ResponseBody::new)),
        }
    }
}

impl<F: fmt::Debug, G: fmt::Debug> fmt::Debug for ResponseFuture<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call: &dyn fmt::Debug = match &self.way {
            Way::Straight { call } => call,
            Way::Whole { call } => call,
        };
        f.debug_tuple("ResponseFuture").field(call).finish()
    }
}
