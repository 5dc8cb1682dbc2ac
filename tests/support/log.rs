//! A log that a test can read.

mod listen;

use std::sync::{Arc, Mutex};

use tracing::{Level, subscriber::DefaultGuard};
use tracing_subscriber::util::SubscriberInitExt;

/// What one thread's subscriber has written.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Hears all that this thread logs, through `log` too, until the guard is
    /// dropped.
    pub(crate) fn of_this_thread(level: Level) -> (Self, DefaultGuard) {
        listen::listen();
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, subscriber.set_default())
    }

    /// What has been written since this was last called.
    pub(crate) fn take(&self) -> String {
        let written = std::mem::take(&mut *self.0.lock().expect("no panic"));
        String::from_utf8(written).expect("a log is text")
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
