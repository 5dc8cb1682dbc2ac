use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// How late this machine is: the worst that a sleep of a millisecond was. What
/// a law says of time holds beside that.
///
/// In a runtime with one thread no other task is ever later at a time.
#[derive(Debug)]
pub(crate) struct Machine {
    beats: Arc<Mutex<Beats>>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Beats {
    last: Instant,
    worst: Duration,
}

const BEAT: Duration = Duration::from_millis(1);

/// Timers count in whole milliseconds, and sleep one more.
const TIMER: Duration = Duration::from_millis(2);

/// The shortest deadline.
pub(crate) const DEADLINE: Duration = Duration::from_millis(50);

impl Machine {
    pub(crate) fn watch() -> Self {
        let beats = Arc::new(Mutex::new(Beats {
            last: Instant::now(),
            worst: Duration::ZERO,
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

    /// The time that a law allows, and what the machine adds each of so many
    /// times.
    pub(crate) fn allows(&self, law: Duration, times: u32) -> Duration {
        law + times * (TIMER + self.worst())
    }

    /// The time within which a store is found again. It is tried each second, and
    /// a machine that is later than the deadline may spoil as many tries.
    pub(crate) fn allows_return(&self, law: Duration) -> Duration {
        let spoilt = self.worst().div_duration_f64(DEADLINE) as u32;
        self.allows(law, 4) + Duration::from_secs(spoilt.into())
    }

    /// A machine that is later than the shortest deadline: its server may be later
    /// than any.
    pub(crate) fn is_late(&self) -> bool {
        self.worst() >= DEADLINE
    }

    /// The part of a limit that is used by whoever is late each time that one of
    /// its tokens is free again.
    pub(crate) fn allows_use(&self, law: f64, window: Duration) -> f64 {
        law / (1.0 + 2.0 * self.worst().div_duration_f64(window))
    }

    pub(crate) fn worst(&self) -> Duration {
        let mut beats = self.beats.lock().expect("nobody panics with it");
        // It may be late just now.
        beats.beat();
        beats.worst
    }
}

impl Beats {
    fn beat(&mut self) {
        let now = Instant::now();
        let late = (now - self.last).saturating_sub(BEAT + TIMER);
        self.worst = self.worst.max(late);
        self.last = now;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.task.abort();
    }
}
