use std::{error::Error, fmt};

use super::{InvalidQuota, Scope};
use crate::error::NotSent;

/// As many requests wait as may. The request was not sent.
#[derive(Debug)]
pub struct QueueFull {
    queued: usize,
}

impl QueueFull {
    pub(super) fn new(queued: usize) -> Self {
        Self { queued }
    }

    /// How many requests wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pacing queue is full: {} wait", self.queued)
    }
}

impl Error for QueueFull {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

/// A request can never go as long as the quotas are as they are. It was not
/// sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inadmissible {
    /// [`Scopes`](super::Scopes) named a quota that makes no sense.
    Quota {
        /// The scope that it is of.
        scope: Scope,
        /// What is wrong with it.
        invalid: InvalidQuota,
    },
}

impl fmt::Display for Inadmissible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota { invalid, .. } => write!(f, "a quota makes no sense: {invalid}"),
        }
    }
}

impl Error for Inadmissible {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}
