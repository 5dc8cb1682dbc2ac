use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{ResponseFuture, future::Passage, tokens::Tokens};
use crate::{
    body::Replay,
    error::BoxError,
    extensions::{Deadline, RequestContext},
};

/// Middleware that puts a token on each request. See the
/// [module docs](super).
#[derive(Clone)]
pub struct TokenRefresh<S> {
    inner: S,
    /// `None`: it does nothing.
    tokens: Option<Arc<Tokens>>,
    /// A layer inside notes when a request goes.
    recalls: bool,
}

impl<S> TokenRefresh<S> {
    pub(super) fn new(inner: S, tokens: Arc<Tokens>) -> Self {
        Self {
            inner,
            tokens: Some(tokens),
            recalls: false,
        }
    }

    /// Hands on what it is given: for a stack whose tokens are off.
    #[must_use]
    pub fn off(inner: S) -> Self {
        Self {
            inner,
            tokens: None,
            recalls: false,
        }
    }

    /// Calls back what still waits inside when its token is stopped: it fails
    /// with [`TokenStopped`](super::TokenStopped) and is not sent.
    ///
    /// Only around a [`RequestPacing`](crate::request_pacing), which notes when
    /// each request goes: without one, nobody can tell what waits from what is
    /// on its way, and all of it fails.
    // For the stack alone, which knows that there is one.
    #[doc(hidden)]
    #[must_use]
    pub fn recalling(mut self) -> Self {
        self.recalls = true;
        self
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, B, R> Service<Request<B>> for TokenRefresh<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Replay,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.tokens.is_none() {
            return self.inner.poll_ready(cx).map_err(Into::into);
        }
        // Which token it needs is not known yet. Readying `inner` here would
        // hold its capacity while the request waits for a refresh.
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(tokens) = &self.tokens else {
            return ResponseFuture::off(self.inner.call(request));
        };
        let context = request.extensions().get::<RequestContext>();
        let passage = tokens.key_of(context).map(|key| Passage {
            tokens: Arc::clone(tokens),
            key,
            context: context.cloned(),
            recalls: self.recalls,
        });
        let send_by = Deadline::to_send(request.extensions());
        ResponseFuture::new(self.inner.clone(), request, passage, send_by)
    }
}

impl<S: fmt::Debug> fmt::Debug for TokenRefresh<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefresh")
            .field("inner", &self.inner)
            .field("tokens", &self.tokens)
            .finish()
    }
}
