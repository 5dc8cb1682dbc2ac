use std::{error::Error, fmt};

use crate::{error::NotSent, extensions::AccountId};

/// As many requests wait as may. The request was not sent.
#[derive(Debug)]
pub struct QueueFull {
    account: Option<AccountId>,
    queued: u32,
    total: bool,
}

impl QueueFull {
    pub(super) fn of_account(account: Option<&AccountId>, queued: u32) -> Self {
        Self {
            account: account.cloned(),
            queued,
            total: false,
        }
    }

    pub(super) fn of_all(account: Option<&AccountId>, queued: u32) -> Self {
        Self {
            account: account.cloned(),
            queued,
            total: true,
        }
    }

    /// The account of the request that was turned away. `None` if it has none
    /// and shares the permits of all that have none.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// How many requests wait: those of the account that are of the same kind,
    /// read or write, or those of [all accounts](Self::is_total).
    #[must_use]
    pub fn queued(&self) -> u32 {
        self.queued
    }

    /// Whether it was the bound on all accounts together.
    #[must_use]
    pub fn is_total(&self) -> bool {
        self.total
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.account, self.total) {
            (_, true) => f.write_str("the queues of all accounts are full")?,
            (Some(account), false) => write!(f, "the queue of account {account} is full")?,
            (None, false) => f.write_str("the queue of requests without an account is full")?,
        }
        write!(f, ": {} wait", self.queued)
    }
}

impl Error for QueueFull {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

/// The limits let nothing go, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConcurrency {
    /// `max_writes` is zero.
    NoWrites,
    /// `max_reads` is zero.
    NoReads,
}

impl fmt::Display for InvalidConcurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWrites => "the limit of writes in flight is zero",
            Self::NoReads => "the limit of reads in flight is zero",
        })
    }
}

impl Error for InvalidConcurrency {}
