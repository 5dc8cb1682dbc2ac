use std::sync::Arc;

use tower_layer::Layer;

use super::{TimeoutBrake, brake::Brake};

/// Layer that applies [`TimeoutBrake`]. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct TimeoutBrakeLayer {
    brake: Arc<Brake>,
}

impl TimeoutBrakeLayer {
    pub(super) fn new(brake: Arc<Brake>) -> Self {
        Self { brake }
    }
}

impl<S> Layer<S> for TimeoutBrakeLayer {
    type Service = TimeoutBrake<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutBrake::new(inner, Arc::clone(&self.brake))
    }
}
