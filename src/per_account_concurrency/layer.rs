use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{
    FromContext, PerAccountConcurrency, PerAccountConcurrencyBuilder, PerAccountConcurrencyHandle,
    permits::Permits, service::Policy,
};

/// Layer that applies [`PerAccountConcurrency`]. See the [module docs](super).
///
/// All services that one layer, or its clones, make share their permits.
#[derive(Clone)]
pub struct PerAccountConcurrencyLayer<K = FromContext> {
    permits: Arc<Permits>,
    policy: Policy<K>,
}

impl PerAccountConcurrencyLayer {
    /// Starts with the default limits.
    #[must_use]
    pub fn builder() -> PerAccountConcurrencyBuilder {
        PerAccountConcurrencyBuilder::new()
    }
}

impl<K> PerAccountConcurrencyLayer<K> {
    pub(super) fn new(permits: Permits, policy: Policy<K>) -> Self {
        Self {
            permits: Arc::new(permits),
            policy,
        }
    }

    /// Shares the permits from now on. Whoever shares already goes on as before.
    #[cfg(feature = "shared-state")]
    pub(crate) fn share(&self, state: &crate::shared_state::SharedState) {
        self.permits.share(state);
    }

    /// Reads and changes the limits. See [`PerAccountConcurrencyHandle`].
    #[must_use]
    pub fn handle(&self) -> PerAccountConcurrencyHandle {
        PerAccountConcurrencyHandle::new(self.permits.clone())
    }
}

impl Default for PerAccountConcurrencyLayer {
    fn default() -> Self {
        PerAccountConcurrencyBuilder::new().build_unchecked()
    }
}

impl<S, K: Clone> Layer<S> for PerAccountConcurrencyLayer<K> {
    type Service = PerAccountConcurrency<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        PerAccountConcurrency::new(inner, self.permits.clone(), self.policy.clone())
    }
}

impl<K> fmt::Debug for PerAccountConcurrencyLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerAccountConcurrencyLayer")
            .field("limits", &self.permits.defaults())
            .field("release", &self.policy.release)
            .finish_non_exhaustive()
    }
}
