use std::{
    sync::Arc,
    task::{Context, Poll},
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture::new(
            self.inner.clone(),
            Find::New(Arc::clone(&self.settings)),
            request.map(Peeked::new),
        )
    }
}
