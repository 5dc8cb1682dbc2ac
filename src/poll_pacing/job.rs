use std::{sync::Arc, time::Duration};

use http::Request;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::Spacing;

/// Keys that are longer are not kept.
const MAX_KEY: usize = 256;

/// Names one job of the server's, so that the polls of it are known for what
/// they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobKey(SmolStr);

impl JobKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for JobKey {
    fn from(key: T) -> Self {
        Self(SmolStr::new(key))
    }
}

/// What a request waits for, and how often it may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    key: Option<JobKey>,
    spacing: Spacing,
}

impl Job {
    /// A job that requests ask after one by one: they are polls. All of one
    /// key share their spacing, and identical ones in flight share one answer.
    ///
    /// A key of more than 256 bytes is not kept, and its requests wait each
    /// for itself.
    #[must_use]
    pub fn polled(key: impl Into<JobKey>, spacing: Spacing) -> Self {
        let key = key.into();
        Self {
            key: (key.as_str().len() <= MAX_KEY).then_some(key),
            spacing,
        }
    }

    /// Something that the request only needs, such as a file that is still
    /// being converted. It is sent at once, alone, and again while the answer
    /// is that it is not ready.
    #[must_use]
    pub fn needed(spacing: Spacing) -> Self {
        Self { key: None, spacing }
    }

    /// The key, if requests share it.
    #[must_use]
    pub fn key(&self) -> Option<&JobKey> {
        self.key.as_ref()
    }

    /// How often it may be asked after.
    #[must_use]
    pub fn spacing(&self) -> &Spacing {
        &self.spacing
    }
}

/// Tells which request waits for which job. Also any function from a request
/// to a [`Job`].
///
/// It is asked for every request, so it should be quick to say no.
pub trait Jobs<B> {
    /// The job that the request waits for, if it waits for one.
    fn job_of(&self, request: &Request<B>) -> Option<Job>;
}

impl<B, F> Jobs<B> for F
where
    F: Fn(&Request<B>) -> Option<Job>,
{
    fn job_of(&self, request: &Request<B>) -> Option<Job> {
        self(request)
    }
}

impl<B, J: Jobs<B> + ?Sized> Jobs<B> for Arc<J> {
    fn job_of(&self, request: &Request<B>) -> Option<Job> {
        (**self).job_of(request)
    }
}

/// When the job began that a request asks after. Set by the caller in the
/// request's extensions, if it knows: then the first poll waits until the job
/// can be over. Otherwise the first poll goes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobBegan {
    at: Instant,
    is_on_time: bool,
}

impl JobBegan {
    /// The job began at this instant.
    #[must_use]
    pub fn at_instant(instant: Instant) -> Self {
        Self {
            at: instant,
            is_on_time: false,
        }
    }

    /// The job began this long ago.
    #[must_use]
    pub fn ago(age: Duration) -> Self {
        let now = Instant::now();
        Self::at_instant(now.checked_sub(age).unwrap_or(now))
    }

    /// The instant.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Whoever sends it has waited already, as its spacing has it.
    pub(super) fn on_time(mut self) -> Self {
        self.is_on_time = true;
        self
    }

    pub(super) fn is_on_time(&self) -> bool {
        self.is_on_time
    }
}
