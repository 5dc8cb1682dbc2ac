use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// What this machine does to a law about time: it may stop for a while, or have
/// others to serve. Watched by a task that sleeps for a millisecond at a time:
/// in a runtime with one thread, as these tests have, no other task is ever later
/// at a time.
#[derive(Debug)]
pub(crate) struct Machine {
    beats: Arc<Mutex<Beats>>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Beats {
    last: Instant,
    /// The time that has passed, without that in which nothing ran.
    ran: Duration,
    /// The latest that a beat was.
    worst: Duration,
    /// How often it was so late that it may have cost an exchange.
    spoilt: u32,
}

const BEAT: Duration = Duration::from_millis(1);

/// Timers count in whole milliseconds, and sleep one more.
const TIMER: Duration = Duration::from_millis(2);

/// How long a process waits for its store. That the default is kept to the
/// millisecond is shown in paused time; here a busy machine must not miss it.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);

/// Each exchange that fails is followed by the next one within a second.
const AGAIN: Duration = Duration::from_millis(1_000);

impl Machine {
    pub(crate) fn watch() -> Self {
        let beats = Arc::new(Mutex::new(Beats {
            last: Instant::now(),
            ran: Duration::ZERO,
            worst: Duration::ZERO,
            spoilt: 0,
        }));
        let shared = beats.clone();
        let task = tokio::spawn(async move {
            loop {
                sleep(BEAT).await;
                shared.lock().expect("nobody panics with it").beat();
            }
        });
        Self {
            beats,
            task: task.abort_handle(),
        }
    }

    /// Whether it has run no longer than a law allows, since it is watched. What
    /// takes that long may take a few steps, with a timer each.
    pub(crate) fn ran_at_most(&self, law: Duration) -> bool {
        self.now().ran <= law + 4 * TIMER
    }

    /// The same for the return of a store: each exchange that the machine may have
    /// spoilt puts it off until the next.
    pub(crate) fn ran_until_return(&self, law: Duration) -> bool {
        let spoilt = self.now().spoilt;
        self.ran_at_most(law + spoilt * (DEADLINE + AGAIN))
    }

    /// The time that a law allows each time, and what the machine may add.
    pub(crate) fn allows(&self, law: Duration) -> Duration {
        law + 2 * (TIMER + self.worst())
    }

    /// An exchange may have failed by the machine alone.
    pub(crate) fn is_late(&self) -> bool {
        self.now().spoilt > 0
    }

    /// The part of a limit that is used by whoever is late each time that one of
    /// its tokens is free again.
    pub(crate) fn allows_use(&self, law: f64, window: Duration) -> f64 {
        law / (1.0 + 2.0 * self.worst().div_duration_f64(window))
    }

    pub(crate) fn worst(&self) -> Duration {
        self.now().worst
    }

    fn now(&self) -> MutexGuard<'_, Beats> {
        let mut beats = self.beats.lock().expect("nobody panics with it");
        // It may be late just now.
        beats.beat();
        beats
    }
}

impl Beats {
    fn beat(&mut self) {
        let now = Instant::now();
        let passed = now - self.last;
        let late = passed.saturating_sub(BEAT + TIMER);
        self.last = now;
        self.ran += passed - late;
        self.worst = self.worst.max(late);
        // The way there may take as long as the way back.
        self.spoilt += u32::from(late >= DEADLINE / 2);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.task.abort();
    }
}
