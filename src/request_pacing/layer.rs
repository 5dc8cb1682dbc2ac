use std::sync::Arc;

use tower_layer::Layer;

use super::{
    RequestPacing, RequestPacingBuilder, RequestPacingHandle, Scopes, clock::Clock, core::Settings,
    pacer::Pacer,
};

/// Layer that applies [`RequestPacing`]. See the [module docs](super).
///
/// All services that one layer, or its clones, make share one queue.
#[derive(Clone, Debug)]
pub struct RequestPacingLayer {
    pacer: Arc<Pacer>,
}

impl RequestPacingLayer {
    /// Starts with what the server admits: a [`Quota`](super::Quota) for all
    /// requests together, [`Quotas`](super::Quotas), or [`Scopes`] of your own.
    #[must_use]
    pub fn builder<K: Scopes>(scopes: K) -> RequestPacingBuilder<K> {
        RequestPacingBuilder::new(scopes)
    }

    pub(super) fn new(scopes: Box<dyn Scopes>, settings: Settings, clock: Clock) -> Self {
        Self {
            pacer: Arc::new(Pacer::new(scopes, settings, clock)),
        }
    }

    /// Shares the limits with other processes from now on. A layer that shares
    /// already goes on as before.
    #[cfg(feature = "shared-state")]
    pub(crate) fn share(&self, state: &crate::shared_state::SharedState) {
        self.pacer.share(state);
    }

    /// Looks at the queue, and changes quotas. See [`RequestPacingHandle`].
    #[must_use]
    pub fn handle(&self) -> RequestPacingHandle {
        RequestPacingHandle::new(self.pacer.clone())
    }
}

impl<S> Layer<S> for RequestPacingLayer {
    type Service = RequestPacing<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestPacing::new(inner, self.pacer.clone())
    }
}
