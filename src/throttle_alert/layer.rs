use std::sync::Arc;

use tower_layer::Layer;

use super::{ThrottleAlert, ThrottleAlertBuilder, ThrottleAlertHandle, shared::Shared};

/// Layer that applies [`ThrottleAlert`]. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct ThrottleAlertLayer {
    shared: Arc<Shared>,
}

impl ThrottleAlertLayer {
    /// A layer with all defaults, to be changed one by one.
    pub fn builder() -> ThrottleAlertBuilder {
        ThrottleAlertBuilder::new()
    }

    pub(super) fn watching(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Hears of alerts, and tells of what is wrong.
    #[must_use]
    pub fn handle(&self) -> ThrottleAlertHandle {
        ThrottleAlertHandle::new(self.shared.clone())
    }
}

impl<S> Layer<S> for ThrottleAlertLayer {
    type Service = ThrottleAlert<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ThrottleAlert::new(inner, Some(self.shared.clone()))
    }
}
