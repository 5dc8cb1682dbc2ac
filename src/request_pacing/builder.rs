use std::{
    fmt,
    num::NonZeroU32,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    InvalidLearned, InvalidQuota, LearnedLimit, RequestPacingLayer, Scopes, core::Settings,
};
use crate::extensions::AccountId;

const DAY: u64 = 86_400;

/// Builds a [`RequestPacingLayer`].
#[derive(Clone)]
pub struct RequestPacingBuilder<K> {
    scopes: K,
    max_queued: usize,
    ageing: Duration,
    weights: Vec<(AccountId, NonZeroU32)>,
    date: Option<SystemTime>,
    learned: Vec<LearnedLimit>,
}

impl<K: Scopes> RequestPacingBuilder<K> {
    pub(super) fn new(scopes: K) -> Self {
        Self {
            scopes,
            max_queued: 100_000,
            ageing: Duration::from_secs(10),
            weights: Vec::new(),
            date: None,
            learned: Vec::new(),
        }
    }

    /// Requests that may wait. The default is 100,000. One more fails with
    /// [`QueueFull`](super::QueueFull). Fewer fail sooner when more comes than
    /// may go; more take memory, some 500 bytes and the request each. With 0,
    /// nothing waits but for the service inside.
    #[must_use]
    pub fn max_queued(mut self, requests: usize) -> Self {
        self.max_queued = requests;
        self
    }

    /// How long a request may be passed over by those of a higher priority.
    /// From then on every second turn is for those that have waited so long;
    /// never more. The default is 10 seconds. Shorter is kinder to the low ones,
    /// and with zero they have half of the turns; longer is quicker for the
    /// high ones.
    #[must_use]
    pub fn ageing(mut self, time: Duration) -> Self {
        self.ageing = time;
        self
    }

    /// Gives an account so many turns where others have one. The default is 1.
    #[must_use]
    pub fn weight(mut self, account: impl Into<AccountId>, weight: NonZeroU32) -> Self {
        self.weights.push((account.into(), weight));
        self
    }

    /// The date now, where the clock of this machine is not that of the
    /// server: it tells when the day of a quota ends. It is the date when the
    /// layer is built, not that of this call. The default is the machine's.
    #[must_use]
    pub fn date(mut self, now: SystemTime) -> Self {
        self.date = Some(now);
        self
    }

    /// Starts with what was [learned before](super::RequestPacingHandle::learned),
    /// and not with the quotas. Never above them.
    ///
    /// # Errors
    /// When any of it makes no sense.
    pub fn learned(
        mut self,
        learned: impl IntoIterator<Item = LearnedLimit>,
    ) -> Result<Self, InvalidLearned> {
        self.learned.extend(learned);
        self.learned.iter().try_for_each(LearnedLimit::validate)?;
        Ok(self)
    }

    /// The layer.
    ///
    /// # Errors
    /// When a quota admits nothing, or its time makes no sense.
    pub fn build(self) -> Result<RequestPacingLayer, InvalidQuota> {
        self.scopes.validate()?;
        let date = self.date.unwrap_or_else(crate::wall_clock::now);
        let since_1970 = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        let to_midnight = Duration::from_secs(DAY)
            - Duration::from_secs(since_1970.as_secs() % DAY)
            - Duration::from_nanos(u64::from(since_1970.subsec_nanos()));
        let settings = Settings {
            max_queued: self.max_queued,
            ageing: self.ageing,
            midnight: Instant::now() + to_midnight,
        };
        let layer = RequestPacingLayer::new(Box::new(self.scopes), settings);
        for (account, weight) in self.weights {
            layer.handle().set_weight(account, weight);
        }
        layer.handle().pacer().import_learned(&self.learned);
        Ok(layer)
    }
}

impl<K> fmt::Debug for RequestPacingBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestPacingBuilder")
            .field("max_queued", &self.max_queued)
            .field("ageing", &self.ageing)
            .field("weights", &self.weights)
            .finish_non_exhaustive()
    }
}
