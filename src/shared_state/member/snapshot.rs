use std::{sync::Arc, time::Duration};

use crate::shared_state::{StoreError, WindowSpan};

/// What a process knows about its share.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SharedSnapshot {
    /// Its number among the members.
    pub member: u64,
    /// Whether the store is there.
    pub store: StoreStatus,
    /// Processes that were there when the store last answered.
    pub instances: u32,
    /// Exchanges that ended, well or not.
    pub exchanges: u64,
    /// Of those, which came to nothing.
    pub failures: u64,
    /// The scopes in use.
    pub scopes: Vec<SharedScope>,
}

/// Whether a store is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreStatus {
    /// It has not been asked yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not, and this process goes on by itself.
    Down {
        /// For how long.
        time: Duration,
        /// What happened first.
        error: StoreError,
    },
}

/// A process's part of a scope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SharedScope {
    /// Its name.
    pub name: Arc<str>,
    /// Its windows.
    pub windows: Vec<SharedWindow>,
}

/// A process's part of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedWindow {
    /// Which window it is.
    pub span: WindowSpan,
    /// The configured limit of all together.
    pub limit: u32,
    /// Tokens that this process holds.
    pub held: u32,
    /// What it may use now.
    pub in_force: u32,
    /// Its part, as the store has parted it last.
    pub target: u32,
    /// What it has a use for.
    pub want: u32,
}
