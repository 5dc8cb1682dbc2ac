use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_service::Service;

use super::{ResponseFuture, builder::Settings, find::Find};
use crate::body::Peeked;

/// Middleware that finds out a request's
/// [`RequestContext`](crate::extensions::RequestContext). See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct TikTokRequestContext<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

impl<S, B> Service<Request<B>> for TikTokRequestContext<S>
where
    S: Service<Request<Peeked<B>>> + Clone,
    B: Body<Data = Bytes> + Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A body may keep us waiting. What `inner` holds while it is ready,
        // another request can use meanwhile.
        Poll::Ready(Ok(()))
    }

    // Inlined, it makes the whole stack no cheaper: all of it is moved as often.
    #[inline(never)]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Peeked::new);
        // Who keeps us waiting now is asked again at the first poll.
        let cx = &mut Context::from_waker(Waker::noop());
        let find = Find::begin(&self.settings, &mut request, cx);
        // Most bodies are there, and then the request is moved once.
        if find.is_done() {
            match self.inner.poll_ready(cx) {
                Poll::Ready(Ok(())) => return ResponseFuture::sent(self.inner.call(request)),
                Poll::Ready(Err(error)) => {
                    // What failed is not asked again, and keeps nothing.
                    self.inner = self.inner.clone();
                    return ResponseFuture::failed(error);
                }
                // Until somebody polls it, it has no place in a queue inside.
                Poll::Pending => self.inner = self.inner.clone(),
            }
        }
        let other = self.inner.clone();
        let inner = mem::replace(&mut self.inner, other);
        ResponseFuture::finding(inner, find, request)
    }
}
