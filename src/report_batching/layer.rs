use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{ReportBatching, ReportBatchingBuilder, builder::Shared};

/// Layer that applies [`ReportBatching`]. See the [module docs](super).
pub struct ReportBatchingLayer<D> {
    shared: Arc<Shared<D>>,
}

impl<D> ReportBatchingLayer<D> {
    /// A layer with all defaults, for the reads that `reads` tells of.
    pub fn builder(reads: D) -> ReportBatchingBuilder<D> {
        ReportBatchingBuilder::new(reads)
    }

    pub(super) fn new(shared: Arc<Shared<D>>) -> Self {
        Self { shared }
    }
}

impl<S, D> Layer<S> for ReportBatchingLayer<D> {
    type Service = ReportBatching<S, D>;

    fn layer(&self, inner: S) -> Self::Service {
        ReportBatching::new(inner, Arc::clone(&self.shared))
    }
}

// By hand: a derive would ask the same of `D`.
impl<D> Clone for ReportBatchingLayer<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<D> fmt::Debug for ReportBatchingLayer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportBatchingLayer")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}
