use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{
    Ended, TimeoutBrakeLayer,
    brake::{Brake, TimedOut, Watches},
    gate::Gate,
    tally::Tally,
};
use crate::extensions::RequestContext;

/// Builds a [`TimeoutBrakeLayer`].
#[derive(Clone)]
#[must_use]
pub struct TimeoutBrakeBuilder {
    watches: Arc<Watches>,
    timed_out: Arc<TimedOut>,
    all: (usize, Duration),
    same: (usize, Duration),
}

/// The settings of a [`TimeoutBrakeLayer`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTimeoutBrake {
    /// Not one read may time out, so none could be sent.
    NoTimeouts,
    /// The time within which they are counted is zero.
    ZeroTime,
}

impl TimeoutBrakeBuilder {
    pub(super) fn new(watches: Arc<Watches>) -> Self {
        Self {
            watches,
            timed_out: Arc::new(|ended| ended.is_timeout()),
            all: (9, Duration::from_secs(10)),
            same: (3, Duration::from_secs(600)),
        }
    }

    /// What counts as a timeout. The default is [`Ended::is_timeout`].
    pub fn timed_out<F>(mut self, timed_out: F) -> Self
    where
        F: Fn(Ended<'_>) -> bool + Send + Sync + 'static,
    {
        self.timed_out = Arc::new(timed_out);
        self
    }

    /// How many reads may time out within this time. The default is 9 within
    /// 10 seconds. No more are under way at once: any of them may time out.
    /// A smaller number, and a longer time, is kinder to the server; a larger
    /// number lets more reads go at once.
    ///
    /// Each process counts for itself. Where several share what the server
    /// counts, give each its part.
    pub fn at_most(mut self, timeouts: usize, within: Duration) -> Self {
        self.all = (timeouts, within);
        self
    }

    /// How often the same read may time out within this time. After that it is
    /// not sent for as long. The default is 3 times within 10 minutes. Fewer
    /// give up sooner on what may only have had bad luck; more ask in vain more
    /// often.
    pub fn same_at_most(mut self, timeouts: usize, within: Duration) -> Self {
        self.same = (timeouts, within);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// If a number or a time is zero.
    pub fn build(self) -> Result<TimeoutBrakeLayer, InvalidTimeoutBrake> {
        let ((places, hold), (max, within)) = (self.all, self.same);
        if places == 0 || max == 0 {
            return Err(InvalidTimeoutBrake::NoTimeouts);
        }
        if hold.is_zero() || within.is_zero() {
            return Err(InvalidTimeoutBrake::ZeroTime);
        }
        Ok(TimeoutBrakeLayer::new(Arc::new(Brake::new(
            self.watches,
            self.timed_out,
            Gate::new(places, hold),
            Tally::new(max, within),
            max,
        ))))
    }
}

impl fmt::Debug for TimeoutBrakeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutBrakeBuilder")
            .field("all", &self.all)
            .field("same", &self.same)
            .finish_non_exhaustive()
    }
}

impl TimeoutBrakeLayer {
    /// A layer with all defaults, for the reads of which `watches` says so.
    pub fn builder<F>(watches: F) -> TimeoutBrakeBuilder
    where
        F: Fn(Option<&RequestContext>) -> bool + Send + Sync + 'static,
    {
        TimeoutBrakeBuilder::new(Arc::new(watches))
    }
}

impl fmt::Display for InvalidTimeoutBrake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTimeouts => "not one read may time out, so none could be sent",
            Self::ZeroTime => "the time within which timeouts are counted is zero",
        })
    }
}

impl Error for InvalidTimeoutBrake {}
