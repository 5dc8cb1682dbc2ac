use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tower_tiktok::shared_state::{
    Membership, ScopeDemand, ScopeShare, SharedState, Sharer, Which, WindowDemand, WindowSpan,
};

/// The smallest layer whose limits are shared. It counts a request from its
/// sending on, and so does [`Limiter`].
#[derive(Debug)]
pub(crate) struct Gate {
    scopes: Mutex<HashMap<Arc<str>, Scope>>,
    membership: OnceLock<Membership>,
    changed: Notify,
    quotas: Vec<(WindowSpan, u32)>,
    /// The longest that anybody waited with a limit of 0, in milliseconds.
    pub(crate) shut: AtomicU64,
}

#[derive(Debug)]
struct Scope {
    windows: Vec<Window>,
    valid_until: Option<Instant>,
    queued: u32,
    hold: Option<Instant>,
    news: Option<Instant>,
    is_new: bool,
    shut_since: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    span: WindowSpan,
    limit: u32,
    in_flight: u32,
    /// When the used tokens are free.
    busy: Vec<Instant>,
}

/// A place in all windows; it is given back after the span.
#[derive(Debug)]
pub(crate) struct Sent {
    name: Arc<str>,
    pub(crate) at: Instant,
}

impl Gate {
    pub(crate) fn join(state: &SharedState, quotas: &[(WindowSpan, u32)]) -> Arc<Self> {
        let gate = Arc::new(Self {
            scopes: Mutex::default(),
            membership: OnceLock::new(),
            changed: Notify::new(),
            quotas: quotas.to_vec(),
            shut: AtomicU64::new(0),
        });
        let sharer: Weak<dyn Sharer> = Arc::downgrade(&(gate.clone() as Arc<dyn Sharer>));
        gate.membership
            .set(state.join(sharer))
            .expect("it joins once");
        gate
    }

    /// Waits until a request may go, and lets it go.
    pub(crate) async fn send(&self, name: &str) -> Sent {
        self.with(name, |scope, _| scope.queued += 1);
        let _queued = Queued { gate: self, name };
        loop {
            let changed = self.changed.notified();
            let tried = self.with(name, |scope, now| match scope.wait(now) {
                None => {
                    scope
                        .windows
                        .iter_mut()
                        .for_each(|window| window.in_flight += 1);
                    Ok(now)
                }
                wait => Err((wait.flatten(), scope.shut_since.is_some())),
            });
            let (next, shut) = match tried {
                Ok(at) => {
                    return Sent {
                        name: name.into(),
                        at,
                    };
                }
                Err(wait) => wait,
            };
            if shut {
                self.membership.get().expect("it has joined").call();
            }
            match next {
                Some(next) => tokio::select! { () = changed => {}, () = sleep_until(next) => {} },
                None => changed.await,
            }
        }
    }

    /// The answer has come.
    pub(crate) fn answered(&self, sent: &Sent) {
        self.with(&sent.name, |scope, _| {
            for window in &mut scope.windows {
                window.in_flight -= 1;
                window.busy.push(sent.at + window.span.length());
            }
        });
        self.changed.notify_waiters();
    }

    /// A refusal closes the scope.
    pub(crate) fn close(&self, name: &str, until: Instant) {
        self.with(name, |scope, _| {
            scope.hold = scope.hold.max(Some(until));
            scope.news = Some(until);
        });
        self.membership.get().expect("it has joined").call();
    }

    pub(crate) fn hold(&self, name: &str) -> Option<Instant> {
        self.with(name, |scope, now| scope.hold.filter(|until| *until > now))
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Scope, Instant) -> T) -> T {
        let mut scopes = self.scopes.lock().expect("nobody panics under the lock");
        let scope = scopes.entry(name.into()).or_insert_with(|| Scope {
            windows: self
                .quotas
                .iter()
                .map(|quota| Window::new(quota.0))
                .collect(),
            valid_until: None,
            queued: 0,
            hold: None,
            news: None,
            is_new: true,
            shut_since: None,
        });
        scope.is_new = true;
        let now = Instant::now();
        let done = work(scope, now);
        scope.is_shut(now, &self.shut);
        done
    }
}

