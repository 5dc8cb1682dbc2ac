use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{Exchange, ExchangeFuture, Ledger, Notice, SharedStore, StoreError};

/// A store inside one process, for tests, simulations and benchmarks.
///
/// Clones share one state. It takes as long as it is told, and fails when it is
/// told, all in `tokio`'s time.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::shared_state::{Exchange, MemoryStore, SharedStore};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), tower_tiktok::shared_state::StoreError> {
/// let store = MemoryStore::new().round_trip(Duration::from_millis(5));
/// let reply = store.exchange(Exchange::new(1, 1, Duration::from_secs(5))).await?;
/// assert_eq!(reply.instances, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    round_trip: Duration,
    began: Instant,
}

#[derive(Debug, Default)]
struct State {
    ledger: Ledger,
    fault: Option<Fault>,
    exchanges: u64,
    listeners: Vec<mpsc::Sender<Notice>>,
}

/// What a [`MemoryStore`] does instead of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It answers with an error at once.
    Error(StoreError),
    /// It does not answer.
    Stall,
    /// It carries the exchange out, but the answer is lost.
    LoseReply,
}

/// 00:00 UTC of some day, so that the first day of a simulation is a whole one.
const MIDNIGHT: Duration = Duration::from_secs(1_767_225_600);

impl MemoryStore {
    /// An empty one that answers at once.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            round_trip: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// How long an exchange takes: half of it there, half of it back. The
    /// default is no time.
    #[must_use]
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// Fails from now on, or with `None` no longer.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// Forgets everything.
    pub fn flush(&self) {
        self.lock().ledger = Ledger::new();
    }

    /// How many exchanges it has carried out.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        self.lock().exchanges
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, exchange: Exchange) -> Result<super::Reply, StoreError> {
        self.travel().await;
        let (reply, fault) = {
            let mut state = self.lock();
            let fault = state.fault.clone();
            match &fault {
                Some(Fault::Error(error)) => (Err(error.clone()), fault),
                Some(Fault::Stall) => (Err(StoreError::stale()), fault),
                Some(Fault::LoseReply) | None => (
                    state.carry_out(&exchange, MIDNIGHT + self.began.elapsed()),
                    fault,
                ),
            }
        };
        if matches!(fault, Some(Fault::Stall | Fault::LoseReply)) {
            std::future::pending::<()>().await;
        }
        self.travel().await;
        reply
    }

    async fn travel(&self) {
        if !self.round_trip.is_zero() {
            sleep(self.round_trip / 2).await;
        }
    }
}

impl State {
    fn carry_out(
        &mut self,
        exchange: &Exchange,
        now: Duration,
    ) -> Result<super::Reply, StoreError> {
        let mut notices = Vec::new();
        let reply = self.ledger.exchange(exchange, now, &mut notices);
        self.exchanges += 1;
        for notice in notices {
            // One who does not listen misses it, as with any store.
            self.listeners.retain(|listener| {
                !matches!(
                    listener.try_send(notice.clone()),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
            });
        }
        reply
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SharedStore for MemoryStore {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        Box::pin(self.answer(exchange))
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        let (sender, receiver) = mpsc::channel(256);
        self.lock().listeners.push(sender);
        receiver
    }
}
