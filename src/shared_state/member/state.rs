use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    FailureMode, SharedScope, SharedSnapshot, SharedWindow, Sharer, StoreStatus, driver,
    machine::{Machine, Store},
    settings::Settings,
};
use crate::{
    extensions::RequestContext,
    shared_state::{SharedStore, StoreError, StoreErrorKind},
};

/// One process's part in what several share, for the layers to join.
///
/// Clones are one member. Processes that share limits each make one, with the
/// same store.
#[derive(Clone)]
pub struct SharedState {
    shared: Arc<Shared>,
}

/// Builds a [`SharedState`].
#[derive(Debug)]
pub struct SharedStateBuilder {
    store: Arc<dyn SharedStore>,
    settings: Settings,
}

/// A layer's place in a [`SharedState`]. The state lasts as long as one is
/// there.
#[derive(Clone, Debug)]
pub struct Membership {
    shared: Arc<Shared>,
}

/// The settings of a [`SharedState`] make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSharedState {
    /// The lease is shorter than a second, or longer than an hour.
    Lease(Duration),
    /// The deadline is zero, longer than a quarter of the lease, or longer than
    /// a second.
    Deadline(Duration),
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn SharedStore>,
    pub(super) settings: Settings,
    pub(super) machine: Mutex<Machine>,
    pub(super) sharers: Mutex<Vec<Weak<dyn Sharer>>>,
    pub(super) calls: Arc<Notify>,
    pub(super) driven: AtomicBool,
}

/// An exchange that is given up must have arrived, if it does, before a store
/// frees what it was about.
const LONGEST_DEADLINE: Duration = Duration::from_secs(1);

/// Longer than it takes an app to come back to most of its accounts.
const KEEP: Duration = Duration::from_secs(30);

// ===== impl SharedState =====

impl SharedState {
    /// The state of processes that share this store.
    #[must_use]
    pub fn builder(store: impl SharedStore) -> SharedStateBuilder {
        SharedStateBuilder {
            store: Arc::new(store),
            settings: Settings {
                lease: Duration::from_secs(5),
                deadline: Duration::from_millis(50),
                failure_mode: FailureMode::LocalShare,
                instances: 1,
                keep: KEEP,
            },
        }
    }

    /// Lets a layer share its limits. It is forgotten when it is dropped.
    #[must_use]
    pub fn join(&self, sharer: Weak<dyn Sharer>) -> Membership {
        self.shared.sharers().push(sharer);
        Membership {
            shared: self.shared.clone(),
        }
    }

    /// What this process holds, and whether the store is there.
    #[must_use]
    pub fn snapshot(&self) -> SharedSnapshot {
        self.shared.snapshot()
    }

    /// Gives back what this process holds and has no use for, now and not when
    /// it has not used it for a second, or when its lease ends: the last thing
    /// to do for one that ends. What was sent counts until it has left its
    /// window; what is under way, or waits, keeps what it has, so it is best done
    /// first. Who sends after that shares anew.
    ///
    /// It takes as long as its exchanges, and goes on if nobody waits for it.
    ///
    /// # Errors
    /// When the store is away: then all comes back with the lease.
    ///
    /// # Example
    /// ```
    /// use tower_tiktok::shared_state::{MemoryStore, SharedState};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_tiktok::shared_state::StoreError> {
    /// let state = SharedState::from(MemoryStore::new());
    /// // ... layers share by it, and all that they had to do is done.
    /// state.leave().await?;
    /// assert!(state.snapshot().scopes.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leave(&self) -> Result<(), StoreError> {
        let (leaver, left) = oneshot::channel();
        {
            let mut machine = self.shared.machine();
            if machine.scopes().next().is_none() {
                // Nothing was asked for yet.
                return Ok(());
            }
            machine.leave(leaver);
        }
        // Its runtime may have ended before us.
        self.shared.call();
        let ended = || Err(StoreError::new(StoreErrorKind::Unreachable));
        left.await.unwrap_or_else(|_| ended())
    }
}

impl fmt::Debug for SharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

/// The state of processes that share this store, with the default settings.
impl<S: SharedStore> From<S> for SharedState {
    fn from(store: S) -> Self {
        let built = Self::builder(store).build();
        built.expect("the defaults are sound")
    }
}

// ===== impl Membership =====

impl Membership {
    /// Somebody waits where nothing is left, or there is news: the state should
    /// look at once. Cheap; the first call starts a task.
    ///
    /// # Panics
    /// When it would start the task, and is outside a Tokio runtime.
    pub fn call(&self) {
        self.shared.call();
    }

    /// A request with this context waits for this layer, and for all others that share
    /// by this state next: tells them, before [`call`](Self::call) asks the store. So
    /// permits should be outside of what paces. A layer that it has passed already, or
    /// never comes to, keeps a token for it for some seconds.
    pub fn foresee(&self, context: Option<&RequestContext>) {
        let now = Instant::now();
        let sharers = self.shared.joined();
        sharers.iter().for_each(|it| it.foresee(context, now));
    }

