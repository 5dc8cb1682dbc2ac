use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

use super::JobKey;
use crate::{
    classify::Classification,
    error::{BoxError, NotSent},
};

/// A poll came before its job may be asked after again. It was not sent.
///
/// Only where the layer is told to
/// [turn early polls away](super::PollPacingBuilder::turn_early_polls_away).
#[derive(Clone, Debug)]
pub struct PollTooEarly {
    job: Option<JobKey>,
    due: Instant,
}

impl PollTooEarly {
    pub(super) fn new(job: Option<JobKey>, due: Instant) -> Self {
        Self { job, due }
    }

    /// The job that was asked after.
    #[must_use]
    pub fn job(&self) -> Option<&JobKey> {
        self.job.as_ref()
    }

    /// When it may be asked after.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.due
    }
}

impl fmt::Display for PollTooEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = self.due.saturating_duration_since(Instant::now());
        match &self.job {
            Some(job) => write!(f, "job {:?} may be asked after in {wait:?}", job.as_str()),
            None => write!(f, "the job may be asked after in {wait:?}"),
        }
    }
}

impl Error for PollTooEarly {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&NotSent)
    }
}

/// The settings of a [`PollPacingLayer`](super::PollPacingLayer) make no
/// sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPollPacing {
    /// No job would be kept.
    NoJobs,
    /// A job would be forgotten at once.
    ForgetsAtOnce,
}

impl fmt::Display for InvalidPollPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoJobs => "fewer than two jobs may be kept",
            Self::ForgetsAtOnce => "jobs are forgotten at once",
        })
    }
}

impl Error for InvalidPollPacing {}

/// Why [`poll_until`](super::poll_until) ended without what the job was to
/// come to.
#[derive(Debug)]
#[non_exhaustive]
pub enum PollFailed {
    /// The job failed, or was given up.
    Job {
        /// The server's word for the state, such as `FAILED`.
        state: String,
        /// What else the server says.
        message: String,
    },
    /// The server would not tell.
    Refused(Box<Classification>),
    /// The answer could not be understood.
    Unreadable(BoxError),
    /// It could not be asked after.
    Unsent(BoxError),
    /// It takes longer than was allowed.
    Overdue {
        /// How old it was.
        age: Duration,
    },
    /// Its end was told before.
    Over,
}

impl fmt::Display for PollFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { state, message } if message.is_empty() => write!(f, "the job is {state}"),
            Self::Job { state, message } => write!(f, "the job is {state}: {message}"),
            Self::Refused(found) => write!(f, "the job may not be asked after: {found}"),
            Self::Unreadable(error) => write!(f, "the answer makes no sense: {error}"),
            Self::Unsent(error) => write!(f, "the job could not be asked after: {error}"),
            Self::Overdue { age } => write!(f, "the job is not over after {age:?}"),
            Self::Over => f.write_str("the job's end was told before"),
        }
    }
}

impl Error for PollFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(error) | Self::Unsent(error) => Some(&**error),
            _ => None,
        }
    }
}
