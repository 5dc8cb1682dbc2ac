#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "request-pacing",
    feature = "shared-state"
))]
use ::metrics::gauge;

#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "request-pacing",
    feature = "shared-state"
))]
use super::names;
#[cfg(feature = "jittered-backoff")]
use crate::jittered_backoff::Budget;
#[cfg(feature = "per-account-concurrency")]
use crate::per_account_concurrency::PerAccountConcurrencyHandle;
#[cfg(feature = "shared-state")]
use crate::shared_state::{SharedSnapshot, StoreStatus};
#[cfg(feature = "request-pacing")]
use crate::{
    classify::ThrottleScope,
    request_pacing::{RequestPacingHandle, Scope, Span},
};

/// What there is now: queues, holds, limits, permits, the retry budget and the
/// shared state.
///
/// These are not counted as they change, for that would cost every request.
/// [Record](Self::record) them when somebody asks, such as before a scrape, or
/// every few seconds.
///
/// # Example
/// ```
/// use tower_tiktok::{
///     metrics::Gauges,
///     request_pacing::{Quota, RequestPacingLayer},
/// };
///
/// let pacing = RequestPacingLayer::builder(Quota::requests_per_second(10)).build()?;
/// let gauges = Gauges::new().pacing(pacing.handle());
/// // In the handler of the scrape:
/// gauges.record();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    #[cfg(feature = "request-pacing")]
    pacing: Option<RequestPacingHandle>,
    #[cfg(feature = "per-account-concurrency")]
    permits: Option<PerAccountConcurrencyHandle>,
    #[cfg(feature = "jittered-backoff")]
    budget: Option<Budget>,
}

#[cfg(feature = "request-pacing")]
pub(super) const SCOPES: [ThrottleScope; 4] = [
    ThrottleScope::App,
    ThrottleScope::AppEndpoint,
    ThrottleScope::AccountEndpoint,
    ThrottleScope::FieldValue,
];

impl Gauges {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The queue, the holds and the limits of request pacing, and the state by
    /// which it shares them.
    #[cfg(feature = "request-pacing")]
    #[must_use]
    pub fn pacing(mut self, pacing: RequestPacingHandle) -> Self {
        self.pacing = Some(pacing);
        self
    }

    /// The permits of all accounts, and the state by which they are shared, where
    /// pacing shares none.
    #[cfg(feature = "per-account-concurrency")]
    #[must_use]
    pub fn permits(mut self, permits: PerAccountConcurrencyHandle) -> Self {
        self.permits = Some(permits);
        self
    }

    /// The retry budget.
    #[cfg(feature = "jittered-backoff")]
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Tells the recorder how things stand. It looks at every scope in use and
    /// at every request that waits: not for each request.
    pub fn record(&self) {
        #[cfg(feature = "request-pacing")]
        self.record_pacing();
        #[cfg(feature = "shared-state")]
        if let Some(shared) = self.shared() {
            record_shared(&shared);
        }
        #[cfg(feature = "per-account-concurrency")]
        if let Some(permits) = &self.permits {
            let snapshot = permits.snapshot();
            gauge!(names::QUEUE_DEPTH, "queue" => "permit").set(snapshot.queued() as f64);
            let accounts = snapshot.accounts().iter();
            let (reads, writes) = accounts.fold((0, 0), |(reads, writes), account| {
                let (more_reads, more_writes) = (account.reads_in_flight, account.writes_in_flight);
                (
                    reads + u64::from(more_reads),
                    writes + u64::from(more_writes),
                )
            });
            gauge!(names::PERMITS, "operation" => "read").set(reads as f64);
            gauge!(names::PERMITS, "operation" => "write").set(writes as f64);
        }
        #[cfg(feature = "jittered-backoff")]
        if let Some(budget) = &self.budget {
            let snapshot = budget.snapshot();
            gauge!(names::RETRY_BUDGET).set(snapshot.left as f64);
            ::metrics::counter!(names::RETRY_BUDGET_REFUSED).absolute(snapshot.refused);
        }
    }

    #[cfg(feature = "request-pacing")]
    fn record_pacing(&self) {
        let Some(pacing) = &self.pacing else {
            return;
        };
        let snapshot = pacing.snapshot();
        gauge!(names::QUEUE_DEPTH, "queue" => "pacing").set(snapshot.queued() as f64);
        let oldest = snapshot.scopes().iter().filter_map(|scope| scope.oldest);
        let oldest = oldest.max().unwrap_or_default();
        gauge!(names::QUEUE_AGE, "queue" => "pacing").set(oldest.as_secs_f64());
        for kind in SCOPES {
            let of_kind = || {
                let scopes = snapshot.scopes().iter();
                scopes.filter(move |found| found.scope.throttle_scope() == kind)
            };
            let held = of_kind().filter(|found| found.held_for.is_some()).count();
            let learned = of_kind().filter(|found| found.windows.iter().any(|it| it.learned));
            let labels = [("scope", kind.as_str())];
            gauge!(names::HELD_SCOPES, &labels).set(held as f64);
            gauge!(names::LEARNED_SCOPES, &labels).set(learned.count() as f64);
        }
        let app = snapshot.scope(&Scope::app());
        for window in app.iter().flat_map(|app| &app.windows) {
            let labels = [("window", name_of(window.span))];
            gauge!(names::LIMIT, &labels).set(window.requests);
            gauge!(names::LIMIT_USED, &labels).set(window.used);
        }
    }

    /// What the limits are shared by, or else the permits.
    #[cfg(feature = "shared-state")]
    fn shared(&self) -> Option<SharedSnapshot> {
        let shared = None;
        #[cfg(feature = "request-pacing")]
        let shared = shared.or_else(|| self.pacing.as_ref()?.shared());
        #[cfg(feature = "per-account-concurrency")]
        let shared = shared.or_else(|| self.permits.as_ref()?.shared());
        shared
    }
}

#[cfg(feature = "request-pacing")]
fn name_of(span: Span) -> &'static str {
    match span {
        Span::DayUtc => "day",
        Span::Any(time) => match time.as_secs() {
            1 if time.subsec_nanos() == 0 => "second",
            60 if time.subsec_nanos() == 0 => "minute",
            86_400 if time.subsec_nanos() == 0 => "day",
            _ => "other",
        },
    }
}

#[cfg(feature = "shared-state")]
fn record_shared(shared: &SharedSnapshot) {
    // Who has not asked yet does not know.
    if shared.store != StoreStatus::Unknown {
        let is_up = shared.store == StoreStatus::Up;
        gauge!(names::SHARED_STATE_UP).set(f64::from(u8::from(is_up)));
    }
    gauge!(names::SHARED_STATE_INSTANCES).set(shared.instances);
    let success = shared.exchanges.saturating_sub(shared.failures);
    ::metrics::counter!(names::SHARED_STATE_EXCHANGES, "outcome" => "success").absolute(success);
    ::metrics::counter!(names::SHARED_STATE_EXCHANGES, "outcome" => "failure")
        .absolute(shared.failures);
}
