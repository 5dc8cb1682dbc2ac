use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{Alert, ThrottleAlertLayer, shared::Shared, sinks::Sinks};

/// When something is an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) short: Duration,
    pub(super) long: Duration,
    pub(super) threshold: f64,
    pub(super) clear_below: f64,
    pub(super) min_attempts: u64,
    pub(super) max_scopes: usize,
    pub(super) queue_age: Duration,
}

/// Builds a [`ThrottleAlertLayer`].
#[derive(Debug)]
#[must_use]
pub struct ThrottleAlertBuilder {
    settings: Settings,
    clear_below: Option<f64>,
    sinks: Sinks,
}

/// The settings of a [`ThrottleAlertLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidThrottleAlert {
    /// The short window is shorter than a second, or not shorter than the long
    /// one, or that is longer than a day.
    Windows,
    /// The threshold is not above 0, or above 1.
    Threshold,
    /// What clears an alert is not below what raises it.
    ClearAboveThreshold,
    /// No attempts, or no scopes.
    Zero,
}

// ===== impl Settings =====

impl Default for Settings {
    fn default() -> Self {
        Self {
            short: Duration::from_secs(60),
            long: Duration::from_secs(600),
            threshold: 0.05,
            clear_below: 0.025,
            min_attempts: 20,
            max_scopes: 1_000,
            queue_age: Duration::from_secs(300),
        }
    }
}

// ===== impl ThrottleAlertBuilder =====

impl ThrottleAlertBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
            clear_below: None,
            sinks: Sinks::default(),
        }
    }

    /// The two windows over which attempts are counted. The default is one
    /// minute and ten. A shorter short one tells sooner that it began and that
    /// it is over; a shorter long one takes a burst for more than it is. What
    /// is throttled for less than half the short one raises nothing.
    pub fn windows(mut self, short: Duration, long: Duration) -> Self {
        self.settings.short = short;
        self.settings.long = long;
        self
    }

    /// The share of attempts that may be refused in both windows, above 0 and
    /// up to 1. The default is 0.05. A smaller one tells of less.
    pub fn threshold(mut self, share: f64) -> Self {
        self.settings.threshold = share;
        self
    }

    /// The share below which an alert is over, in both windows. The default is
    /// half the threshold. Nearer to it, an alert comes and goes more often.
    pub fn clear_below(mut self, share: f64) -> Self {
        self.clear_below = Some(share);
        self
    }

    /// How many attempts the long window must hold before it tells anything.
    /// The default is 20. Fewer tell sooner, and more by chance.
    pub fn min_attempts(mut self, attempts: u64) -> Self {
        self.settings.min_attempts = attempts;
        self
    }

    /// How many scopes are watched at once, beside the application as a whole,
    /// and how many alerts may be up. The default is 1,000; each takes about a
    /// kilobyte. Only those that refuse are watched; what finds no place
    /// counts for the application only.
    pub fn max_scopes(mut self, scopes: usize) -> Self {
        self.settings.max_scopes = scopes;
        self
    }

    /// How long a request may wait in a queue that is
    /// [watched](super::ThrottleAlertHandle::watch). The default is five minutes.
    /// Shorter than what a bulk job takes to send, it tells of every job.
    pub fn queue_age(mut self, age: Duration) -> Self {
        self.settings.queue_age = age;
        self
    }

    /// Calls `sink` with each alert, on a thread of its own: it may take its
    /// time, and panic. When 64 alerts wait for it, the next are
    /// [lost](super::ThrottleAlertHandle::lost).
    pub fn on_alert(mut self, sink: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.sinks.add(Arc::new(sink));
        self
    }

    /// Leaves alerts out of the log. By default each is an event of `tracing`:
    /// a warning if it is raised, an error if it is critical, and information
    /// as it goes on and is cleared.
    pub fn no_log(mut self) -> Self {
        self.sinks.no_log();
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If windows, shares or numbers make no sense.
    pub fn build(self) -> Result<ThrottleAlertLayer, InvalidThrottleAlert> {
        let mut settings = self.settings;
        let (short, long) = (settings.short, settings.long);
        if short < Duration::from_secs(1) || short >= long || long > Duration::from_secs(86_400) {
            return Err(InvalidThrottleAlert::Windows);
        }
        // Written so that a number that is none is refused as well.
        if !(settings.threshold > 0.0 && settings.threshold <= 1.0) {
            return Err(InvalidThrottleAlert::Threshold);
        }
        settings.clear_below = self.clear_below.unwrap_or(settings.threshold / 2.0);
        if !(settings.clear_below > 0.0 && settings.clear_below < settings.threshold) {
            return Err(InvalidThrottleAlert::ClearAboveThreshold);
        }
        if settings.min_attempts == 0 || settings.max_scopes == 0 {
            return Err(InvalidThrottleAlert::Zero);
        }
        let shared = Shared::new(settings, self.sinks);
        Ok(ThrottleAlertLayer::watching(Arc::new(shared)))
    }
}

// ===== impl InvalidThrottleAlert =====

impl fmt::Display for InvalidThrottleAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Windows => {
                "the windows are shorter than a second, reversed, or longer than a day"
            }
            Self::Threshold => "the threshold is not above 0 and up to 1",
            Self::ClearAboveThreshold => {
                "the share that clears an alert is not between 0 and the threshold"
            }
            Self::Zero => "there must be at least one attempt and one scope",
        })
    }
}

impl Error for InvalidThrottleAlert {}
