use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify, time::Instant};

use super::{
    Finding,
    builder::Settings,
    driver::{Driving, drive},
    seen::Seen,
    sinks::Sinks,
    state::{Now, State},
};
use crate::wall_clock;

/// Looks whether something is wrong.
pub(super) type Look = dyn Fn() -> Vec<Finding> + Send + Sync;

/// What layers, services and handles share.
///
/// Nothing foreign runs under a lock: neither what looks, nor a sink.
pub(super) struct Shared {
    start: Instant,
    state: Mutex<State>,
    looks: Mutex<Arc<[Arc<Look>]>>,
    sinks: Sinks,
    /// That there is news, or that all of this is gone.
    pub(super) news: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(settings: Settings, sinks: Sinks) -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::new(State::new(settings)),
            looks: Mutex::new(Arc::new([])),
            sinks,
            news: Arc::default(),
        }
    }

    /// Since this was made.
    #[inline]
    pub(super) fn since_start(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    fn now(&self) -> Now {
        Now {
            at: self.since_start(),
            wall: wall_clock::in_tokio_time,
        }
    }

    #[inline]
    pub(super) fn saw(self: &Arc<Self>, seen: &Seen<'_>) {
        let now = self.now();
        self.change(|state| state.attempt(seen, now));
    }

    pub(super) fn report(self: &Arc<Self>, finding: Finding) {
        let now = self.now();
        self.change(|state| state.report(finding, now));
    }

    /// Changes the state, and sees to it that somebody tells of it.
    #[inline]
    pub(super) fn change(self: &Arc<Self>, work: impl FnOnce(&mut State)) {
        let (start, news) = {
            let mut state = self.state();
            work(&mut state);
            let start = state.wants_driver();
            state.driven |= start;
            (start, state.has_news())
        };
        if start {
            self.start_driver();
        } else if news {
            self.news.notify_one();
        }
    }

    /// Outside a runtime nobody keeps the time; the next one inside sees to it.
    #[cold]
    fn start_driver(self: &Arc<Self>) {
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(drive(Driving::new(self)));
            }
            Err(_) => self.state().driven = false,
        }
    }

    /// Something that is watched has changed.
    #[cfg(feature = "token-refresh")]
    pub(super) fn look_now(self: &Arc<Self>) {
        self.change(|_| ());
        self.news.notify_one();
    }

    /// Somebody else tells which tokens are refused.
    #[cfg(feature = "token-refresh")]
    pub(super) fn leave_tokens(&self) {
        self.state().judges_tokens = false;
    }

    pub(super) fn watch(&self, look: Arc<Look>) {
        let mut looks = self.looks();
        *looks = looks.iter().cloned().chain([look]).collect();
        drop(looks);
        self.state().watches = true;
    }

    /// Looks at what is watched, clears what is over, and tells everyone.
    /// Returns when to do so again; if never, nobody drives this from now on.
    pub(super) fn keep(&self) -> Option<Instant> {
        self.look();
        loop {
            let (outbox, next) = {
                let mut state = self.state();
                let next = state.next_tick(self.since_start());
                let outbox = state.take_outbox();
                state.driven = next.is_some() || !outbox.is_empty();
                (outbox, next)
            };
            // Told by one task only, so that all comes in order.
            if outbox.is_empty() {
                return next.and_then(|next| self.start.checked_add(next));
            }
            outbox.iter().for_each(|alert| self.sinks.tell(alert));
        }
    }

    fn look(&self) {
        let looks = self.looks().clone();
        let found = looks.iter().flat_map(|look| {
            // Whoever panics has found nothing.
            catch_unwind(AssertUnwindSafe(|| look())).unwrap_or_default()
        });
        let found: Vec<Finding> = found.collect();
        let now = self.now();
        let mut state = self.state();
        let lasts = state.settings().short;
        for finding in found {
            let lasts = finding.lasts.unwrap_or(lasts);
            state.report(finding.with_lasting(lasts), now);
        }
        state.tick(now);
    }

    pub(super) fn settings(&self) -> Settings {
        *self.state().settings()
    }

    pub(super) fn sinks(&self) -> &Sinks {
        &self.sinks
    }

    /// Sums do not panic; if they did, they would still be sums.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looks(&self) -> MutexGuard<'_, Arc<[Arc<Look>]>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.news.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings())
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}
