use std::{num::NonZeroU32, sync::Arc};

use tokio::time::Instant;

use super::{InvalidQuota, Quota, Scope, Snapshot, pacer::Pacer};
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

    /// Changes what a scope admits, now and for good. What was sent before
    /// counts on in the windows that stay.
    ///
    /// # Errors
    /// When a window admits nothing, or its time makes no sense.
    pub fn set_quota(&self, scope: Scope, quota: Quota) -> Result<(), InvalidQuota> {
        quota.validate()?;
        self.pacer.set_quota(scope, Some(quota));
        Ok(())
    }

    /// Puts a scope back under the quota that the layer was built with.
    pub fn reset_quota(&self, scope: Scope) {
        self.pacer.set_quota(scope, None);
    }

    /// Closes a scope until an instant, unless it is closed for longer. What
    /// is in flight finishes, what comes waits; then it opens with one request
    /// first, two, four, and so on.
    pub fn hold_until(&self, scope: Scope, until: Instant) {
        self.pacer.hold(scope, until);
    }

    /// Gives an account so many turns where others have one, for requests
    /// that come from now on.
    pub fn set_weight(&self, account: impl Into<AccountId>, weight: NonZeroU32) {
        self.pacer.set_weight(account.into(), weight.get());
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

    /// Whether it is [paused](Self::pause).
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pacer.is_paused()
    }
}
