use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::error::BoxError;

pin_project! {
    /// Readies a service, and calls it.
    ///
    /// As in `tower`, which the layers do without.
    pub(crate) struct Oneshot<S, B>
    where
        S: Service<Request<B>>,
    {
        inner: S,
        request: Option<Request<B>>,
        #[pin]
        call: Option<S::Future>,
    }
}

impl<S, B> Oneshot<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn new(inner: S, request: Request<B>) -> Self {
        Self {
            inner,
            request: Some(request),
            call: None,
        }
    }
}

impl<S, B> Future for Oneshot<S, B>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(call) = this.call.as_mut().as_pin_mut() {
            return call.poll(cx).map_err(Into::into);
        }
        ready!(this.inner.poll_ready(cx)).map_err(Into::into)?;
        let request = this.request.take().expect("a request is sent once");
        this.call.set(Some(this.inner.call(request)));
        let call = this.call.as_pin_mut().expect("it was set a moment ago");
        call.poll(cx).map_err(Into::into)
    }
}

impl<S, B> fmt::Debug for Oneshot<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oneshot").finish_non_exhaustive()
    }
}
