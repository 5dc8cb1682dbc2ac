use std::time::Duration;

use tokio::time::Instant;

/// What a process does while the store is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureMode {
    /// It goes on with an equal part of each limit: the limit over the number
    /// of processes that were there last.
    #[default]
    LocalShare,
    /// It uses up what it holds, until its lease ends, and then sends nothing.
    ///
    /// So a request then waits for the store, against what the
    /// [deadline](super::SharedStateBuilder::deadline) says: until it is back, however
    /// long that takes, or as long as the request itself may.
    Closed,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) lease: Duration,
    pub(super) deadline: Duration,
    pub(super) failure_mode: FailureMode,
    pub(super) instances: u32,
    /// How long a permit is kept that nobody here uses, and nobody else wants.
    pub(super) keep: Duration,
}

impl Settings {
    /// How long after an exchange the next is due, so that the lease goes on.
    pub(super) fn renew(&self) -> Duration {
        self.lease * 2 / 3
    }

    /// How long after the store was lost everybody must have noticed.
    pub(super) fn noticed(&self) -> Duration {
        (self.renew() + self.deadline).max(self.lease * 3 / 4)
    }
}

/// As in the allocation: what was sent has arrived so long after it.
const FLIGHT: Duration = Duration::from_secs(2);

/// Longer waits are not told apart: some 30 years.
pub(super) const FAR: Duration = Duration::from_secs(1_000_000_000);

/// Whatever a store says, no sum of times overflows.
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(FAR)
}

/// Between 0 and 1, of each member another, and all alike often.
pub(super) fn fraction(member: u64) -> f64 {
    let mixed = member.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    f64::from(u32::try_from(mixed).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

/// What is known about the time without a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) since: Instant,
    pub(super) closed: bool,
    pub(super) leased_until: Option<Instant>,
    pub(super) instances: u32,
    pub(super) member: u64,
    /// When this process began.
    pub(super) began: Instant,
}

impl Outage {
    /// When nothing is in a window of this length any more that anybody sent by
    /// what it held.
    pub(super) fn alone_at(&self, settings: &Settings, length: Duration) -> Instant {
        after(self.since, settings.lease + FLIGHT + length.min(FAR))
    }
}
