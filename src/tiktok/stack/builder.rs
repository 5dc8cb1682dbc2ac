use std::time::Duration;

use super::TikTokLayer;
#[cfg(feature = "shared-state")]
use crate::shared_state::SharedState;
use crate::{
    jittered_backoff::{JitteredBackoffLayer, TransportErrors},
    per_account_concurrency::{FromContext, PerAccountConcurrencyLayer},
    poll_pacing::PollPacingLayer,
    reconcile::{NoReconcile, ReconcileLayer},
    report_batching::ReportBatchingLayer,
    request_pacing::{Quotas, RequestPacingLayer, Scopes},
    retry_after_header::RetryAfterHeaderLayer,
    throttle_alert::ThrottleAlertLayer,
    tiktok::{
        AccessLevel, TikTokErrorClassifierLayer, TikTokJobs, TikTokQuotas, TikTokReads,
        TikTokRequestContextLayer, reports::timeout_brake,
    },
    timeout_brake::TimeoutBrakeLayer,
    token_refresh::TokenRefreshLayer,
};

/// The longest wait that a header is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Builds a [`TikTokLayer`]. What is not set has the defaults of its own
/// layer; see there what its settings do.
#[derive(Clone, Debug)]
pub struct TikTokLayerBuilder<C = TransportErrors, K = FromContext, H = NoReconcile> {
    reconcile: ReconcileLayer<H>,
    backoff: JitteredBackoffLayer<C>,
    concurrency: PerAccountConcurrencyLayer<K>,
    rest: Rest,
}

/// What has the same type whatever is plugged in.
#[derive(Clone, Debug)]
struct Rest {
    context: TikTokRequestContextLayer,
    report_batching: Option<ReportBatchingLayer<TikTokReads>>,
    poll_pacing: Option<PollPacingLayer<TikTokJobs>>,
    reconciles: bool,
    timeout_brake: Option<TimeoutBrakeLayer>,
    tokens: Option<TokenRefreshLayer>,
    pacing: Option<RequestPacingLayer>,
    alerts: Option<ThrottleAlertLayer>,
    retry_after_header: RetryAfterHeaderLayer,
    classifier: TikTokErrorClassifierLayer,
    #[cfg(feature = "shared-state")]
    shared: Option<SharedState>,
}

impl TikTokLayerBuilder {
    pub(super) fn new() -> Self {
        Self {
            reconcile: ReconcileLayer::default(),
            backoff: JitteredBackoffLayer::default(),
            concurrency: PerAccountConcurrencyLayer::default(),
            rest: Rest {
                context: TikTokRequestContextLayer::default(),
                report_batching: None,
                poll_pacing: None,
                reconciles: false,
                timeout_brake: None,
                tokens: None,
                pacing: None,
                alerts: None,
                retry_after_header: RetryAfterHeaderLayer::new(MAX_RETRY_AFTER),
                classifier: TikTokErrorClassifierLayer::default(),
                #[cfg(feature = "shared-state")]
                shared: None,
            },
        }
    }
}

impl<C, K, H> TikTokLayerBuilder<C, K, H> {
    /// How account, endpoint and operation are found.
    #[must_use]
    pub fn context(mut self, layer: TikTokRequestContextLayer) -> Self {
        self.rest.context = layer;
        self
    }

    /// Answers identical reads with one request, and as asked keeps and merges
    /// reports. The default is that each read is sent. It also brakes reports
    /// that time out, unless [`timeout_brake`](Self::timeout_brake) sets that
    /// otherwise. See [`reports`](crate::tiktok::reports).
    #[must_use]
    pub fn report_batching(mut self, layer: ReportBatchingLayer<TikTokReads>) -> Self {
        self.rest.report_batching = Some(layer);
        self
    }

    /// Brakes reads that time out. The default is that nothing is braked, or
    /// reports as [`reports::timeout_brake`](crate::tiktok::reports::timeout_brake)
    /// has it where [reads are batched](Self::report_batching).
    #[must_use]
    pub fn timeout_brake(mut self, layer: TimeoutBrakeLayer) -> Self {
        self.rest.timeout_brake = Some(layer);
        self
    }

    /// Spaces out polls, and waits where a task or a video is not ready. The
    /// default is that polls go when they come, and that what is not ready is
    /// sent again as backoff has it. See [`jobs`](crate::tiktok::jobs).
    #[must_use]
    pub fn poll_pacing(mut self, layer: PollPacingLayer<TikTokJobs>) -> Self {
        self.rest.poll_pacing = Some(layer);
        self
    }

    /// How it is found out what became of a create whose answer was lost. The
    /// default is that nobody asks, and that it ends in
    /// [`OutcomeUnknown`](crate::error::OutcomeUnknown). For campaigns and ad
    /// groups there is
    /// [`ReadBackByName`](crate::tiktok::reconcile::ReadBackByName).
    #[must_use]
    pub fn reconcile<H2>(self, layer: ReconcileLayer<H2>) -> TikTokLayerBuilder<C, K, H2> {
        TikTokLayerBuilder {
            reconcile: layer,
            backoff: self.backoff,
            concurrency: self.concurrency,
            rest: Rest {
                reconciles: true,
                ..self.rest
            },
        }
    }

    /// How often, how long and how soon to send again.
    #[must_use]
    pub fn backoff<C2>(self, layer: JitteredBackoffLayer<C2>) -> TikTokLayerBuilder<C2, K, H> {
        TikTokLayerBuilder {
            reconcile: self.reconcile,
            backoff: layer,
            concurrency: self.concurrency,
            rest: self.rest,
        }
    }

