use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_service::Service;

use super::{ResponseFuture, builder::Settings, draft::Draft, scan::BodyScan};
use crate::{
    body::{Look, Peek, Peeked},
    extensions::RequestContext,
};

/// Middleware that finds out a request's [`RequestContext`]. See the
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
        let inner = self.inner.clone();
        if request.extensions().get::<RequestContext>().is_some() {
            return ResponseFuture::sending(inner, request.map(Peeked::new));
        }
        let (draft, wanted) = Draft::of(&request, &self.settings);
        if let Some(wanted) = wanted
            && let Some(scan) = BodyScan::new(request.headers(), wanted)
        {
            let (parts, body) = request.into_parts();
            let (limit, timeout) = (self.settings.peek_limit, self.settings.peek_timeout);
            let peek = Peek::new(Look::new(body, scan, limit), Some(timeout));
            return ResponseFuture::peeking(inner, parts, draft, peek);
        }
        let mut request = request.map(Peeked::new);
        let context = draft.finish(request.uri());
        request.extensions_mut().insert(context);
        ResponseFuture::sending(inner, request)
    }
}
