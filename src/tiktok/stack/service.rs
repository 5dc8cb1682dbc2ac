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
    report_batching::ReportBatching,
    request_pacing::RequestPacing,
    retry_after_header::RetryAfterHeader,
    throttle_alert::ThrottleAlert,
    tiktok::{TikTokErrorClassifier, TikTokJobs, TikTokReads, TikTokRequestContext},
    timeout_brake::TimeoutBrake,
    token_refresh::TokenRefresh,
};

type Judged<S> = ThrottleAlert<RetryAfterHeader<TikTokErrorClassifier<S>>>;
type Permitted<S, K> = PerAccountConcurrency<RequestPacing<Judged<S>>, K>;
/// What all stacks have.
type Straight<S, C, K> = TikTokRequestContext<JitteredBackoff<Permitted<S, K>, C>>;

type Borne<S, K> = TokenRefresh<Permitted<S, K>>;
type Resent<S, C, K> = JitteredBackoff<TimeoutBrake<Borne<S, K>>, C>;
type Polled<S, C, K> = PollPacing<Resent<S, C, K>, TikTokJobs>;
type Settled<S, C, K> = ReportBatching<Polled<S, C, K>, TikTokReads>;
type Whole<S, C, K, H> = TikTokRequestContext<Reconciling<Settled<S, C, K>, H>>;

type Call<S, B> = <S as Service<Request<B>>>::Future;

/// Middleware that makes a client survive TikTok's limits. See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct TikTok<S, C = TransportErrors, K = FromContext, H = NoReconcile> {
    way: Way<S, C, K, H>,
}

/// Layers that are off are not there, for even they would move each request
/// and each answer once more.
#[derive(Clone, Debug)]
enum Way<S, C, K, H> {
    Straight(Straight<S, C, K>),
    Whole(Whole<S, C, K, H>),
}

impl<S, C, K, H> TikTok<S, C, K, H> {
    pub(super) fn straight(inner: Straight<S, C, K>) -> Self {
        let way = Way::Straight(inner);
        Self { way }
    }

    pub(super) fn whole(inner: Whole<S, C, K, H>) -> Self {
        let way = Way::Whole(inner);
        Self { way }
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
    type Future = ResponseFuture<Call<Straight<S, C, K>, B>, Call<Whole<S, C, K, H>, B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.way {
            Way::Straight(inner) => Service::<Request<B>>::poll_ready(inner, cx),
            Way::Whole(inner) => Service::<Request<B>>::poll_ready(inner, cx),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match &mut self.way {
            Way::Straight(inner) => ResponseFuture::straight(inner.call(request)),
            Way::Whole(inner) => ResponseFuture::whole(inner.call(request)),
        }
    }
}
