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

/// The layer [drains](super::RequestPacingHandle::drain): nothing new is sent.
#[derive(Clone, Copy, Debug)]
pub struct Draining(());

impl Draining {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Draining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pacing queue takes no more requests")
    }
}

impl Error for Draining {
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
    /// It [costs](crate::extensions::RequestContext::with_cost) more than a
    /// window admits.
    Cost {
        /// The scope that the window is of.
        scope: Scope,
        /// As how many requests it counts.
        cost: u32,
        /// What the window admits.
        most: u32,
    },
}

impl fmt::Display for Inadmissible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota { invalid, .. } => write!(f, "a quota makes no sense: {invalid}"),
            Self::Cost { cost, most, .. } => {
                write!(
                    f,
                    "it counts as {cost} requests where a window admits {most}"
                )
            }
        }
    }
}

impl Error for Inadmissible {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}
