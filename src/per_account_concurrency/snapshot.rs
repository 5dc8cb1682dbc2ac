use super::Limits;
use crate::extensions::AccountId;

/// What was in flight and what waited at one moment.
///
/// Accounts with neither are not in it. Each account is consistent in itself;
/// two accounts may be seen some nanoseconds apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    accounts: Vec<AccountUse>,
}

/// What one account had in flight and in its queues.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountUse {
    /// The account. `None` stands for all requests without one.
    pub account: Option<AccountId>,
    /// The limits that it is under.
    pub limits: Limits,
    /// Writes that have a permit.
    pub writes_in_flight: u32,
    /// Reads that have a permit.
    pub reads_in_flight: u32,
    /// Writes that wait for a permit.
    pub writes_queued: u32,
    /// Reads that wait for a permit.
    pub reads_queued: u32,
}

impl Snapshot {
    pub(super) fn new(accounts: Vec<AccountUse>) -> Self {
        Self { accounts }
    }

    /// The accounts that have a request in flight or waiting, in no order.
    #[must_use]
    pub fn accounts(&self) -> &[AccountUse] {
        &self.accounts
    }

    /// One of them.
    #[must_use]
    pub fn account(&self, account: &AccountId) -> Option<&AccountUse> {
        self.accounts
            .iter()
            .find(|found| found.account.as_ref() == Some(account))
    }

    /// Requests of all accounts that have a permit.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.accounts.iter().map(AccountUse::in_flight).sum()
    }

    /// Requests of all accounts that wait for a permit.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.accounts.iter().map(AccountUse::queued).sum()
    }
}

impl AccountUse {
    /// Reads and writes that have a permit.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        u64::from(self.writes_in_flight) + u64::from(self.reads_in_flight)
    }

    /// Reads and writes that wait for a permit.
    #[must_use]
    pub fn queued(&self) -> u64 {
        u64::from(self.writes_queued) + u64::from(self.reads_queued)
    }
}
