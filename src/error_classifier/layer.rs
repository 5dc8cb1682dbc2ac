use std::{sync::Arc, time::Duration};

use tower_layer::Layer;

use super::{ErrorClassifier, ErrorClassifierBuilder};

/// Layer that applies [`ErrorClassifier`]. See the [module docs](super).
#[derive(Debug)]
pub struct ErrorClassifierLayer<C> {
    pub(super) shared: Arc<Shared<C>>,
}

/// What all clones of the layer and of its services have in common.
#[derive(Debug)]
pub(super) struct Shared<C> {
    pub(super) classify: C,
    pub(super) peek_limit: usize,
    pub(super) peek_timeout: Duration,
}

impl<C> ErrorClassifierLayer<C> {
    /// A layer that asks `classify` what each answer means.
    pub fn builder(classify: C) -> ErrorClassifierBuilder<C> {
        ErrorClassifierBuilder::new(classify)
    }
}

impl<S, C> Layer<S> for ErrorClassifierLayer<C> {
    type Service = ErrorClassifier<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ErrorClassifier {
            inner,
            shared: Arc::clone(&self.shared),
        }
    }
}

// By hand: a classifier that is not `Clone` is shared all the same.
impl<C> Clone for ErrorClassifierLayer<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}
