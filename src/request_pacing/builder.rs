use std::{
    fmt,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    InvalidLearned, InvalidQuota, LearnedLimit, RequestPacingLayer, Scopes,
    clock::{Clock, Reader},
    core::Settings,
};
use crate::extensions::AccountId;

/// Where one call in a hundred is lost, this costs less than one percent.
const LOST_AFTER: Duration = Duration::from_secs(120);

/// As good as for ever, and clocks can reckon with it.
const LONGEST_AGEING: Duration = Duration::from_secs(365 * 86_400);

/// Builds a [`RequestPacingLayer`].
#[derive(Clone)]
pub struct RequestPacingBuilder<K> {
    scopes: K,
    max_queued: usize,
    ageing: Duration,
    lost_after: Duration,
    weights: Vec<(AccountId, NonZeroU32)>,
    date: Option<SystemTime>,
    clock: Reader,
    learned: Vec<LearnedLimit>,
    #[cfg(feature = "shared-state")]
    shared: Option<crate::shared_state::SharedState>,
}

impl<K: Scopes> RequestPacingBuilder<K> {
    pub(super) fn new(scopes: K) -> Self {
        Self {
            scopes,
            max_queued: 100_000,
            ageing: Duration::from_secs(10),
            lost_after: LOST_AFTER,
            weights: Vec::new(),
            date: None,
            clock: Arc::new(crate::wall_clock::in_tokio_time),
            learned: Vec::new(),
            #[cfg(feature = "shared-state")]
            shared: None,
        }
    }

    /// Requests that may wait. The default is 100,000. One more fails with
    /// [`QueueFull`](super::QueueFull). Fewer fail sooner when more comes than
    /// may go; more take memory, some 500 bytes and the request each. With 0,
    /// nothing waits but for the service inside, and not many for that: those
    /// that it keeps for a tenth of a second count as well.
    #[must_use]
    pub fn max_queued(mut self, requests: usize) -> Self {
        self.max_queued = requests;
        self
    }

    /// How long a request may be passed over by those of a higher priority.
    /// From then on every second turn is for those that have waited so long;
    /// never more. The default is 10 seconds. Shorter is kinder to the low ones,
    /// and with zero they have half of the turns; longer is quicker for the
    /// high ones; more than a year is a year. A request with a
    /// [`Patience`](crate::extensions::Patience) that is shorter has aged after
    /// that.
    #[must_use]
    pub fn ageing(mut self, time: Duration) -> Self {
        self.ageing = time.min(LONGEST_AGEING);
        self
    }

    /// How long after it was sent a call may still arrive whose answer nobody
    /// saw: its caller is gone, a timeout gave it up, or its connection broke.
    /// The default is two minutes. It keeps its place in windows of a minute and
    /// more for so long, and then for the length of the window.
    ///
    /// It is to be no shorter than the network, and whatever stands between, may
    /// keep a request back. Shorter makes room again sooner, and a call that
    /// arrives later than that is one too many; longer costs a place for longer
    /// with each call that is lost. Windows under a minute do not wait for it.
    #[must_use]
    pub fn lost_after(mut self, time: Duration) -> Self {
        self.lost_after = time;
        self
    }

    /// Gives an account so many turns where others have one. The default is 1.
    #[must_use]
    pub fn weight(mut self, account: impl Into<AccountId>, weight: NonZeroU32) -> Self {
        self.weights.push((account.into(), weight));
        self
    }

    /// The date when the layer is built, for tests: it tells when the day of a
    /// quota ends. From then on it goes with the time of the runtime, and no
    /// [clock](Self::clock) is read.
    #[must_use]
    pub fn date(mut self, now: SystemTime) -> Self {
        self.date = Some(now);
        self
    }

    /// Tells the time of day, where the clock of this machine is not that of
    /// the server: it tells when the day of a quota ends. The default is the
    /// machine's. It is read once a second, while requests come, so it may be
    /// set, and the machine may sleep. If it is set back across midnight, the
    /// day that is not over yet counts as full.
    ///
    /// It is called outside all locks, and must be quick.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
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

    /// Shares the limits with other processes, each of which has a part of
    /// them, but for scopes that are [not shared](Scopes::is_shared). The default
    /// is that this process has them alone. See
    /// [`shared_state`](crate::shared_state).
    #[cfg(feature = "shared-state")]
    #[must_use]
    pub fn shared(mut self, state: impl Into<crate::shared_state::SharedState>) -> Self {
        self.shared = Some(state.into());
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// When a quota admits nothing, or its time makes no sense.
    pub fn build(self) -> Result<RequestPacingLayer, InvalidQuota> {
        self.scopes.validate()?;
        let date = self.date.unwrap_or_else(|| (self.clock)());
        let reader = self.date.is_none().then_some(self.clock);
        let clock = Clock::new(reader, Instant::now(), date);
        let settings = Settings {
            max_queued: self.max_queued,
            ageing: self.ageing,
            lost_after: self.lost_after,
        };
        let layer = RequestPacingLayer::new(Box::new(self.scopes), settings, clock);
        #[cfg(feature = "shared-state")]
        if let Some(state) = &self.shared {
            layer.share(state);
        }
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
            .field("lost_after", &self.lost_after)
            .field("weights", &self.weights)
            .finish_non_exhaustive()
    }
}
