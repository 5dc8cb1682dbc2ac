use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{ResponseFuture, future::Asked, layer::Shared};
use crate::{body::Peeked, classify::Classify};

/// Middleware that leaves a [`Classification`](crate::classify::Classification)
/// in the extensions of each response that is not a plain success. See the
/// [module docs](super).
#[derive(Debug)]
pub struct ErrorClassifier<S, C> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<C>>,
}

impl<S, C, B, R> Service<Request<B>> for ErrorClassifier<S, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    C: Classify,
    R: Body<Data = Bytes> + Unpin,
{
    type Response = Response<Peeked<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = if request.method() == Method::HEAD {
            Asked::ForHead
        } else {
            let context = request.extensions().get();
            match context.and_then(|context| self.shared.classify.closer_look(context)) {
                Some(look) => Asked::Closer(look),
                None => Asked::Plainly,
            }
        };
        ResponseFuture::new(self.inner.call(request), asked, Arc::clone(&self.shared))
    }
}

impl<S: Clone, C> Clone for ErrorClassifier<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}