    /// Whether it may be called from here.
    #[cfg(any(feature = "per-account-concurrency", feature = "request-pacing"))]
    pub(crate) fn is_callable(&self) -> bool {
        self.shared.driven.load(Ordering::Acquire) || Handle::try_current().is_ok()
    }

    /// What this process holds, and whether the store is there.
    #[must_use]
    pub fn snapshot(&self) -> SharedSnapshot {
        self.shared.snapshot()
    }
}

// ===== impl SharedStateBuilder =====

impl SharedStateBuilder {
    /// How long a process may use what it holds without hearing from the store.
    /// The default is 5 seconds. A shorter lease brings back sooner what a dead
    /// process held, and takes more exchanges; a longer one bears a longer
    /// failure of the store without any change. From a second to an hour.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.settings.lease = time;
        self
    }

    /// How long the store may take to answer. The default is 50 milliseconds. A
    /// request that finds nothing left waits no longer for it, but with
    /// [`FailureMode::Closed`]. It must be
    /// longer than the way there and back, and at most a second and a quarter of
    /// the lease.
    #[must_use]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.settings.deadline = time;
        self
    }

    /// What to do while the store is away. The default is
    /// [`FailureMode::LocalShare`].
    #[must_use]
    pub fn failure_mode(mut self, mode: FailureMode) -> Self {
        self.settings.failure_mode = mode;
        self
    }

    /// How many processes there are at least, until the store has told for as long
    /// as a lease. The default is 1. A process that starts while the store is away
    /// takes the limit over this number.
    #[must_use]
    pub fn assume_instances(mut self, instances: u32) -> Self {
        self.settings.instances = instances.max(1);
        self
    }

    /// Makes it. It asks the store when a layer first needs it.
    ///
    /// # Errors
    /// When a time makes no sense.
    pub fn build(self) -> Result<SharedState, InvalidSharedState> {
        let Settings {
            lease, deadline, ..
        } = self.settings;
        if !(Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&lease) {
            return Err(InvalidSharedState::Lease(lease));
        }
        if deadline.is_zero() || deadline > (lease / 4).min(LONGEST_DEADLINE) {
            return Err(InvalidSharedState::Deadline(deadline));
        }
        let machine = Machine::new(rand::random(), self.settings, Instant::now());
        let shared = Shared {
            store: self.store,
            settings: self.settings,
            machine: Mutex::new(machine),
            sharers: Mutex::default(),
            calls: Arc::new(Notify::new()),
            driven: AtomicBool::new(false),
        };
        Ok(SharedState {
            shared: Arc::new(shared),
        })
    }
}

// ===== impl Shared =====

impl Shared {
    /// Has the driver look at once; the first call starts it.
    fn call(self: &Arc<Self>) {
        self.calls.notify_one();
        if self.driven.load(Ordering::Acquire) {
            return;
        }
        // First whatever may panic: the next call is to start it then.
        let runtime = Handle::current();
        if !self.driven.swap(true, Ordering::AcqRel) {
            runtime.spawn(driver::drive(Arc::downgrade(self)));
        }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sharers(&self) -> MutexGuard<'_, Vec<Weak<dyn Sharer>>> {
        self.sharers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> SharedSnapshot {
        let now = Instant::now();
        let machine = self.machine();
        let store = match &machine.store {
            Store::Unknown => StoreStatus::Unknown,
            Store::Up { .. } => StoreStatus::Up,
            Store::Down { since, error } => StoreStatus::Down {
                time: now.saturating_duration_since(*since),
                error: error.clone(),
            },
        };
        let scopes = machine.scopes().map(|scope| {
            let windows = scope.windows.iter().enumerate().map(|(at, window)| {
                let applied = scope
                    .applied
                    .as_ref()
                    .and_then(|share| share.limits.get(at));
                SharedWindow {
                    span: window.demand.span,
                    limit: window.demand.limit,
                    held: window.held,
                    in_force: applied.map_or(0, |(_, limit)| *limit),
                    target: window.target,
                    want: window.want,
                }
            });
            SharedScope {
                name: scope.name.clone(),
                windows: windows.collect(),
            }
        });
        SharedSnapshot {
            member: machine.id(),
            store,
            instances: machine.instances,
            exchanges: machine.exchanges,
            failures: machine.failures,
            scopes: scopes.collect(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The task finds nothing, and ends.
        self.calls.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedState")
            .field("store", &self.store)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

// ===== impl InvalidSharedState =====

impl fmt::Display for InvalidSharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(time) => write!(f, "a lease of {time:?} is too short or too long"),
            Self::Deadline(time) => {
                write!(
                    f,
                    "a deadline of {time:?} is zero or too long for the lease"
                )
            }
        }
    }
}

impl std::error::Error for InvalidSharedState {}
