use http::Method;

use crate::extensions::{Operation, RequestContext};

/// How many requests of one account may be in flight at once.
///
/// # Example
/// ```
/// use tower_tiktok::per_account_concurrency::Limits;
///
/// let limits = Limits::default().with_max_writes(4);
/// assert_eq!((limits.max_writes(), limits.max_reads()), (4, 8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    writes: u32,
    reads: u32,
}

impl Limits {
    /// Lets nothing go. What arrives waits, until the limit is raised or its
    /// deadline passes.
    #[must_use]
    pub fn paused() -> Self {
        Self {
            writes: 0,
            reads: 0,
        }
    }

    /// Writes in flight at once. The default is 2. More are quicker as long as
    /// the server works on them side by side; fewer meet fewer conflicts.
    /// 0 lets every write wait.
    #[must_use]
    pub fn with_max_writes(mut self, writes: u32) -> Self {
        self.writes = writes;
        self
    }

    /// Reads in flight at once. The default is 8. More let one account take
    /// more of the connections that all share. 0 lets every read wait.
    #[must_use]
    pub fn with_max_reads(mut self, reads: u32) -> Self {
        self.reads = reads;
        self
    }

    /// Writes in flight at once.
    #[must_use]
    pub fn max_writes(&self) -> u32 {
        self.writes
    }

    /// Reads in flight at once.
    #[must_use]
    pub fn max_reads(&self) -> u32 {
        self.reads
    }

    #[inline]
    pub(super) fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Read => self.reads,
            Kind::Write => self.writes,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            writes: 2,
            reads: 8,
        }
    }
}

/// Reads and writes of an account are counted, and queue, apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

impl Kind {
    #[inline]
    pub(super) fn of(method: &Method, context: Option<&RequestContext>) -> Self {
        let read = match context {
            Some(context) => context.operation().is_read(),
            None => Operation::from_method(method).is_read(),
        };
        if read { Self::Read } else { Self::Write }
    }
}
