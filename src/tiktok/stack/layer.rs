use tower_layer::Layer;

use super::{TikTok, TikTokLayerBuilder};
use crate::{
    jittered_backoff::{JitteredBackoffLayer, TransportErrors},
    per_account_concurrency::{
        FromContext, PerAccountConcurrencyHandle, PerAccountConcurrencyLayer,
    },
    poll_pacing::{PollPacing, PollPacingLayer},
    reconcile::{NoReconcile, ReconcileLayer},
    report_batching::{ReportBatching, ReportBatchingLayer},
    request_pacing::{RequestPacingHandle, RequestPacingLayer},
    retry_after_header::RetryAfterHeaderLayer,
    throttle_alert::{ThrottleAlert, ThrottleAlertLayer},
    tiktok::{TikTokErrorClassifierLayer, TikTokJobs, TikTokReads, TikTokRequestContextLayer},
    timeout_brake::{TimeoutBrake, TimeoutBrakeLayer},
    token_refresh::{TokenRefresh, TokenRefreshLayer},
};

/// Layer that applies the whole stack. See the [module docs](super).
///
/// `C` tells transport errors apart, `K` finds the account of a request, and
/// `H` finds out what became of a write in doubt; all are those of the parts
/// that the builder was given.
#[derive(Clone, Debug)]
pub struct TikTokLayer<C = TransportErrors, K = FromContext, H = NoReconcile> {
    pub(super) context: TikTokRequestContextLayer,
    pub(super) report_batching: Option<ReportBatchingLayer<TikTokReads>>,
    pub(super) poll_pacing: Option<PollPacingLayer<TikTokJobs>>,
    pub(super) reconcile: ReconcileLayer<H>,
    /// Whether somebody asked for that.
    pub(super) reconciles: bool,
    pub(super) backoff: JitteredBackoffLayer<C>,
    pub(super) timeout_brake: Option<TimeoutBrakeLayer>,
    pub(super) tokens: Option<TokenRefreshLayer>,
    pub(super) concurrency: PerAccountConcurrencyLayer<K>,
    pub(super) pacing: RequestPacingLayer,
    pub(super) alerts: Option<ThrottleAlertLayer>,
    pub(super) retry_after_header: RetryAfterHeaderLayer,
    pub(super) classifier: TikTokErrorClassifierLayer,
}

impl TikTokLayer {
    /// Each part with its defaults, until it is replaced.
    #[must_use]
    pub fn builder() -> TikTokLayerBuilder {
        TikTokLayerBuilder::new()
    }
}

impl<C, K, H> TikTokLayer<C, K, H> {
    /// Reads and changes the limits for each account, while requests are under
    /// way.
    #[must_use]
    pub fn concurrency_handle(&self) -> PerAccountConcurrencyHandle {
        self.concurrency.handle()
    }

    /// How things stand, for the recorder of [`metrics`](crate::metrics).
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn gauges(&self) -> crate::metrics::Gauges {
        let gauges = crate::metrics::Gauges::new()
            .pacing(self.pacing.handle())
            .permits(self.concurrency.handle());
        match self.backoff.budget() {
            Some(budget) => gauges.budget(budget.clone()),
            None => gauges,
        }
    }

    /// Looks at the queue, changes quotas, and pauses, while requests are
    /// under way.
    #[must_use]
    pub fn pacing_handle(&self) -> RequestPacingHandle {
        self.pacing.handle()
    }
}

impl<S, C, K: Clone, H> Layer<S> for TikTokLayer<C, K, H> {
    type Service = TikTok<S, C, K, H>;

    fn layer(&self, inner: S) -> Self::Service {
        let judged = self.retry_after_header.layer(self.classifier.layer(inner));
        let watched = match &self.alerts {
            Some(alerts) => alerts.layer(judged),
            None => ThrottleAlert::off(judged),
        };
        let permitted = self.concurrency.layer(self.pacing.layer(watched));
        let (tokens, polls, reads) = (&self.tokens, &self.poll_pacing, &self.report_batching);
        let is_straight = [
            tokens.is_none(),
            polls.is_none(),
            reads.is_none(),
            self.timeout_brake.is_none(),
            !self.reconciles,
        ];
        if is_straight == [true; 5] {
            let resent = self.backoff.layer(permitted);
            return TikTok::straight(self.context.layer(resent));
        }
        let borne = match tokens {
            // NOTE: `RequestPacing` inside notes when each request goes.
            Some(tokens) => tokens.layer(permitted).recalling(),
            None => TokenRefresh::off(permitted),
        };
        let braked = match &self.timeout_brake {
            Some(brake) => brake.layer(borne),
            None => TimeoutBrake::off(borne),
        };
        let resent = self.backoff.layer(braked);
        let polled = match polls {
            Some(polls) => polls.layer(resent),
            None => PollPacing::off(resent),
        };
        let shared = match reads {
            Some(reads) => reads.layer(polled),
            None => ReportBatching::off(polled),
        };
        TikTok::whole(self.context.layer(self.reconcile.layer(shared)))
    }
}
