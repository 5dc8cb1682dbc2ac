use std::{num::NonZeroU32, sync::Arc};

use tokio::time::Instant;

use super::{Drained, InvalidQuota, Quota, Scope, Snapshot, pacer::Pacer};
use crate::extensions::AccountId;

/// Looks at the queue, and changes quotas, while requests are under way.
///
/// Get it from
/// [`RequestPacingLayer::handle`](super::RequestPacingLayer::handle). All
/// clones of it, and of the layer and its services, share one state.
#[derive(Clone, Debug)]
pub struct RequestPacingHandle {
    pacer: Arc<Pacer>,
}

impl RequestPacingHandle {
    pub(super) fn new(pacer: Arc<Pacer>) -> Self {
        Self { pacer }
    }

    pub(super) fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// What is queued and in flight now, for each scope.
    ///
    /// It visits every scope in use and every request that waits, and holds up
    /// requests while it does: for dashboards, not for each request.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.pacer.snapshot()
    }

    /// What this process holds of the limits that it shares, and whether the
    /// store is there. `None`: it shares none.
    #[cfg(feature = "shared-state")]
    #[must_use]
    pub fn shared(&self) -> Option<crate::shared_state::SharedSnapshot> {
        self.pacer.shared()
    }

    /// Changes what a scope admits, now and for good: also where the layer was
    /// built without a quota for it. (The value of a field counts only where
    /// [`Scopes`](super::Scopes) name it.)
    ///
    /// What was sent before counts on in the windows that stay, and in those of
    /// a minute and more that are put back later. A window that is new counts
    /// what is in flight, and what is sent from now on.
    ///
    /// # Errors
    /// When a window admits nothing, its time makes no sense, or it is named
    /// twice.
    pub fn set_quota(&self, scope: Scope, quota: Quota) -> Result<(), InvalidQuota> {
        quota.validate()?;
        self.pacer.set_quota(scope, Some(quota));
        Ok(())
    }

    /// Puts a scope back under the quota that the layer was built with.
    pub fn reset_quota(&self, scope: Scope) {
        self.pacer.set_quota(scope, None);
    }

    /// Closes a scope until an instant, unless it is closed for longer: also
    /// where nothing else is known of it. What is in flight finishes, what comes
    /// waits; then it opens with one request first, two, four, and so on.
    pub fn hold_until(&self, scope: Scope, until: Instant) {
        self.pacer.hold(scope, until);
    }

    /// Opens a scope that was [held](Self::hold_until), or that a refusal has
    /// closed, before its time: also with one request first, two, four, and so
    /// on. What headers say is left stays in force.
    pub fn open(&self, scope: &Scope) {
        self.pacer.open(scope);
    }

    /// Gives an account so many turns where others have one, for requests
    /// that come from now on.
    pub fn set_weight(&self, account: impl Into<AccountId>, weight: NonZeroU32) {
        self.pacer.set_weight(account.into(), weight.get());
    }

    /// Sends nothing more that counts in this scope, until somebody
    /// [resumes](Self::resume_scope) it. What comes waits; what is in flight
    /// finishes. Requests that count elsewhere go on.
    pub fn pause_scope(&self, scope: Scope) {
        self.pacer.set_scope_paused(scope, true);
    }

    /// Ends a [pause of one scope](Self::pause_scope).
    pub fn resume_scope(&self, scope: Scope) {
        self.pacer.set_scope_paused(scope, false);
    }

    /// Sends nothing more that is paced. What comes waits; what is in flight
    /// finishes.
    pub fn pause(&self) {
        self.pacer.set_paused(true);
    }

    /// Ends a [pause](Self::pause).
    pub fn resume(&self) {
        self.pacer.set_paused(false);
    }

    /// Takes no more requests, for good: they fail with
    /// [`Draining`](super::Draining), unsent, and so do the resends of those that
    /// were refused. What waits is sent in its turn, and the future is ready when
    /// nothing waits and nothing is under way. What is [paused](Self::pause) is
    /// waited for until somebody resumes it, and whoever is in the queue must
    /// still be polled.
    pub fn drain(&self) -> Drained {
        self.pacer.drain();
        Drained::new(self.pacer.clone())
    }

    /// Whether it [takes no more requests](Self::drain).
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.pacer.is_draining()
    }

    /// Whether it is [paused](Self::pause).
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pacer.is_paused()
    }
}
