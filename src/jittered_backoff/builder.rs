use std::{fmt, time::Duration};

use super::{
    Budget, ClassifyError, Delivery, Jitter, JitteredBackoffLayer, TransportErrors,
    backoff::Backoff, chance::Chance,
};
use crate::error::BoxError;

/// The bounds within which one request is sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) backoff: Backoff,
    pub(super) max_attempts: u32,
    pub(super) max_elapsed: Duration,
    pub(super) max_wait: Duration,
}

/// What all requests of a layer share.
#[derive(Debug)]
pub(super) struct Config<C> {
    pub(super) limits: Limits,
    pub(super) budget: Option<Budget>,
    pub(super) chance: Chance,
    classify_error: C,
}

impl<C: ClassifyError> Config<C> {
    pub(super) fn delivery(&self, error: &BoxError) -> Delivery {
        self.classify_error.delivery(&**error)
    }
}

/// Builds a [`JitteredBackoffLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JitteredBackoffBuilder<C = TransportErrors> {
    limits: Limits,
    budget: Option<Budget>,
    seed: Option<u64>,
    classify_error: C,
}

/// The settings of a [`JitteredBackoffLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// The base is zero, so every wait would be.
    ZeroBase,
    /// The base is above the cap.
    BaseAboveCap,
    /// Not even the first attempt is allowed.
    NoAttempts,
    /// The budget forgets everything at once.
    ZeroBudgetTtl,
    /// A request would earn more than ten resends.
    BudgetAbove1000Percent,
}

// ===== impl JitteredBackoffBuilder =====

impl JitteredBackoffBuilder {
    pub(super) fn new() -> Self {
        Self {
            limits: Limits {
                backoff: Backoff {
                    base: Duration::from_secs(1),
                    cap: Duration::from_secs(64),
                    jitter: Jitter::Full,
                },
                max_attempts: 6,
                max_elapsed: Duration::from_secs(15 * 60),
                max_wait: Duration::from_secs(330),
            },
            budget: Some(Budget::default()),
            seed: None,
            classify_error: TransportErrors,
        }
    }
}

impl<C> JitteredBackoffBuilder<C> {
    /// The first exponential step, doubled for each resend. The default is 1
    /// second. A smaller one comes back sooner after a short failure, a larger
    /// one is kinder to a server in trouble.
    pub fn base(mut self, base: Duration) -> Self {
        self.limits.backoff.base = base;
        self
    }

    /// The largest exponential step. The default is 64 seconds. A larger one
    /// is kinder in a long failure, a smaller one notices its end sooner.
    pub fn cap(mut self, cap: Duration) -> Self {
        self.limits.backoff.cap = cap;
        self
    }

    /// How chance spreads the waits. The default is [`Jitter::Full`].
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.limits.backoff.jitter = jitter;
        self
    }

    /// How often a request is sent at most, the first time included. The
    /// default is 6; with 1 nothing is ever sent again.
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.limits.max_attempts = max_attempts;
        self
    }

    /// How long after the first attempt was answered, or failed, a resend may
    /// still start. The default is 15 minutes. A shorter time tells the caller
    /// sooner, a longer one sits out more.
    pub fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.limits.max_elapsed = max_elapsed;
        self
    }

    /// The longest wait that the server may ask for. The default is 330
    /// seconds, so that a suspension of five minutes is waited out. Beyond it
    /// the request ends in [`WaitTooLong`](crate::error::WaitTooLong): never
    /// is it sent sooner than the server allows. A smaller one tells the
    /// caller sooner, a larger one sits out more.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.limits.max_wait = max_wait;
        self
    }

    /// Bounds the resends of all requests together. The default is
    /// [`Budget::default`].
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Bounds each request for itself only.
    pub fn no_budget(mut self) -> Self {
        self.budget = None;
        self
    }

    /// Makes the draws repeat themselves from run to run, for tests. Each
    /// wait still has a draw of its own. The default is the generator of the
    /// thread.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Who tells whether a request that failed can have reached the server.
    /// The default is [`TransportErrors`].
    pub fn classify_error<D: ClassifyError>(self, classify_error: D) -> JitteredBackoffBuilder<D> {
        JitteredBackoffBuilder {
            limits: self.limits,
            budget: self.budget,
            seed: self.seed,
            classify_error,
        }
    }

    /// The layer.
    ///
    /// # Errors
    /// If the base is zero or above the cap, or no attempt is allowed.
    pub fn build(self) -> Result<JitteredBackoffLayer<C>, InvalidBackoff> {
        let Backoff { base, cap, .. } = self.limits.backoff;
        if base.is_zero() {
            return Err(InvalidBackoff::ZeroBase);
        }
        if base > cap {
            return Err(InvalidBackoff::BaseAboveCap);
        }
        if self.limits.max_attempts == 0 {
            return Err(InvalidBackoff::NoAttempts);
        }
        Ok(self.finish())
    }

    pub(super) fn finish(self) -> JitteredBackoffLayer<C> {
        JitteredBackoffLayer::from_config(Config {
            limits: self.limits,
            budget: self.budget,
            chance: Chance::new(self.seed),
            classify_error: self.classify_error,
        })
    }
}

// ===== impl InvalidBackoff =====

impl fmt::Display for InvalidBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroBase => "the backoff's base is zero",
            Self::BaseAboveCap => "the backoff's base is above its cap",
            Self::NoAttempts => "the backoff allows no attempt",
            Self::ZeroBudgetTtl => "the retry budget forgets at once",
            Self::BudgetAbove1000Percent => "the retry budget is above 1000 percent",
        })
    }
}

impl std::error::Error for InvalidBackoff {}
