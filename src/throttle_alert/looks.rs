//! What our own layers show to whoever looks.

#[cfg(feature = "jittered-backoff")]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "request-pacing")]
use std::time::Duration;

use super::{AlertKind, AlertScope, Finding};
#[cfg(feature = "jittered-backoff")]
use crate::jittered_backoff::Budget;
#[cfg(feature = "request-pacing")]
use crate::request_pacing::RequestPacingHandle;

#[cfg(feature = "request-pacing")]
pub(super) fn pacing(pacing: &RequestPacingHandle, bound: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    let snapshot = pacing.snapshot();
    let oldest = snapshot.scopes().iter().filter_map(|scope| scope.oldest);
    if let Some(oldest) = oldest.max().filter(|oldest| *oldest > bound) {
        let old = Finding::new(AlertKind::QueueOld, AlertScope::app());
        found.push(old.with_queued(snapshot.queued() as u64).with_time(oldest));
    }
    #[cfg(feature = "shared-state")]
    if let Some(shared) = pacing.shared()
        && let crate::shared_state::StoreStatus::Down { time, .. } = shared.store
    {
        let lost = Finding::new(AlertKind::SharedStateLost, AlertScope::app());
        found.push(lost.with_time(time));
    }
    found
}

/// Finds it empty if it has refused a resend since the last look.
#[cfg(feature = "jittered-backoff")]
pub(super) fn budget(budget: Budget) -> impl Fn() -> Vec<Finding> + Send + Sync {
    let before = AtomicU64::new(budget.snapshot().refused);
    move || {
        let refused = budget.snapshot().refused;
        let is_empty = before.swap(refused, Ordering::Relaxed) != refused;
        let empty = || Finding::new(AlertKind::BudgetEmpty, AlertScope::app());
        is_empty.then(empty).into_iter().collect()
    }
}
