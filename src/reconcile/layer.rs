use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{NoReconcile, ReconcileBuilder, Reconciling, builder::Shared};

/// Layer that applies [`Reconciling`]. See the [module docs](super).
pub struct ReconcileLayer<H> {
    pub(super) shared: Arc<Shared<H>>,
}

impl<H> ReconcileLayer<H> {
    /// Asks `hook`, with the defaults for all else.
    pub fn new(hook: H) -> Self {
        Self::builder(hook).finish()
    }

    /// Asks `hook`.
    pub fn builder(hook: H) -> ReconcileBuilder<H> {
        ReconcileBuilder::new(hook)
    }
}

impl Default for ReconcileLayer<NoReconcile> {
    fn default() -> Self {
        Self::new(NoReconcile)
    }
}

impl<S, H> Layer<S> for ReconcileLayer<H> {
    type Service = Reconciling<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        Reconciling::new(inner, Arc::clone(&self.shared))
    }
}

// By hand: a derive would ask the same of `H`.
impl<H> Clone for ReconcileLayer<H> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<H> fmt::Debug for ReconcileLayer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconcileLayer")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}
