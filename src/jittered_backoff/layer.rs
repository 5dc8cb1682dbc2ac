use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{Budget, JitteredBackoff, JitteredBackoffBuilder, TransportErrors, builder::Config};

/// Layer that applies [`JitteredBackoff`]. See the [module docs](super).
pub struct JitteredBackoffLayer<C = TransportErrors> {
    config: Arc<Config<C>>,
}

impl JitteredBackoffLayer {
    /// A layer with all defaults, to be changed one by one.
    pub fn builder() -> JitteredBackoffBuilder {
        JitteredBackoffBuilder::new()
    }
}

impl<C> JitteredBackoffLayer<C> {
    pub(super) fn from_config(config: Config<C>) -> Self {
        Self {
            config: Arc::new(config),
        }
    }

    /// The retry budget of all its requests, if it has one: to look at it, or
    /// to share it.
    #[must_use]
    pub fn budget(&self) -> Option<&Budget> {
        self.config.budget.as_ref()
    }
}

impl Default for JitteredBackoffLayer {
    fn default() -> Self {
        Self::builder().finish()
    }
}

impl<S, C> Layer<S> for JitteredBackoffLayer<C> {
    type Service = JitteredBackoff<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        JitteredBackoff::new(inner, Arc::clone(&self.config))
    }
}

// By hand: a derive would ask the same of `C`.
impl<C> Clone for JitteredBackoffLayer<C> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
        }
    }
}

impl<C> fmt::Debug for JitteredBackoffLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitteredBackoffLayer")
            .field("limits", &self.config.limits)
            .field("budget", &self.config.budget)
            .finish_non_exhaustive()
    }
}
