use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::tick::{Now, Origin, Tick};

const DAY: Duration = Duration::from_secs(86_400);

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
    origin: Origin,
    /// What it showed at the origin.
    first: SystemTime,
    /// When it is to be read again, in nanoseconds from then.
    next: AtomicU64,
    /// By how many nanoseconds it was set ahead since.
    ahead: AtomicI64,
}

impl Clock {
    /// Shows `date` now. Without a reader, it is never set.
    pub(super) fn new(reader: Option<Reader>, now: Instant, date: SystemTime) -> Self {
        let since_1970 = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        let to_midnight = DAY
            - Duration::from_secs(since_1970.as_secs() % DAY.as_secs())
            - Duration::from_nanos(u64::from(since_1970.subsec_nanos()));
        let next = if reader.is_some() { 0 } else { u64::MAX };
        Self {
            reader,
            origin: Origin::new(now, now + to_midnight),
            first: date,
            next: AtomicU64::new(next),
            ahead: AtomicI64::new(0),
        }
    }

    /// What it shows, as far as it was read.
    #[inline]
    pub(super) fn at(&self, instant: Instant) -> Now {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.origin.at(instant).ahead(ahead)
    }

    /// Whether it is time to read it.
    #[inline]
    pub(super) fn is_due(&self, now: Tick) -> bool {
        self.since_first(now) >= self.next.load(Ordering::Relaxed)
    }

    /// Reads it. Whether it was set.
    pub(super) fn read(&self, now: Tick) -> bool {
        let Some(reader) = &self.reader else {
            return false;
        };
        let since = self.since_first(now);
        let next = since.saturating_add(nanos(EACH));
        self.next.store(next, Ordering::Relaxed);
        let shows = match reader().duration_since(self.first) {
            Ok(passed) => signed(nanos(passed)),
            Err(back) => -signed(nanos(back.duration())),
        };
        let ahead = shows.saturating_sub(signed(since));
        let before = self.ahead.load(Ordering::Relaxed);
        let is_set = ahead.abs_diff(before) >= STEP.unsigned_abs();
        if is_set {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        is_set
    }

    fn since_first(&self, now: Tick) -> u64 {
        now.since(self.origin.tick()).nanos()
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
