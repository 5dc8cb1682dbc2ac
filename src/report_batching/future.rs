use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    Reads,
    reading::ReadFuture,
    service::{Batching, Reading},
};
use crate::{
    body::{Replay, SharedBody},
    coalesce::Landed,
    error::BoxError,
};

pin_project! {
    /// Response future for [`ReportBatching`](super::ReportBatching).
    ///
    /// A read joins those that ask the same when this is first polled.
    pub struct ResponseFuture<S, B, R, D>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, S, B, R, D>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B, R, D>
    where
        S: Service<Request<B>>,
    {
        Through { #[pin] call: F },
        // Boxed: what is no read of ours need not be as large.
        Read { read: Pin<Box<ReadFuture<S, B, R, D>>> },
        Kept { answer: Option<(Landed, Duration)> },
    }
}

impl<S, B, R, D> ResponseFuture<S, B, R, D>
where
    S: Service<Request<B>>,
{
    pub(super) fn through(call: S::Future) -> Self {
        Self {
            state: State::Through { call },
        }
    }

    pub(super) fn of_read(inner: S, reading: Reading<B>, batching: Arc<Batching<D>>) -> Self {
        let read = Box::pin(ReadFuture::new(inner, reading, batching));
        Self {
            state: State::Read { read },
        }
    }

    pub(super) fn kept(landed: Landed, age: Duration) -> Self {
        Self {
            state: State::Kept {
                answer: Some((landed, age)),
            },
        }
    }
}

impl<S, B, R, D> Future for ResponseFuture<S, B, R, D>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Replay,
    R: Body<Data = Bytes>,
    D: Reads<B>,
{
    type Output = Result<Response<SharedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            // Of the type that is handed on: a response is large to move.
            StateProj::Through { call } => match call.poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response.map(SharedBody::own))),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                Poll::Pending => Poll::Pending,
            },
            StateProj::Read { read } => Poll::Ready(ready!(read.as_mut().poll(cx))),
            StateProj::Kept { answer } => {
                let (landed, age) = answer.take().expect("polled after it was ready");
                let mut response = landed.into_result()?;
                let age = http::HeaderValue::from(age.as_secs());
                response.headers_mut().insert(http::header::AGE, age);
                Poll::Ready(Ok(response))
            }
        }
    }
}

impl<S, B, R, D> fmt::Debug for ResponseFuture<S, B, R, D>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Through { .. } => "Through",
            State::Read { .. } => "Read",
            State::Kept { .. } => "Kept",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
