use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

use crate::request_pacing::{
    Scope, Scopes,
    core::Core,
    handle::RequestPacingHandle,
    quota::{LONGEST, SHORTEST},
    tick::Now,
};

/// What was learned of one scope, to be kept while the process is not running.
///
/// Get all of it from [`RequestPacingHandle::learned`], and give it back to
/// [`RequestPacingBuilder::learned`](crate::request_pacing::RequestPacingBuilder::learned).
/// It is plain data: store it as you like. Of a scope there is one for the
/// windows under a minute, and one for those above, as far as either was
/// learned.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::request_pacing::{LearnedLimit, Quota, RequestPacingLayer, Scope};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut kept = LearnedLimit::new(Scope::app(), Duration::from_secs(1));
/// kept.requests = Some(8);
/// kept.share = Some(0.25);
/// kept.age = Duration::from_secs(10);
/// let layer = RequestPacingLayer::builder(Quota::requests_per_second(20))
///     .learned([kept.clone()])?
///     .build()?;
/// assert_eq!(layer.handle().learned(), [kept]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearnedLimit {
    /// The scope.
    pub scope: Scope,
    /// How many requests its window admits. `None`: no fewer than its quota
    /// says.
    pub requests: Option<u32>,
    /// The length of that window.
    pub time: Duration,
    /// Which share of a round trip passes before the server counts a request.
    /// `None`: no refusal has taught it.
    pub share: Option<f64>,
    /// How long ago the limit was cut. After an hour it is taken for past, and
    /// the quota holds; add the time for which it was stored.
    pub age: Duration,
}

impl LearnedLimit {
    /// Nothing is learned yet of the window of this length, just now.
    #[must_use]
    pub fn new(scope: Scope, time: Duration) -> Self {
        Self {
            scope,
            requests: None,
            time,
            share: None,
            age: Duration::ZERO,
        }
    }

    /// Whether a layer takes it.
    ///
    /// # Errors
    /// When it admits nothing, its window is too short or too long, or the share
    /// is none.
    pub fn validate(&self) -> Result<(), InvalidLearned> {
        if self.requests == Some(0) {
            return Err(InvalidLearned::NoRequests);
        }
        if !(SHORTEST..=LONGEST).contains(&self.time) {
            return Err(InvalidLearned::Time(self.time));
        }
        match self.share {
            Some(share) if !(0.0..=1.0).contains(&share) => Err(InvalidLearned::Share(share)),
            _ => Ok(()),
        }
    }
}

/// What was kept makes no sense.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidLearned {
    /// A window admits no request.
    NoRequests,
    /// A window is shorter than 10 milliseconds or longer than a week.
    Time(Duration),
    /// A share that is not between 0 and 1.
    Share(f64),
}

impl fmt::Display for InvalidLearned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRequests => f.write_str("a learned window admits no request"),
            Self::Time(time) => write!(f, "a learned window of {time:?} is too short or too long"),
            Self::Share(share) => write!(f, "a share of {share} is not between 0 and 1"),
        }
    }
}

impl Error for InvalidLearned {}

impl RequestPacingHandle {
    /// What was learned of the limits by now, in no order. Nothing is in it of
    /// a scope that is as its quota says, nor of what was learned while the store of a
    /// shared limit was away: others may have been the reason.
    ///
    /// It visits every scope in use, and holds up requests while it does.
    #[must_use]
    pub fn learned(&self) -> Vec<LearnedLimit> {
        self.pacer().export_learned()
    }

    /// Goes on with what was learned elsewhere, or before. Never above the
    /// quotas; what is too old is not used.
    ///
    /// # Errors
    /// When any of it makes no sense. Nothing is changed then.
    pub fn set_learned(
        &self,
        learned: impl IntoIterator<Item = LearnedLimit>,
    ) -> Result<(), InvalidLearned> {
        let learned: Vec<_> = learned.into_iter().collect();
        learned.iter().try_for_each(LearnedLimit::validate)?;
        self.pacer().import_learned(&learned);
        Ok(())
    }
}

impl Core {
    pub(in crate::request_pacing) fn export_learned(&self, now: Instant) -> Vec<LearnedLimit> {
        let gates = self.gates.iter();
        let learned = gates.flat_map(|(_, gate)| gate.export_learned(|| self.scope_of(gate), now));
        learned.collect()
    }

    pub(in crate::request_pacing) fn import_learned(
        &mut self,
        learned: &[LearnedLimit],
        scopes: &dyn Scopes,
        now: Now,
    ) {
        // It has to forget, some time.
        self.refused |= !learned.is_empty();
        for kept in learned {
            if let Some(at) = self.gate_for(&kept.scope, scopes) {
                self.gate(at).import_learned(kept, now.instant);
                self.list(at, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_turned_down() {
        let kept = LearnedLimit {
            scope: Scope::app(),
            requests: Some(8),
            time: Duration::from_secs(1),
            share: Some(0.5),
            age: Duration::MAX,
        };
        assert_eq!(kept.validate(), Ok(()));
        let nothing = LearnedLimit {
            requests: Some(0),
            ..kept.clone()
        };
        assert_eq!(nothing.validate(), Err(InvalidLearned::NoRequests));
        for time in [Duration::ZERO, Duration::MAX] {
            let never = LearnedLimit {
                time,
                ..kept.clone()
            };
            assert_eq!(never.validate(), Err(InvalidLearned::Time(time)));
        }
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let none = LearnedLimit {
                share: Some(share),
                ..kept.clone()
            };
            assert!(matches!(none.validate(), Err(InvalidLearned::Share(_))));
        }
    }
}
