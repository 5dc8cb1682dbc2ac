use std::time::Duration;

use tower::{ServiceBuilder, layer::util::Stack};

use super::{TikTokErrorClassifierLayer, TikTokLayer, TikTokRequestContextLayer};
use crate::{
    error_classifier::ErrorClassifierLayer, jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer, poll_pacing::PollPacingLayer,
    reconcile::ReconcileLayer, report_batching::ReportBatchingLayer,
    request_pacing::RequestPacingLayer, retry_after_header::RetryAfterHeaderLayer,
    throttle_alert::ThrottleAlertLayer, timeout_brake::TimeoutBrakeLayer,
    token_refresh::TokenRefreshLayer,
};

/// Adds a method for each layer to [`tower::ServiceBuilder`], for those who
/// stack by hand.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
/// use tower_tiktok::{
///     ServiceBuilderExt as _, body::Peeked, classify::ErrorClass,
///     jittered_backoff::JitteredBackoffLayer,
///     tiktok::{TikTokErrorClassifierLayer, TikTokRequestContextLayer},
/// };
///
/// async fn answer(_: Request<Peeked<Full<Bytes>>>) -> Result<Response<Full<Bytes>>, BoxError> {
///     Ok(Response::new(Full::from(r#"{"code":40001,"message":"No permission"}"#)))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// // Everything but the permits for each account.
/// let mut client = ServiceBuilder::new()
///     .tiktok_request_context(TikTokRequestContextLayer::new())
///     .jittered_backoff(JitteredBackoffLayer::builder().max_attempts(3).build()?)
///     .retry_after_header(Duration::from_secs(86_400))
///     .tiktok_error_classifier(TikTokErrorClassifierLayer::new())
///     .service_fn(answer);
///
/// let response = client.ready().await?.call(Request::default()).await?;
/// assert_eq!(ErrorClass::of(&response), ErrorClass::PermissionDenied);
/// # Ok(())
/// # }
/// ```
pub trait ServiceBuilderExt<L>: sealed::Sealed<L> + Sized {
    /// The whole stack. See [`TikTokLayer`].
    fn tiktok<C, K, H>(
        self,
        layer: TikTokLayer<C, K, H>,
    ) -> ServiceBuilder<Stack<TikTokLayer<C, K, H>, L>>;

    /// Finds account, endpoint and operation. See [`context`](super::context).
    fn tiktok_request_context(
        self,
        layer: TikTokRequestContextLayer,
    ) -> ServiceBuilder<Stack<TikTokRequestContextLayer, L>>;

    /// Finds out what became of a write whose answer was lost. See
    /// [`reconcile`](crate::reconcile).
    fn reconcile<H>(self, layer: ReconcileLayer<H>) -> ServiceBuilder<Stack<ReconcileLayer<H>, L>>;

    /// Answers identical reads with one request. See
    /// [`report_batching`](crate::report_batching).
    fn report_batching<D>(
        self,
        layer: ReportBatchingLayer<D>,
    ) -> ServiceBuilder<Stack<ReportBatchingLayer<D>, L>>;

    /// Spaces out polls. See [`poll_pacing`](crate::poll_pacing).
    fn poll_pacing<J>(
        self,
        layer: PollPacingLayer<J>,
    ) -> ServiceBuilder<Stack<PollPacingLayer<J>, L>>;

    /// Sends again what is safe to send again. See
    /// [`jittered_backoff`](crate::jittered_backoff).
    fn jittered_backoff<C>(
        self,
        layer: JitteredBackoffLayer<C>,
    ) -> ServiceBuilder<Stack<JitteredBackoffLayer<C>, L>>;

    /// Brakes reads that time out. See
    /// [`timeout_brake`](crate::timeout_brake).
    fn timeout_brake(self, layer: TimeoutBrakeLayer)
    -> ServiceBuilder<Stack<TimeoutBrakeLayer, L>>;

    /// Puts a token on each attempt, and refreshes it once for all. See
    /// [`token_refresh`](crate::token_refresh).
    fn token_refresh(self, layer: TokenRefreshLayer)
    -> ServiceBuilder<Stack<TokenRefreshLayer, L>>;

    /// Bounds the requests in flight for each account. See
    /// [`per_account_concurrency`](crate::per_account_concurrency).
    fn per_account_concurrency<K>(
        self,
        layer: PerAccountConcurrencyLayer<K>,
    ) -> ServiceBuilder<Stack<PerAccountConcurrencyLayer<K>, L>>;

