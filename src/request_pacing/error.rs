use std::{error::Error, fmt};

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
