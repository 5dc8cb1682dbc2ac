use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{PollPacing, PollPacingBuilder, builder::Shared};

/// Layer that applies [`PollPacing`]. See the [module docs](super).
pub struct PollPacingLayer<J> {
    shared: Arc<Shared<J>>,
}

impl<J> PollPacingLayer<J> {
    /// A layer with all defaults, for the jobs that `jobs` tells of.
    pub fn builder(jobs: J) -> PollPacingBuilder<J> {
        PollPacingBuilder::new(jobs)
    }

    pub(super) fn new(shared: Arc<Shared<J>>) -> Self {
        Self { shared }
    }

    /// How many jobs are kept in mind.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.shared.table.len()
    }
}

impl<S, J> Layer<S> for PollPacingLayer<J> {
    type Service = PollPacing<S, J>;

    fn layer(&self, inner: S) -> Self::Service {
        PollPacing::new(inner, Arc::clone(&self.shared))
    }
}

// By hand: a derive would ask the same of `J`.
impl<J> Clone for PollPacingLayer<J> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<J> fmt::Debug for PollPacingLayer<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollPacingLayer")
            .field("limits", &self.shared.limits)
            .field("jobs", &self.jobs())
            .finish_non_exhaustive()
    }
}
