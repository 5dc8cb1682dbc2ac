use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

use super::{
    AccountOf, FromContext, HeldBody, PerAccountConcurrencyHandle, Release, ResponseFuture,
    limits::Kind, permits::Permits, ticket::Ticket,
};
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{Deadline, Lookup},
    send_by::SendBy,
};

/// Middleware that bounds the requests in flight for each account. See the
/// [module docs](super).
#[derive(Clone)]
pub struct PerAccountConcurrency<S, K = FromContext> {
    inner: S,
    permits: Arc<Permits>,
    policy: Policy<K>,
}

/// What the layer hands to each of its services.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<K> {
    pub(super) key: K,
    pub(super) release: Release,
    pub(super) share_without_account: bool,
}

impl<S, K> PerAccountConcurrency<S, K> {
    pub(super) fn new(inner: S, permits: Arc<Permits>, policy: Policy<K>) -> Self {
        Self {
            inner,
            permits,
            policy,
        }
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Reads and changes the limits. See [`PerAccountConcurrencyHandle`].
    #[must_use]
    pub fn handle(&self) -> PerAccountConcurrencyHandle {
        PerAccountConcurrencyHandle::new(self.permits.clone())
    }
}

impl<S, K, B, R> Service<Request<B>> for PerAccountConcurrency<S, K>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    K: AccountOf<B>,
    R: Body,
{
    type Response = Response<HeldBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The account is not known yet. Readying `inner` here would hold its
        // capacity while the request queues behind its own account.
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let found = Lookup::of(request.extensions());
        let send_by = found.more.and_then(Deadline::to_send);
        if send_by.is_some_and(|instant| instant <= Instant::now()) {
            return ResponseFuture::failed(DeadlineExceeded::new(None, None).into());
        }
        let account = self.policy.key.account_of(&request);
        let mut ticket = None;
        if account.is_some() || self.policy.share_without_account {
            let kind = Kind::of(request.method(), found.context);
            let (release, context) = (self.policy.release, found.context);
            match self.permits.ticket(account, kind, release, context) {
                Ok(entered) => ticket = Some(entered),
                Err(full) => return ResponseFuture::failed(full.into()),
            }
        }
        // Most requests can go at once, and then the request is moved once.
        if send_by.is_none() && ticket.as_ref().is_none_or(Ticket::is_held) {
            match self
                .inner
                .poll_ready(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(Ok(())) => {
                    return ResponseFuture::called(self.inner.call(request), ticket);
                }
                Poll::Ready(Err(error)) => {
                    // What failed is not asked again, and keeps nothing.
                    self.inner = self.inner.clone();
                    return ResponseFuture::failed(error.into());
                }
                // Until somebody polls it, it has no place in a queue inside.
                Poll::Pending => self.inner = self.inner.clone(),
            }
        }
        let other = self.inner.clone();
        let inner = mem::replace(&mut self.inner, other);
        ResponseFuture::waiting(inner, request, SendBy::new(send_by), ticket)
    }
}

impl<S: fmt::Debug, K> fmt::Debug for PerAccountConcurrency<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerAccountConcurrency")
            .field("inner", &self.inner)
            .field("limits", &self.permits.defaults())
            .field("release", &self.policy.release)
            .finish_non_exhaustive()
    }
}
