use std::{fmt, sync::Arc};

use tokio::sync::broadcast;

use super::{Alert, AlertKind, AlertScope, Finding, shared::Shared};

/// Hears of alerts, tells of what is wrong, and names what is to be looked at.
///
/// Get it from [`ThrottleAlertLayer::handle`](super::ThrottleAlertLayer::handle).
/// All clones of it, and of the layer and its services, share one state. It keeps
/// alive what is watched.
#[derive(Clone)]
pub struct ThrottleAlertHandle {
    shared: Arc<Shared>,
}

impl ThrottleAlertHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Each alert from now on, as it is raised, updated and cleared. Who is 64
    /// behind loses the oldest, and is told so.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Alert> {
        self.shared.sinks().subscribe()
    }

    /// The alerts that are up, the oldest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        self.shared.state().alerts()
    }

    /// How many changes somebody did not hear of: a callback was too slow or
    /// panicked, or more was wrong than there is room for.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let state = self.shared.state().lost;
        state.saturating_add(self.shared.sinks().lost())
    }

    /// Raises an alert, or keeps it up: for what no attempt shows, such as a
    /// token that could not be refreshed.
    ///
    /// # Example
    /// ```
    /// use tower_tiktok::throttle_alert::{AlertKind, AlertScope, Finding, ThrottleAlertLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let handle = ThrottleAlertLayer::builder().build()?.handle();
    /// let mut alerts = handle.subscribe();
    /// handle.report(Finding::new(AlertKind::TokenRefused, AlertScope::app()));
    /// assert_eq!(alerts.recv().await?.kind, AlertKind::TokenRefused);
    ///
    /// // There is a new one.
    /// handle.clear(AlertKind::TokenRefused, AlertScope::app());
    /// assert!(handle.alerts().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self, finding: Finding) {
        self.shared.report(finding);
    }

    /// Clears an alert before its time.
    pub fn clear(&self, kind: AlertKind, scope: AlertScope) {
        self.shared.change(|state| state.clear_by_hand(kind, scope));
    }

    /// Calls `look` now and then, from a task, as long as requests are sent or
    /// an alert is up: an alert is up for what it finds, until it finds that no
    /// longer. It must be quick, and not block.
    pub fn watch(&self, look: impl Fn() -> Vec<Finding> + Send + Sync + 'static) {
        self.shared.watch(Arc::new(look));
    }

    /// Watches the queue of request pacing, and the state that it shares with
    /// other processes, if any.
    #[cfg(feature = "request-pacing")]
    pub fn watch_pacing(&self, pacing: crate::request_pacing::RequestPacingHandle) {
        let bound = self.shared.settings().queue_age;
        self.watch(move || super::looks::pacing(&pacing, bound));
    }

    /// Watches the tokens of a token layer: an alert is up for each that is
    /// stopped, or whose last three refreshes failed. What an answer means for
    /// its token is left to that layer then.
    #[cfg(feature = "token-refresh")]
    pub fn watch_tokens(&self, tokens: crate::token_refresh::TokenRefreshHandle) {
        self.shared.leave_tokens();
        // Not the other way round as well, or neither would ever go.
        let shared = Arc::downgrade(&self.shared);
        tokens.listen(Arc::new(move || {
            if let Some(shared) = shared.upgrade() {
                shared.look_now();
            }
        }));
        self.watch(move || super::tokens::look(&tokens));
    }

    /// Watches a retry budget.
    #[cfg(feature = "jittered-backoff")]
    pub fn watch_budget(&self, budget: crate::jittered_backoff::Budget) {
        self.watch(super::looks::budget(budget));
    }
}

impl fmt::Debug for ThrottleAlertHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleAlertHandle")
            .field("alerts", &self.alerts().len())
            .finish_non_exhaustive()
    }
}
