use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
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
    /// In microseconds.
    worst: Arc<AtomicU64>,
    beat: AbortHandle,
}

const BEAT: Duration = Duration::from_millis(1);

/// Timers count in whole milliseconds, and sleep one more.
const TIMER: Duration = Duration::from_millis(2);

impl Machine {
    pub(crate) fn watch() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let beats = worst.clone();
        let beat = tokio::spawn(async move {
            loop {
                let before = Instant::now();
                sleep(BEAT).await;
                let late = before.elapsed().saturating_sub(BEAT + TIMER);
                beats.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        Self {
            worst,
            beat: beat.abort_handle(),
        }
    }

    /// The time that a law allows, and what the machine adds each of so many
    /// times.
    pub(crate) fn allows(&self, law: Duration, times: u32) -> Duration {
        law + times * (TIMER + self.worst())
    }

    /// The part of a limit that is used by whoever is late each time that one of
    /// its tokens is free again.
    pub(crate) fn allows_use(&self, law: f64, window: Duration) -> f64 {
        law / (1.0 + 2.0 * self.worst().div_duration_f64(window))
    }

    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.beat.abort();
    }
}
