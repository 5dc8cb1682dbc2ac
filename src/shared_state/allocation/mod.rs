//! Who holds which tokens, as pure arithmetic: no clock, no lock, no waiting.
//!
//! NOTE: `redis/script/*.lua` are the same in Lua, step by step, and
//! `tests/redis` compares the two. A change here is a change there.

mod app;
mod fill;
mod scope;
#[cfg(test)]
mod tests;
mod window;

pub use self::app::Ledger;

/// What was sent before a lease ended has arrived so long after it, in
/// milliseconds.
const FLIGHT: u64 = 2_000;

/// Where one claims what it held on its own, others will too: after as long,
/// all have.
const RECLAIM: u64 = 2_000;

/// A token may be promised so long before it is free.
const AHEAD: u64 = 2_000;

/// So long a member waits before it asks for more of a longer window: hardly any
/// of it is late, for it is promised ahead.
const LATER: u64 = 2_500;

/// How often a member may look whether others have given back.
const AGAIN: u64 = 250;

/// So long a learned part is believed.
const LEARNED: u64 = 600_000;

/// A state of which nobody spoke for so long, beyond the lease, is gone.
const KEPT: u64 = 600_000;

/// Up to so many members, the parts are computed anew at each exchange; beyond,
/// after as many milliseconds, but at least each second.
const FEW: u64 = 16;

/// A clock that goes back so far has been set: what was written down by it may
/// lie any time ahead.
const BACK: u64 = 1_000;

/// A lease is never longer, in milliseconds: so sums with it stay exact.
pub(super) const LONGEST_LEASE: u64 = 3_600_000;

/// No time is later: some 30,000 years from 1970.
const LAST: u64 = 1 << 50;

/// Named as those who should give back, at most.
const CALLED: usize = 8;

/// Where the store's numbers are still exact.
const EXACT: u64 = 1 << 53;

const DAY: u64 = 86_400_000;
