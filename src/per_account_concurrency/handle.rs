use std::{fmt, sync::Arc};

use super::{Limits, Snapshot, permits::Permits};
use crate::extensions::AccountId;

/// Reads and changes the limits while requests are under way.
///
/// Get it from
/// [`PerAccountConcurrencyLayer::handle`](super::PerAccountConcurrencyLayer::handle).
/// All clones of it, and of the layer and its services, share one state.
///
/// A limit that is raised lets waiting requests go at once. One that is
/// lowered lets those in flight finish. A limit of 0 pauses: what arrives
/// waits.
#[derive(Clone)]
pub struct PerAccountConcurrencyHandle {
    permits: Arc<Permits>,
}

impl PerAccountConcurrencyHandle {
    pub(super) fn new(permits: Arc<Permits>) -> Self {
        Self { permits }
    }

    /// The limits of every account that has none of its own.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.permits.defaults()
    }

    /// Sets the limits of every account that has none of its own.
    pub fn set_limits(&self, limits: Limits) {
        self.permits.set_defaults(limits);
    }

    /// The limits that one account is under.
    #[must_use]
    pub fn account_limits(&self, account: &AccountId) -> Limits {
        self.permits.limits_of(account.clone())
    }

    /// Gives one account limits of its own. They are kept until they are
    /// removed, whether the account is used or not.
    pub fn set_account_limits(&self, account: impl Into<AccountId>, limits: Limits) {
        self.permits.set_override(account.into(), Some(limits));
    }

    /// Puts one account back under the limits of all.
    pub fn remove_account_limits(&self, account: &AccountId) {
        self.permits.set_override(account.clone(), None);
    }

    /// What is in flight and what waits now, for each account.
    ///
    /// It visits every account in use, and holds up requests while it does: for
    /// dashboards, not for each request.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.permits.snapshot())
    }

    /// What this process has of the permits that it shares, and whether the store
    /// is there. `None`: it shares none.
    #[cfg(feature = "shared-state")]
    #[must_use]
    pub fn shared(&self) -> Option<crate::shared_state::SharedSnapshot> {
        Some(self.permits.membership.get()?.snapshot())
    }
}

impl fmt::Debug for PerAccountConcurrencyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerAccountConcurrencyHandle")
            .field("limits", &self.limits())
            .field("queued", &self.permits.queued())
            .finish_non_exhaustive()
    }
}
