use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{ReportBatchingLayer, kept::Bounds};

/// What all services of one layer share.
#[derive(Debug)]
pub(super) struct Shared<D> {
    pub(super) reads: D,
    pub(super) limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) kept: Bounds,
    pub(super) max_shared_bytes: usize,
    pub(super) max_reads: usize,
    pub(super) linger: Duration,
    pub(super) max_members: usize,
}

/// Builds a [`ReportBatchingLayer`].
#[derive(Clone)]
#[must_use]
pub struct ReportBatchingBuilder<D> {
    reads: D,
    limits: Limits,
}

/// The settings of a [`ReportBatchingLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReportBatching {
    /// Fewer than two requests would be merged into one.
    NothingMerged,
    /// Answers are to be kept, but none may be.
    NothingKept,
}

impl<D> ReportBatchingBuilder<D> {
    pub(super) fn new(reads: D) -> Self {
        Self {
            reads,
            limits: Limits {
                kept: Bounds {
                    keep_for: Duration::ZERO,
                    max_answers: 1_000,
                    max_bytes: 32 * 1024 * 1024,
                },
                max_shared_bytes: 4 * 1024 * 1024,
                max_reads: 10_000,
                linger: Duration::ZERO,
                max_members: 5,
            },
        }
    }

    /// Serves the last answer to the same read for so long, with an `Age`
    /// header that tells how old it is, in seconds. Off by default: what is
    /// kept may have changed. A longer time spares more reads.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.limits.kept.keep_for = time;
        self
    }

    /// How many answers are kept. The default is 1,000. The oldest goes first.
    pub fn max_kept_answers(mut self, answers: usize) -> Self {
        self.limits.kept.max_answers = answers;
        self
    }

    /// How many bytes all answers that are kept may have together. The default
    /// is 32 MiB.
    pub fn max_kept_bytes(mut self, bytes: usize) -> Self {
        self.limits.kept.max_bytes = bytes;
        self
    }

    /// How long an answer may be to be shared, in bytes. The default is 4 MiB.
    /// A longer one is streamed to the one who asked first, and the others ask
    /// for themselves.
    pub fn max_shared_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_shared_bytes = bytes;
        self
    }

    /// How many reads that differ may be under way and known. The default is
    /// 10,000. What comes beyond that shares nothing.
    pub fn max_reads(mut self, reads: usize) -> Self {
        self.limits.max_reads = reads;
        self
    }

    /// Lets a read that could be merged wait so long for others. Off by
    /// default: each such read is later by that, and which limits a merged one
    /// counts for may be unknown. A longer time merges more.
    pub fn merge_within(mut self, linger: Duration) -> Self {
        self.limits.linger = linger;
        self
    }

    /// How many reads are merged into one at most. The default is 5.
    pub fn max_merged(mut self, reads: usize) -> Self {
        self.limits.max_members = reads;
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If fewer than two reads would be merged, or answers are to be kept and
    /// none may be.
    pub fn build(self) -> Result<ReportBatchingLayer<D>, InvalidReportBatching> {
        let Limits { kept, .. } = self.limits;
        if self.limits.max_members < 2 {
            return Err(InvalidReportBatching::NothingMerged);
        }
        if !kept.keep_for.is_zero() && (kept.max_answers == 0 || kept.max_bytes == 0) {
            return Err(InvalidReportBatching::NothingKept);
        }
        Ok(ReportBatchingLayer::new(Arc::new(Shared {
            reads: self.reads,
            limits: self.limits,
        })))
    }
}

impl<D> fmt::Debug for ReportBatchingBuilder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportBatchingBuilder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidReportBatching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingMerged => "fewer than two reads would be merged into one",
            Self::NothingKept => "answers are to be kept, but none may be",
        })
    }
}

impl Error for InvalidReportBatching {}
