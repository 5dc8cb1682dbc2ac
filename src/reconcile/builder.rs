use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::ReconcileLayer;
use crate::jittered_backoff::{Backoff, Chance, Jitter};

/// What all requests of a layer share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) hook: H,
    pub(super) settings: Settings,
    pub(super) chance: Chance,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) ask_after: Duration,
    pub(super) settle: Duration,
    pub(super) ask_timeout: Duration,
    pub(super) attempts: u32,
    pub(super) max_resends: u32,
    pub(super) body_limit: usize,
    pub(super) backoff: Backoff,
}

/// Builds a [`ReconcileLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ReconcileBuilder<H> {
    hook: H,
    settings: Settings,
    seed: Option<u64>,
}

/// The settings of a [`ReconcileLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReconcile {
    /// Nothing would ever be asked.
    NoAttempts,
    /// No answer could come in time.
    ZeroAskTimeout,
}

// ===== impl ReconcileBuilder =====

impl<H> ReconcileBuilder<H> {
    pub(super) fn new(hook: H) -> Self {
        Self {
            hook,
            settings: Settings {
                ask_after: Duration::from_secs(1),
                settle: Duration::from_secs(60),
                ask_timeout: Duration::from_secs(15 * 60),
                attempts: 5,
                max_resends: 3,
                body_limit: 64 * 1024,
                backoff: Backoff {
                    base: Duration::from_secs(1),
                    cap: Duration::from_secs(64),
                    jitter: Jitter::Full,
                },
            },
            seed: None,
        }
    }

    /// How long after the attempt was given up to ask for the first time. The
    /// default is 1 second.
    ///
    /// A shorter time answers the caller sooner where the write was carried
    /// out at once, a longer one asks less often in vain.
    pub fn ask_after(mut self, time: Duration) -> Self {
        self.settings.ask_after = time;
        self
    }

    /// How long after the attempt was given up the write may still be carried
    /// out. A "no" that was asked for earlier counts for nothing, and it is
    /// asked again then. The default is 60 seconds: what still holds a request
    /// that nobody waits for is a gateway, and these give up after 60 seconds
    /// where nobody has said otherwise.
    ///
    /// **With a shorter time, a write that comes late is carried out twice.** A
    /// longer one keeps the caller waiting, but only of a write that was not
    /// carried out.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settings.settle = time;
        self
    }

    /// How long one question may take. The default is 15 minutes, so that what
    /// it sends can wait out a suspension; then it has failed.
    ///
    /// A shorter time gives up sooner, a longer one sits out more.
    pub fn ask_timeout(mut self, time: Duration) -> Self {
        self.settings.ask_timeout = time;
        self
    }

    /// How often asking may be tried in vain, until the outcome stays unknown.
    /// Between two tries there is an exponential backoff with full jitter, from
    /// 1 to 64 seconds. The default is 5.
    ///
    /// A smaller number gives up sooner, a larger one sits out more.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = attempts;
        self
    }

    /// How often a write is sent again that was not carried out. Each time it
    /// goes through everything inside, with attempts of its own. The default is
    /// 3; with 0 it is asked, and never sent again.
    pub fn max_resends(mut self, resends: u32) -> Self {
        self.settings.max_resends = resends;
        self
    }

    /// The largest body of a write that is asked about, in bytes. The default
    /// is 64 KiB. What is larger stays in doubt; a larger limit holds as much
    /// more memory while it asks.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Makes the draws repeat themselves from run to run, for tests. The
    /// default is the generator of the thread.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If nothing may be asked, or no question may take any time.
    pub fn build(self) -> Result<ReconcileLayer<H>, InvalidReconcile> {
        if self.settings.attempts == 0 {
            return Err(InvalidReconcile::NoAttempts);
        }
        if self.settings.ask_timeout.is_zero() {
            return Err(InvalidReconcile::ZeroAskTimeout);
        }
        Ok(self.finish())
    }

    pub(super) fn finish(self) -> ReconcileLayer<H> {
        ReconcileLayer {
            shared: Arc::new(Shared {
                hook: self.hook,
                settings: self.settings,
                chance: Chance::new(self.seed),
            }),
        }
    }
}

// ===== impl InvalidReconcile =====

impl fmt::Display for InvalidReconcile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAttempts => "no attempt at asking is allowed",
            Self::ZeroAskTimeout => "the time for one question is zero",
        })
    }
}

impl Error for InvalidReconcile {}