struct Queued<'a> {
    gate: &'a Gate,
    name: &'a str,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.gate.with(self.name, |scope, _| scope.queued -= 1);
    }
}

impl Window {
    fn new(span: WindowSpan) -> Self {
        Self {
            span,
            limit: 0,
            in_flight: 0,
            busy: Vec::new(),
        }
    }

    fn used(&mut self, now: Instant) -> usize {
        self.busy.retain(|free_at| *free_at > now);
        self.in_flight as usize + self.busy.len()
    }
}

impl Scope {
    /// `None`: go. Else when to look again at the latest, if it is known.
    fn wait(&mut self, now: Instant) -> Option<Option<Instant>> {
        let mut wait = None;
        if let Some(until) = self.hold.filter(|until| *until > now) {
            wait = Some(Some(until));
        }
        if self.valid_until.is_some_and(|until| until <= now) {
            wait = wait.max(Some(None));
        }
        for window in &mut self.windows {
            if window.used(now) >= window.limit as usize {
                let next = window.busy.iter().min().copied();
                wait = wait.max(Some(next));
            }
        }
        wait
    }

    /// Keeps the time that somebody waits without any limit to wait for.
    fn is_shut(&mut self, now: Instant, longest: &AtomicU64) {
        let shut = self.queued > 0 && self.windows.iter().any(|window| window.limit == 0);
        match (shut, self.shut_since) {
            (true, None) => self.shut_since = Some(now),
            (false, Some(since)) => {
                longest.fetch_max((now - since).as_millis() as u64, Ordering::Relaxed);
                self.shut_since = None;
            }
            _ => {}
        }
    }
}

impl Sharer for Gate {
    fn demand(&self, which: Which<'_>, now: Instant, demands: &mut Vec<ScopeDemand>) {
        let mut scopes = self.scopes.lock().expect("nobody panics under the lock");
        for (name, scope) in scopes.iter_mut() {
            match which {
                Which::Named(names) if !names.contains(name) => continue,
                Which::Changed if !std::mem::take(&mut scope.is_new) => continue,
                _ => {}
            }
            let mut demand = ScopeDemand::new(name.clone(), scope.queued);
            demand.hold = scope.news.take();
            for (window, (span, limit)) in scope.windows.iter_mut().zip(&self.quotas) {
                window.used(now);
                let mut used = WindowDemand::new(*span, *limit);
                used.in_flight = window.in_flight;
                window.busy.sort_unstable();
                used.busy = window.busy.iter().map(|at| (*at, 1)).collect();
                demand = demand.with_window(used);
            }
            demands.push(demand);
        }
    }

    fn apply(&self, shares: &[ScopeShare], now: Instant) {
        let mut scopes = self.scopes.lock().expect("nobody panics under the lock");
        for share in shares {
            let Some(scope) = scopes.get_mut(&share.name) else {
                continue;
            };
            scope.hold = scope.hold.max(share.hold);
            scope.valid_until = Some(share.valid_until);
            for (window, (_, limit)) in scope.windows.iter_mut().zip(&share.limits) {
                window.limit = *limit;
            }
            scope.is_shut(now, &self.shut);
        }
        drop(scopes);
        self.changed.notify_waiters();
    }
}

/// The server's view: how many arrived in each window.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    pub(crate) arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            arrivals: Arc::default(),
        }
    }

    pub(crate) fn arrive(&self, at: Instant) {
        self.arrivals
            .lock()
            .expect("nobody panics under the lock")
            .push(at);
    }

    pub(crate) fn count(&self) -> usize {
        self.arrivals
            .lock()
            .expect("nobody panics under the lock")
            .len()
    }

    /// How many would have been refused, by the trailing window.
    pub(crate) fn refused(&self, limit: usize, length: Duration) -> usize {
        let mut arrivals = self
            .arrivals
            .lock()
            .expect("nobody panics under the lock")
            .clone();
        arrivals.sort_unstable();
        let mut accepted: std::collections::VecDeque<Instant> = Default::default();
        let mut refused = 0;
        for at in arrivals {
            while accepted.front().is_some_and(|old| *old + length <= at) {
                accepted.pop_front();
            }
            match accepted.len() < limit {
                true => accepted.push_back(at),
                false => refused += 1,
            }
        }
        refused
    }
}
