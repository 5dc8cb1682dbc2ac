use tower_layer::Layer;

use super::{TikTokClassify, TikTokErrorClassifier, TikTokErrorClassifierBuilder};
use crate::error_classifier::ErrorClassifierLayer;

/// Layer that applies [`TikTokErrorClassifier`]. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct TikTokErrorClassifierLayer {
    pub(super) inner: ErrorClassifierLayer<TikTokClassify>,
}

impl TikTokErrorClassifierLayer {
    /// The Marketing API, with its table as it is and the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }

    /// Another API, a table with additions, or other bounds.
    #[must_use]
    pub fn builder() -> TikTokErrorClassifierBuilder {
        TikTokErrorClassifierBuilder::default()
    }
}

impl Default for TikTokErrorClassifierLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for TikTokErrorClassifierLayer {
    type Service = TikTokErrorClassifier<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.inner.layer(inner)
    }
}
