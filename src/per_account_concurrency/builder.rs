use std::fmt;

use super::{
    FromContext, InvalidConcurrency, Limits, PerAccountConcurrencyLayer, permits::Permits,
    service::Policy,
};
use crate::extensions::AccountId;
#[cfg(feature = "shared-state")]
use crate::shared_state::SharedState;

/// When a request gives its permit back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Release {
    /// When the head of the response is there, and the layers inside have
    /// judged it. The default: a caller that is slow to read, or keeps a
    /// response, holds up nobody.
    #[default]
    OnHead,
    /// At the end of the response's body, or when it is dropped. For servers
    /// that work until the last byte. A body that is neither read nor dropped
    /// holds its permit.
    OnBodyEnd,
}

/// Builds a [`PerAccountConcurrencyLayer`].
#[derive(Clone)]
pub struct PerAccountConcurrencyBuilder<K = FromContext> {
    limits: Limits,
    overrides: Vec<(AccountId, Limits)>,
    max_queued: u32,
    max_queued_in_total: u32,
    policy: Policy<K>,
    #[cfg(feature = "shared-state")]
    shared: Option<SharedState>,
}

impl PerAccountConcurrencyBuilder {
    pub(super) fn new() -> Self {
        Self {
            limits: Limits::default(),
            overrides: Vec::new(),
            max_queued: 10_000,
            max_queued_in_total: 100_000,
            policy: Policy {
                key: FromContext,
                release: Release::default(),
                share_without_account: false,
            },
            #[cfg(feature = "shared-state")]
            shared: None,
        }
    }
}

impl<K> PerAccountConcurrencyBuilder<K> {
    /// Writes in flight at once for each account. The default is 2. More are
    /// quicker as long as the server works on them side by side; fewer meet
    /// fewer conflicts.
    #[must_use]
    pub fn max_writes(mut self, writes: u32) -> Self {
        self.limits = self.limits.with_max_writes(writes);
        self
    }

    /// Reads in flight at once for each account. The default is 8. More let
    /// one account take more of the connections that all share.
    #[must_use]
    pub fn max_reads(mut self, reads: u32) -> Self {
        self.limits = self.limits.with_max_reads(reads);
        self
    }

    /// Gives one account limits of its own, both of them. A limit of 0 pauses
    /// the account until the [handle](super::PerAccountConcurrencyHandle)
    /// raises it.
    #[must_use]
    pub fn account_limits(mut self, account: impl Into<AccountId>, limits: Limits) -> Self {
        self.overrides.push((account.into(), limits));
        self
    }

    /// Requests that may wait for each account, reads and writes each. The
    /// default is 10,000. One more fails with [`QueueFull`](super::QueueFull).
    /// Fewer fail sooner when an account cannot keep up; more take memory, some
    /// 50 bytes and the request each. With 0, nothing waits.
    #[must_use]
    pub fn max_queued(mut self, requests: u32) -> Self {
        self.max_queued = requests;
        self
    }

    /// Requests that may wait for all accounts together. The default is
    /// 100,000. It bounds the memory whatever the number of accounts; smaller
    /// than [`max_queued`](Self::max_queued), it is the only bound.
    #[must_use]
    pub fn max_queued_in_total(mut self, requests: u32) -> Self {
        self.max_queued_in_total = requests;
        self
    }

    /// When permits are given back. The default is [`Release::OnHead`].
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.policy.release = release;
        self
    }

    /// Lets all requests without an account share the permits of one. By
    /// default they pass without any limit.
    #[must_use]
    pub fn share_without_account(mut self) -> Self {
        self.policy.share_without_account = true;
        self
    }

    /// Finds the account in the request, where nobody leaves a
    /// [`RequestContext`](crate::extensions::RequestContext).
    ///
    /// # Example
    /// ```
    /// use http::Request;
    /// use tower_tiktok::{extensions::AccountId, per_account_concurrency::PerAccountConcurrencyLayer};
    ///
    /// fn account(request: &Request<String>) -> Option<AccountId> {
    ///     let id = request.headers().get("x-account")?.to_str().ok()?;
    ///     Some(id.into())
    /// }
    /// let layer = PerAccountConcurrencyLayer::builder().key(account).build();
    /// # assert!(layer.is_ok());
    /// ```
    #[must_use]
    pub fn key<K2>(self, key: K2) -> PerAccountConcurrencyBuilder<K2> {
        PerAccountConcurrencyBuilder {
            limits: self.limits,
            overrides: self.overrides,
            max_queued: self.max_queued,
            max_queued_in_total: self.max_queued_in_total,
            policy: Policy {
                key,
                release: self.policy.release,
                share_without_account: self.policy.share_without_account,
            },
            #[cfg(feature = "shared-state")]
            shared: self.shared,
        }
    }

    /// Shares the permits of each account with other processes. The default is
    /// that this process has them alone. All should set the same limits: the
    /// smallest of those that use an account counts. See the
    /// [module docs](super#sharing).
    #[cfg(feature = "shared-state")]
    #[must_use]
    pub fn shared(mut self, state: impl Into<SharedState>) -> Self {
        self.shared = Some(state.into());
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// When a limit for all accounts is zero: no request would ever be sent.
    pub fn build(self) -> Result<PerAccountConcurrencyLayer<K>, InvalidConcurrency> {
        if self.limits.max_writes() == 0 {
            return Err(InvalidConcurrency::NoWrites);
        }
        if self.limits.max_reads() == 0 {
            return Err(InvalidConcurrency::NoReads);
        }
        Ok(self.build_unchecked())
    }

    pub(super) fn build_unchecked(self) -> PerAccountConcurrencyLayer<K> {
        let permits = Permits::new(self.limits, self.max_queued, self.max_queued_in_total);
        for (account, limits) in self.overrides {
            permits.set_override(account, Some(limits));
        }
        let layer = PerAccountConcurrencyLayer::new(permits, self.policy);
        #[cfg(feature = "shared-state")]
        if let Some(state) = &self.shared {
            layer.share(state);
        }
        layer
    }
}

impl<K> fmt::Debug for PerAccountConcurrencyBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerAccountConcurrencyBuilder")
            .field("limits", &self.limits)
            .field("overrides", &self.overrides)
            .field("max_queued", &self.max_queued)
            .field("max_queued_in_total", &self.max_queued_in_total)
            .field("release", &self.policy.release)
            .finish_non_exhaustive()
    }
}
