use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// How often it is read, while requests come.
const EACH: Duration = Duration::from_secs(1);
/// What it was set by less than this, the margin at midnight covers.
const STEP: i64 = 1_000_000_000;

/// Tells the time of day.
pub(super) type Reader = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The clock that tells the day. It may be set, and it goes on while the
/// machine sleeps, which no instant tells.
pub(super) struct Clock {
    reader: Option<Reader>,
    /// What it showed at first, and when.
    first: (Instant, SystemTime),
    /// When it is to be read again, in nanoseconds from then.
    next: AtomicU64,
    /// By how many nanoseconds it was set ahead since.
    ahead: AtomicI64,
}

impl Clock {
    /// Without a reader, it is never set.
    pub(super) fn new(reader: Option<Reader>, first: (Instant, SystemTime)) -> Self {
        let next = if reader.is_some() { 0 } else { u64::MAX };
        Self {
            reader,
            first,
            next: AtomicU64::new(next),
            ahead: AtomicI64::new(0),
        }
    }

    #[inline]
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Whether it is time to read it.
    #[inline]
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        next < u64::MAX && self.since_first(now) >= next
    }

    /// Reads it. Whether it was set.
    pub(super) fn read(&self, now: Instant) -> bool {
        let Some(reader) = &self.reader else {
            return false;
        };
        let since = self.since_first(now);
        let next = since.saturating_add(nanos(EACH));
        self.next.store(next, Ordering::Relaxed);
        let shows = match reader().duration_since(self.first.1) {
            Ok(passed) => signed(nanos(passed)),
            Err(back) => -signed(nanos(back.duration())),
        };
        let ahead = shows.saturating_sub(signed(since));
        let is_set = ahead.abs_diff(self.ahead()) >= STEP.unsigned_abs();
        if is_set {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        is_set
    }

    fn since_first(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.first.0))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn signed(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("ahead", &self.ahead)
            .finish_non_exhaustive()
    }
}
