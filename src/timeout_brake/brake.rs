use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::Response;
use tokio::time::Instant;

use super::{
    Ended, TimedOutTooOften,
    gate::{Gate, Place},
    tally::Tally,
};
use crate::{error::BoxError, extensions::RequestContext, identity::Identity};

pub(super) type Watches = dyn Fn(Option<&RequestContext>) -> bool + Send + Sync;
pub(super) type TimedOut = dyn Fn(Ended<'_>) -> bool + Send + Sync;

/// What all services of a layer share.
pub(super) struct Brake {
    pub(super) watches: Arc<Watches>,
    timed_out: Arc<TimedOut>,
    pub(super) gate: Arc<Gate>,
    tally: Mutex<Tally>,
    /// Reads are known by two hashes: there are tokens in them.
    hashers: [RandomState; 2],
    max: usize,
}

impl Brake {
    pub(super) fn new(
        watches: Arc<Watches>,
        timed_out: Arc<TimedOut>,
        gate: Gate,
        tally: Tally,
        max: usize,
    ) -> Self {
        Self {
            watches,
            timed_out,
            gate: Arc::new(gate),
            tally: Mutex::new(tally),
            hashers: [RandomState::new(), RandomState::new()],
            max,
        }
    }

    pub(super) fn read(&self, identity: &Identity) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|it| it.hash_one(identity));
        u128::from(high) << 64 | u128::from(low)
    }

    /// Why the read is not to be sent now.
    pub(super) fn refuses(&self, read: u128, now: Instant) -> Option<TimedOutTooOften> {
        let until = self.tally().blocked(read, now)?;
        Some(TimedOutTooOften::new(self.max, until))
    }

    /// Takes in how an attempt ended.
    pub(super) fn ended<R>(
        &self,
        read: Option<u128>,
        result: &Result<Response<R>, BoxError>,
        place: Place,
    ) {
        let ended = match result {
            Ok(response) => Ended::answer(response),
            Err(error) => Ended::Failure(&**error),
        };
        if (self.timed_out)(ended) {
            let now = Instant::now();
            place.cool(now);
            let until = read.and_then(|read| self.tally().timed_out(read, now));
            if let Some(until) = until {
                tracing::warn!(
                    timeouts = self.max,
                    for_secs = until.saturating_duration_since(now).as_secs(),
                    "a read timed out too often, and is not sent for a while"
                );
            }
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brake")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
