use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{ResponseBody, ResponseFuture};
use crate::{
    body::{Peeked, Replay},
    error::BoxError,
    jittered_backoff::{ClassifyError, JitteredBackoff, TransportErrors},
    per_account_concurrency::{AccountOf, FromContext, PerAccountConcurrency},
    poll_pacing::PollPacing,
    reconcile::{NoReconcile, Reconcile, Reconciling},
    request_pacing::RequestPacing,
    retry_after_header::RetryAfterHeader,
    throttle_alert::ThrottleAlert,
    tiktok::{TikTokErrorClassifier, TikTokJobs, TikTokRequestContext},
    token_refresh::TokenRefresh,
};

type Judged<S> = ThrottleAlert<RetryAfterHeader<TikTokErrorClassifier<S>>>;
type Permitted<S, K> = PerAccountConcurrency<RequestPacing<Judged<S>>, K>;
type Borne<S, K> = TokenRefresh<Permitted<S, K>>;
type Settled<S, C, K> = PollPacing<JitteredBackoff<Borne<S, K>, C>, TikTokJobs>;
type Whole<S, C, K, H> = TikTokRequestContext<Reconciling<Settled<S, C, K>, H>>;

/// Middleware that makes a client survive TikTok's limits. See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct TikTok<S, C = TransportErrors, K = FromContext, H = NoReconcile> {
    inner: Whole<S, C, K, H>,
}

impl<S, C, K, H> TikTok<S, C, K, H> {
    pub(super) fn new(inner: Whole<S, C, K, H>) -> Self {
        Self { inner }
    }
}

impl<S, C, K, H, B, R> Service<Request<B>> for TikTok<S, C, K, H>
where
    S: Service<Request<Peeked<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Replay + Unpin,
    R: Body<Data = Bytes> + Unpin,
    C: ClassifyError,
    K: AccountOf<Peeked<B>> + Clone,
    H: Reconcile<Settled<S, C, K>, Peeked<B>>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<<Whole<S, C, K, H> as Service<Request<B>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Request<B>>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture::new(self.inner.call(request))
    }
}