    /// Puts the access token on each attempt. The default is that the caller
    /// or the client does. What still waits for a permit or its turn when its
    /// token is stopped is not sent. See [`token`](crate::tiktok::token).
    #[must_use]
    pub fn tokens(mut self, layer: TokenRefreshLayer) -> Self {
        self.rest.tokens = Some(layer);
        self
    }

    /// How many requests each account may have in flight.
    #[must_use]
    pub fn concurrency<K2>(
        self,
        layer: PerAccountConcurrencyLayer<K2>,
    ) -> TikTokLayerBuilder<C, K2, H> {
        TikTokLayerBuilder {
            reconcile: self.reconcile,
            backoff: self.backoff,
            concurrency: layer,
            rest: self.rest,
        }
    }

    /// The access level of the developer app, by which requests are paced. The
    /// default is [`AccessLevel::Basic`], which every app has. Below the app's
    /// own level it is slower than need be; above it calls are refused, and
    /// the app is suspended for minutes.
    ///
    /// It stands for [`quotas`](Self::quotas) with all the limits of the
    /// level.
    #[must_use]
    pub fn access_level(self, level: AccessLevel) -> Self {
        self.quotas(TikTokQuotas::new(level))
    }

    /// What TikTok admits, where that differs from what the access level says.
    #[must_use]
    pub fn quotas(self, quotas: TikTokQuotas) -> Self {
        self.pacing(paced_by(quotas))
    }

    /// How requests are paced: any quotas, with a queue of your own settings.
    #[must_use]
    pub fn pacing(mut self, layer: RequestPacingLayer) -> Self {
        self.rest.pacing = Some(layer);
        self
    }

    /// Sends each request at once. Whoever overruns a minute is shut out for
    /// five, so somebody else has to hold requests back then.
    #[must_use]
    pub fn no_pacing(self) -> Self {
        self.pacing(paced_by(Quotas::none()))
    }

    /// Raises an alert where throttling lasts, and where the queue, the retry
    /// budget, the tokens or the shared state show that something is wrong. The
    /// default is that nobody watches.
    ///
    /// # Example
    /// ```
    /// use tower_tiktok::{throttle_alert::ThrottleAlertLayer, tiktok::TikTokLayer};
    ///
    /// let alerts = ThrottleAlertLayer::builder()
    ///     .on_alert(|alert| eprintln!("{alert}"))
    ///     .build()?;
    /// let handle = alerts.handle();
    /// let layer = TikTokLayer::builder().alerts(alerts).build();
    /// # let _ = layer;
    /// assert!(handle.alerts().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn alerts(mut self, layer: ThrottleAlertLayer) -> Self {
        self.rest.alerts = Some(layer);
        self
    }

    /// How long a wait to believe where a header names one. The default is a
    /// day. What is longer ends the retry with
    /// [`WaitTooLong`](crate::error::WaitTooLong).
    #[must_use]
    pub fn retry_after_header(mut self, layer: RetryAfterHeaderLayer) -> Self {
        self.rest.retry_after_header = layer;
        self
    }

    /// What each code means.
    #[must_use]
    pub fn classifier(mut self, layer: TikTokErrorClassifierLayer) -> Self {
        self.rest.classifier = layer;
        self
    }

    /// Shares the limits of the app with the other processes that use it. The
    /// default is that this process is alone. The permits of accounts are shared
    /// by [`concurrency`](Self::concurrency) alone. See the
    /// [module docs](super#sharing).
    #[cfg(feature = "shared-state")]
    #[must_use]
    pub fn shared(mut self, state: impl Into<SharedState>) -> Self {
        self.rest.shared = Some(state.into());
        self
    }

    /// The layer.
    #[must_use]
    pub fn build(self) -> TikTokLayer<C, K, H> {
        let rest = self.rest;
        let pacing = rest.pacing;
        let pacing = pacing.unwrap_or_else(|| paced_by(TikTokQuotas::new(AccessLevel::default())));
        #[cfg(feature = "shared-state")]
        if let Some(state) = &rest.shared {
            pacing.share(state);
        }
        if let Some(alerts) = rest.alerts.as_ref().map(ThrottleAlertLayer::handle) {
            alerts.watch_pacing(pacing.handle());
            if let Some(tokens) = &rest.tokens {
                alerts.watch_tokens(tokens.handle());
            }
            let budget = self.backoff.budget().cloned();
            budget
                .into_iter()
                .for_each(|budget| alerts.watch_budget(budget));
        }
        let brake = || timeout_brake().build().expect("the defaults make sense");
        let timeout_brake = match rest.report_batching {
            Some(_) => rest.timeout_brake.or_else(|| Some(brake())),
            None => rest.timeout_brake,
        };
        TikTokLayer {
            context: rest.context,
            report_batching: rest.report_batching,
            poll_pacing: rest.poll_pacing,
            reconcile: self.reconcile,
            reconciles: rest.reconciles,
            backoff: self.backoff,
            timeout_brake,
            tokens: rest.tokens,
            concurrency: self.concurrency,
            pacing,
            alerts: rest.alerts,
            retry_after_header: rest.retry_after_header,
            classifier: rest.classifier,
        }
    }
}

fn paced_by<Q: Scopes>(quotas: Q) -> RequestPacingLayer {
    // NOTE: `TikTokQuotasBuilder::build` has checked them.
    let layer = RequestPacingLayer::builder(quotas).build();
    layer.expect("quotas are sound once they are built")
}
