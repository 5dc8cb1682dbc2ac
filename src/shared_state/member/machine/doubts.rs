use std::time::Duration;

use tokio::time::Instant;

use crate::shared_state::member::{scope::APART, settings::fraction};

/// Whether the store is asked if it is still there, for it cannot be heard any more.
///
/// The connections of a fleet end together, so each member asks after another time.
/// A connection that ends again and again tells little of the store: one question is
/// asked as seldom as a lease is renewed. Whatever else is asked meanwhile tells too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubts {
    due: Option<Instant>,
    /// No other question before then.
    next: Option<Instant>,
}

impl Doubts {
    /// The store is heard no longer.
    pub(super) fn arise(&mut self, member: u64, now: Instant) {
        // NOTE: not so long after the last exchange, for a fleet may have sent those as one.
        let due = now + APART.mul_f64(fraction(member));
        let due = self.next.map_or(due, |next| due.max(next));
        self.due.get_or_insert(due);
    }

    /// When it is to be asked.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// It is asked now. If for the sake of that, then not again for so long.
    pub(super) fn ask(&mut self, apart: Duration, now: Instant) {
        if self.due.take().is_some_and(|due| due <= now) {
            self.next = Some(now + apart);
        }
    }
}
