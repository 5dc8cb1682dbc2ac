use std::time::Duration;

use super::TikTokLayer;
use crate::{
    jittered_backoff::{JitteredBackoffLayer, TransportErrors},
    per_account_concurrency::{FromContext, PerAccountConcurrencyLayer},
    retry_after_header::RetryAfterHeaderLayer,
    tiktok::{TikTokErrorClassifierLayer, TikTokRequestContextLayer},
};

/// The longest wait that a header is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Builds a [`TikTokLayer`]. What is not set has the defaults of its own
/// layer; see there what its settings do.
#[derive(Clone, Debug)]
pub struct TikTokLayerBuilder<C = TransportErrors, K = FromContext> {
    layer: TikTokLayer<C, K>,
}

impl TikTokLayerBuilder {
    pub(super) fn new() -> Self {
        Self {
            layer: TikTokLayer {
                context: TikTokRequestContextLayer::default(),
                backoff: JitteredBackoffLayer::default(),
                concurrency: PerAccountConcurrencyLayer::default(),
                retry_after_header: RetryAfterHeaderLayer::new(MAX_RETRY_AFTER),
                classifier: TikTokErrorClassifierLayer::default(),
            },
        }
    }
}

impl<C, K> TikTokLayerBuilder<C, K> {
    /// How account, endpoint and operation are found.
    #[must_use]
    pub fn context(mut self, layer: TikTokRequestContextLayer) -> Self {
        self.layer.context = layer;
        self
    }

    /// How often, how long and how soon to send again.
    #[must_use]
    pub fn backoff<C2>(self, layer: JitteredBackoffLayer<C2>) -> TikTokLayerBuilder<C2, K> {
        TikTokLayerBuilder {
            layer: TikTokLayer {
                context: self.layer.context,
                backoff: layer,
                concurrency: self.layer.concurrency,
                retry_after_header: self.layer.retry_after_header,
                classifier: self.layer.classifier,
            },
        }
    }

    /// How many requests each account may have in flight.
    #[must_use]
    pub fn concurrency<K2>(
        self,
        layer: PerAccountConcurrencyLayer<K2>,
    ) -> TikTokLayerBuilder<C, K2> {
        TikTokLayerBuilder {
            layer: TikTokLayer {
                context: self.layer.context,
                backoff: self.layer.backoff,
                concurrency: layer,
                retry_after_header: self.layer.retry_after_header,
                classifier: self.layer.classifier,
            },
        }
    }

    /// How long a wait to believe where a header names one. The default is a
    /// day. What is longer ends the retry with
    /// [`WaitTooLong`](crate::error::WaitTooLong).
    #[must_use]
    pub fn retry_after_header(mut self, layer: RetryAfterHeaderLayer) -> Self {
        self.layer.retry_after_header = layer;
        self
    }

    /// What each code means.
    #[must_use]
    pub fn classifier(mut self, layer: TikTokErrorClassifierLayer) -> Self {
        self.layer.classifier = layer;
        self
    }

    /// The layer.
    #[must_use]
    pub fn build(self) -> TikTokLayer<C, K> {
        self.layer
    }
}