    /// Releases requests within their quotas. See
    /// [`request_pacing`](crate::request_pacing).
    fn request_pacing(
        self,
        layer: RequestPacingLayer,
    ) -> ServiceBuilder<Stack<RequestPacingLayer, L>>;

    /// Raises an alert where throttling lasts. See
    /// [`throttle_alert`](crate::throttle_alert).
    fn throttle_alert(
        self,
        layer: ThrottleAlertLayer,
    ) -> ServiceBuilder<Stack<ThrottleAlertLayer, L>>;

    /// Reads waits and limits from headers, and believes waits of up to `max`.
    /// See [`retry_after_header`](crate::retry_after_header).
    fn retry_after_header(self, max: Duration) -> ServiceBuilder<Stack<RetryAfterHeaderLayer, L>>;

    /// Tells the answers of another API apart. See
    /// [`error_classifier`](crate::error_classifier).
    fn error_classifier<C>(
        self,
        layer: ErrorClassifierLayer<C>,
    ) -> ServiceBuilder<Stack<ErrorClassifierLayer<C>, L>>;

    /// Reads the code in the body. See [`classifier`](super::classifier).
    fn tiktok_error_classifier(
        self,
        layer: TikTokErrorClassifierLayer,
    ) -> ServiceBuilder<Stack<TikTokErrorClassifierLayer, L>>;
}

impl<L> ServiceBuilderExt<L> for ServiceBuilder<L> {
    fn tiktok<C, K, H>(
        self,
        layer: TikTokLayer<C, K, H>,
    ) -> ServiceBuilder<Stack<TikTokLayer<C, K, H>, L>> {
        self.layer(layer)
    }

    fn tiktok_request_context(
        self,
        layer: TikTokRequestContextLayer,
    ) -> ServiceBuilder<Stack<TikTokRequestContextLayer, L>> {
        self.layer(layer)
    }

    fn reconcile<H>(self, layer: ReconcileLayer<H>) -> ServiceBuilder<Stack<ReconcileLayer<H>, L>> {
        self.layer(layer)
    }

    fn report_batching<D>(
        self,
        layer: ReportBatchingLayer<D>,
    ) -> ServiceBuilder<Stack<ReportBatchingLayer<D>, L>> {
        self.layer(layer)
    }

    fn poll_pacing<J>(
        self,
        layer: PollPacingLayer<J>,
    ) -> ServiceBuilder<Stack<PollPacingLayer<J>, L>> {
        self.layer(layer)
    }

    fn jittered_backoff<C>(
        self,
        layer: JitteredBackoffLayer<C>,
    ) -> ServiceBuilder<Stack<JitteredBackoffLayer<C>, L>> {
        self.layer(layer)
    }

    fn timeout_brake(
        self,
        layer: TimeoutBrakeLayer,
    ) -> ServiceBuilder<Stack<TimeoutBrakeLayer, L>> {
        self.layer(layer)
    }

    fn token_refresh(
        self,
        layer: TokenRefreshLayer,
    ) -> ServiceBuilder<Stack<TokenRefreshLayer, L>> {
        self.layer(layer)
    }

    fn per_account_concurrency<K>(
        self,
        layer: PerAccountConcurrencyLayer<K>,
    ) -> ServiceBuilder<Stack<PerAccountConcurrencyLayer<K>, L>> {
        self.layer(layer)
    }

    fn request_pacing(
        self,
        layer: RequestPacingLayer,
    ) -> ServiceBuilder<Stack<RequestPacingLayer, L>> {
        self.layer(layer)
    }

    fn throttle_alert(
        self,
        layer: ThrottleAlertLayer,
    ) -> ServiceBuilder<Stack<ThrottleAlertLayer, L>> {
        self.layer(layer)
    }

    fn retry_after_header(self, max: Duration) -> ServiceBuilder<Stack<RetryAfterHeaderLayer, L>> {
        self.layer(RetryAfterHeaderLayer::new(max))
    }

    fn error_classifier<C>(
        self,
        layer: ErrorClassifierLayer<C>,
    ) -> ServiceBuilder<Stack<ErrorClassifierLayer<C>, L>> {
        self.layer(layer)
    }

    fn tiktok_error_classifier(
        self,
        layer: TikTokErrorClassifierLayer,
    ) -> ServiceBuilder<Stack<TikTokErrorClassifierLayer, L>> {
        self.layer(layer)
    }
}

mod sealed {
    /// Only `ServiceBuilder` has these methods, so that more can be added.
    pub trait Sealed<L> {}

    impl<L> Sealed<L> for tower::ServiceBuilder<L> {}
}
