use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tokio::sync::broadcast;

use super::{Alert, AlertState, Severity};

/// As many alerts wait for one who takes his time.
const MAX_WAITING: usize = 64;

type Sink = Arc<dyn Fn(&Alert) + Send + Sync>;

/// Who hears of alerts.
pub(super) struct Sinks {
    callbacks: Vec<Callback>,
    subscribers: broadcast::Sender<Alert>,
    log: bool,
    /// Alerts that somebody did not hear of.
    lost: Arc<AtomicU64>,
}

/// A callback, on a thread of its own: whatever it does there, it keeps nobody
/// else.
struct Callback {
    sink: Sink,
    /// To the thread, once there is one.
    queue: Mutex<Option<SyncSender<Alert>>>,
}

// ===== impl Sinks =====

impl Sinks {
    pub(super) fn add(&mut self, sink: Sink) {
        self.callbacks.push(Callback {
            sink,
            queue: Mutex::new(None),
        });
    }

    pub(super) fn no_log(&mut self) {
        self.log = false;
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Alert> {
        self.subscribers.subscribe()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Tells everyone, and waits for nobody.
    pub(super) fn tell(&self, alert: &Alert) {
        #[cfg(feature = "metrics")]
        self.guarded(|| crate::metrics::alert(alert));
        if self.log {
            self.guarded(|| log(alert));
        }
        for callback in &self.callbacks {
            if !callback.give(alert, &self.lost) {
                self.lose();
            }
        }
        // Nobody need listen.
        self.guarded(|| drop(self.subscribers.send(alert.clone())));
    }

    /// A subscriber's panic is its own.
    fn guarded(&self, work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.lose();
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Sinks {
    fn default() -> Self {
        Self {
            callbacks: Vec::new(),
            subscribers: broadcast::Sender::new(MAX_WAITING),
            log: true,
            lost: Arc::default(),
        }
    }
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sinks")
            .field("callbacks", &self.callbacks.len())
            .field("log", &self.log)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

// ===== impl Callback =====

impl Callback {
    fn give(&self, alert: &Alert, lost: &Arc<AtomicU64>) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            *queue = start(self.sink.clone(), lost.clone());
        }
        let queue = queue.as_ref();
        queue.is_some_and(|queue| queue.try_send(alert.clone()).is_ok())
    }
}

/// A thread that ends with its queue. `None`: the machine has none to give.
fn start(sink: Sink, lost: Arc<AtomicU64>) -> Option<SyncSender<Alert>> {
    let (sender, alerts): (_, Receiver<Alert>) = sync_channel(MAX_WAITING);
    let work = move || {
        for alert in alerts {
            if catch_unwind(AssertUnwindSafe(|| sink(&alert))).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let thread = thread::Builder::new().name("throttle-alert".into());
    thread.spawn(work).ok().map(|_| sender)
}

/// A person reads this: what is wrong, where, and what to do. Which account it
/// is, whoever may know has from the alert itself.
fn log(alert: &Alert) {
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                alert.id,
                alert.kind = alert.kind.as_str(),
                alert.state = alert.state.as_str(),
                alert.severity = alert.severity.as_str(),
                alert.scope = alert.scope.kind().as_str(),
                url.template = alert.scope.endpoint_name(),
                alert.throttled = alert.figures.short.map(|share| share.throttled),
                alert.attempts = alert.figures.short.map(|share| share.attempts),
                alert.times = alert.figures.times,
                request_id = alert.request_ids.last().map(|id| &**id),
                alert.remedy = &*alert.remedy,
                "throttle alert"
            )
        };
    }
    match (alert.state, alert.severity) {
        (AlertState::Raised, Severity::Critical) => event!(error),
        (AlertState::Raised, Severity::Warning) => event!(warn),
        (AlertState::Updated | AlertState::Cleared, _) => event!(info),
    }
}
