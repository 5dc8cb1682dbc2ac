use std::{fmt, sync::Arc, time::Duration};

use super::{InvalidPollPacing, PollPacingLayer, table::Table};

/// What all services of one layer share.
#[derive(Debug)]
pub(super) struct Shared<J> {
    pub(super) jobs: J,
    pub(super) table: Table,
    pub(super) limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_wait: Duration,
    pub(super) max_jobs: usize,
    pub(super) max_shared_bytes: usize,
    pub(super) turns_early_away: bool,
}

/// Builds a [`PollPacingLayer`].
#[derive(Clone)]
#[must_use]
pub struct PollPacingBuilder<J> {
    jobs: J,
    limits: Limits,
    forget_after: Duration,
    seed: Option<u64>,
}

impl<J> PollPacingBuilder<J> {
    pub(super) fn new(jobs: J) -> Self {
        Self {
            jobs,
            limits: Limits {
                max_wait: Duration::from_secs(15 * 60),
                max_jobs: 10_000,
                max_shared_bytes: 4 * 1024 * 1024,
                turns_early_away: false,
            },
            forget_after: Duration::from_secs(60 * 60),
            seed: None,
        }
    }

    /// How long a request may wait for what is not ready. The default is 15
    /// minutes; a request's own [`Deadline`](crate::extensions::Deadline) may
    /// be sooner. After it the last answer is handed on as it is. A shorter
    /// time tells the caller sooner, a longer one sits out longer jobs.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.limits.max_wait = max_wait;
        self
    }

    /// How many jobs are kept in mind. The default is 10,000, which takes one
    /// or two megabytes. With more than that under way, those that were not
    /// asked after for longest are forgotten, and their next poll goes at
    /// once.
    pub fn max_jobs(mut self, jobs: usize) -> Self {
        self.limits.max_jobs = jobs;
        self
    }

    /// After how long a job is forgotten that nobody asks after; at most twice
    /// that. The default is an hour. A poll after that goes at once.
    pub fn forget_after(mut self, time: Duration) -> Self {
        self.forget_after = time;
        self
    }

    /// How long an answer may be to be shared, in bytes. The default is 4 MiB.
    /// A longer one is streamed to the one who asked first, and the others
    /// ask for themselves. A larger bound shares more, and each answer takes
    /// that much memory until all have read it.
    pub fn max_shared_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_shared_bytes = bytes;
        self
    }

    /// Fails a poll that comes too early with
    /// [`PollTooEarly`](super::PollTooEarly), which says when it may come. By
    /// default it waits.
    pub fn turn_early_polls_away(mut self) -> Self {
        self.limits.turns_early_away = true;
        self
    }

    /// Makes the draws repeat themselves from run to run, for tests. The
    /// default is the generator of the thread.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If fewer than two jobs are kept, or for no time.
    pub fn build(self) -> Result<PollPacingLayer<J>, InvalidPollPacing> {
        if self.limits.max_jobs < 2 {
            return Err(InvalidPollPacing::NoJobs);
        }
        if self.forget_after.is_zero() {
            return Err(InvalidPollPacing::ForgetsAtOnce);
        }
        Ok(PollPacingLayer::new(Arc::new(Shared {
            table: Table::new(self.limits.max_jobs, self.forget_after, self.seed),
            jobs: self.jobs,
            limits: self.limits,
        })))
    }
}

impl<J> fmt::Debug for PollPacingBuilder<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollPacingBuilder")
            .field("limits", &self.limits)
            .field("forget_after", &self.forget_after)
            .finish_non_exhaustive()
    }
}
