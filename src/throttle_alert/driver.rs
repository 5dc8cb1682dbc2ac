use std::sync::{Arc, Weak};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::shared::Shared;

/// Keeps the time and tells everyone, as long as there is something to keep it
/// for. It keeps nothing alive.
pub(super) async fn drive(mut driving: Driving) {
    while let Some(next) = driving.keep() {
        tokio::select! {
            () = sleep_until(next) => {}
            () = driving.news.notified() => {}
        }
    }
}

/// Lets the next attempt start the task anew, should its runtime end before
/// the layer does.
pub(super) struct Driving {
    shared: Weak<Shared>,
    news: Arc<Notify>,
    is_over: bool,
}

impl Driving {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            news: shared.news.clone(),
            is_over: false,
        }
    }

    fn keep(&mut self) -> Option<Instant> {
        let next = self.shared.upgrade().and_then(|shared| shared.keep());
        // NOTE: `keep` has said under the lock that nobody drives any more.
        self.is_over = next.is_none();
        next
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(shared) = self.shared.upgrade()
        {
            shared.state().driven = false;
        }
    }
}
