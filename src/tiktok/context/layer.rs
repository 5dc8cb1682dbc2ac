use std::sync::Arc;

use tower_layer::Layer;

use super::{TikTokRequestContext, TikTokRequestContextBuilder, builder::Settings};

/// Layer that applies [`TikTokRequestContext`]. See the
/// [module docs](super).
#[derive(Clone, Debug, Default)]
pub struct TikTokRequestContextLayer {
    pub(super) settings: Arc<Settings>,
}

impl TikTokRequestContextLayer {
    /// The layer with the defaults: TikTok's table, and a look at 16 KiB of a
    /// body at most.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the defaults, or adds endpoints.
    pub fn builder() -> TikTokRequestContextBuilder {
        TikTokRequestContextBuilder::default()
    }
}

impl<S> Layer<S> for TikTokRequestContextLayer {
    type Service = TikTokRequestContext<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TikTokRequestContext {
            inner,
            settings: Arc::clone(&self.settings),
        }
    }
}
