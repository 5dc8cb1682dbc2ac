//! What is known of one token. Time and chance come in as arguments.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::time::Instant;

use super::{
    Token, TokenKey, TokenStopped, TokenUnavailable,
    error::{Cause, Scope},
    flight::{Failure, Flight, Landing},
    settings::Times,
    source::RefreshError,
};

/// Within this time of its refresh, a token that is said to have expired was
/// never good: the source is at fault, and is asked less and less often.
const YOUNG: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) held: Option<Held>,
    pub(super) flight: Option<Arc<Flight>>,
    /// Refreshes in a row that came to nothing.
    pub(super) failures: u32,
    /// What the last one came to.
    pub(super) failed: Option<Failure>,
    /// `None`: of the token. `Some`: of one account or endpoint.
    pub(super) stops: HashMap<Option<Scope>, TokenStopped>,
    /// Set by hand, so nobody else can get it again.
    pub(super) is_given: bool,
    pub(super) used: Instant,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) token: Token,
    header: HeaderValue,
    /// No two tokens of a layer have the same.
    generation: u64,
    /// When the source gave it. `None`: it was set by hand.
    fetched: Option<Instant>,
    refresh_at: Option<Instant>,
    /// The failures before it, should it prove to be one more.
    failures: u32,
    /// The server said that it has expired.
    is_spent: bool,
}

/// A token, ready to be held.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) token: Token,
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

/// What a request gets that asks for its token.
#[derive(Debug)]
pub(super) enum Grant {
    Pass(Pass),
    /// There may be one when the flight has landed.
    Wait(Landing),
    Refused(Failure),
}

/// A token for one attempt.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

/// A flight that somebody has to start.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) flight: Arc<Flight>,
    pub(super) current: Option<Token>,
}

// ===== impl Slot =====

impl Slot {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            held: None,
            flight: None,
            failures: 0,
            failed: None,
            stops: HashMap::new(),
            is_given: false,
            used: now,
        }
    }

    /// Ends all stops, and the wait after a refresh that failed. `true`: there
    /// was a stop.
    pub(super) fn clear(&mut self) -> bool {
        let was_stopped = !self.stops.is_empty() || self.is_refused();
        self.stops.clear();
        self.failures = 0;
        self.failed = None;
        was_stopped
    }

    /// Whether the last refresh was refused for good.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.failed, Some(Failure::Stopped(_)))
    }

    /// What stops a token that is over, and whose refresh was refused.
    pub(super) fn refused(&self, now: Instant) -> Option<&TokenStopped> {
        let is_good = self.held.as_ref().is_some_and(|held| held.is_good(now));
        match self.failure(now)? {
            Failure::Stopped(stopped) if !is_good => Some(stopped),
            _ => None,
        }
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.failed.is_some() || !self.stops.is_empty()
    }

    /// Sets a token by hand. The flight is one that nobody needs to wait for
    /// any more.
    #[must_use]
    pub(super) fn give(
        &mut self,
        fresh: Fresh,
        times: Times,
        now: Instant,
        draw: f64,
    ) -> Option<Arc<Flight>> {
        self.is_given = true;
        self.hold(fresh, None, times, now, draw);
        self.flight.take()
    }

    fn hold(
        &mut self,
        fresh: Fresh,
        fetched: Option<Instant>,
        times: Times,
        now: Instant,
        draw: f64,
    ) {
        let expires = fresh.token.expires();
        self.held = Some(Held {
            token: fresh.token,
            header: fresh.header,
            generation: fresh.generation,
            fetched,
            refresh_at: expires.map(|at| times.refresh_at(now, at, draw)),
            failures: self.failures,
            is_spent: false,
        });
        self.failures = 0;
        self.failed = None;
        // That was of the token before.
        self.stops.remove(&None);
    }

    /// The token for an attempt that no stop keeps back.
    pub(super) fn ask(&mut self, now: Instant) -> (Grant, Option<Start>) {
        if let Some(held) = self.held.as_ref().filter(|held| held.is_good(now)) {
            let pass = Pass {
                header: held.header.clone(),
                generation: held.generation,
            };
            let is_due = held.refresh_at.is_some_and(|at| at <= now);
            let starts = is_due && self.flight.is_none() && self.failure(now).is_none();
            return (Grant::Pass(pass), starts.then(|| self.start()));
        }
        if let Some(flight) = &self.flight {
            return (Grant::Wait(flight.wait()), None);
        }
        if let Some(failure) = self.failure(now) {
            return (Grant::Refused(failure.clone()), None);
        }
        let start = self.start();
        (Grant::Wait(start.flight.wait()), Some(start))
    }

    fn start(&mut self) -> Start {
        let flight = Arc::<Flight>::default();
        self.flight = Some(Arc::clone(&flight));
        Start {
            flight,
            current: self.held.as_ref().map(|held| held.token.clone()),
        }
    }

    /// The last failure, as long as nobody is to ask the source again.
    pub(super) fn failure(&self, now: Instant) -> Option<&Failure> {
        let failed = self.failed.as_ref()?;
        let is_over = failed.retry_at().is_some_and(|at| at <= now);
        (!is_over).then_some(failed)
    }

    /// Whether an answer to this token says nothing of the one that is used
    /// now, or will be in a moment: a server may revoke a token as it gives
    /// out the next.
    pub(super) fn is_past(&self, generation: u64) -> bool {
        let held = self.held.as_ref();
        self.flight.is_some() || held.is_none_or(|held| held.generation != generation)
    }

    /// The server said that a token has expired.
    pub(super) fn expired(
        &mut self,
        key: &TokenKey,
        generation: u64,
        times: Times,
        now: Instant,
        draw: f64,
    ) {
        let held = self.held.as_mut();
        let Some(held) = held.filter(|held| held.generation == generation && !held.is_spent) else {
            return;
        };
        held.is_spent = true;
        let is_young = |at| now.saturating_duration_since(at) < YOUNG;
        if held.fetched.is_some_and(is_young) && self.flight.is_none() {
            self.failures = held.failures;
            let error = RefreshError::passing("the token that it gave has expired already");
            self.fail(key, error, times, now, draw);
        }
    }

    /// Stops it, or stops it for longer. `true`: it was not stopped there.
    pub(super) fn stop(&mut self, stopped: &TokenStopped, max: usize, now: Instant) -> bool {
        if let Some(stop) = self.stops.get_mut(&stopped.scope) {
            stop.until = stopped.until;
            return false;
        }
        if self.stops.len() >= max {
            let lasts = |stop: &TokenStopped| stop.until.is_none_or(|until| now < until);
            self.stops.retain(|_, stop| lasts(stop));
        }
        // The token itself is one only.
        let has_room = self.stops.len() < max || stopped.scope.is_none();
        if has_room {
            self.stops.insert(stopped.scope.clone(), stopped.clone());
        }
        has_room
    }

    /// Takes the flight off. `false`: it is not this one any more.
    pub(super) fn take_off(&mut self, flight: &Arc<Flight>) -> bool {
        let own = self.flight.take_if(|own| Arc::ptr_eq(own, flight));
        own.is_some()
    }

    /// The source gave a token.
    pub(super) fn refresh(
        &mut self,
        fresh: Fresh,
        times: Times,
        now: Instant,
        draw: f64,
    ) -> Result<(), RefreshError> {
        let spent = self.held.as_ref().filter(|held| held.is_spent);
        let is_same = spent.is_some_and(|held| held.token.secret() == fresh.token.secret());
        let expires = fresh.token.expires();
        if is_same || expires.is_some_and(|at| at <= now) {
            return Err(RefreshError::passing(
                "the source gave a token that has expired",
            ));
        }
        self.hold(fresh, Some(now), times, now, draw);
        Ok(())
    }

    /// The source gave none.
    pub(super) fn fail(
        &mut self,
        key: &TokenKey,
        error: RefreshError,
        times: Times,
        now: Instant,
        draw: f64,
    ) -> Failure {
        self.failures = self.failures.saturating_add(1);
        let key = key.clone();
        if error.is_final {
            let stopped = TokenStopped {
                key,
                scope: None,
                cause: Cause::Refresh(Arc::new(error.error)),
                until: now.checked_add(times.stop),
            };
            // After a while one request tries it again, and its refresh: what
            // said that it has expired may have been mistaken.
            if let Some(held) = self.held.as_mut().filter(|held| held.is_spent) {
                held.is_spent = false;
                self.stops.insert(None, stopped.clone());
            }
            self.failed = Some(Failure::Stopped(stopped.clone()));
            return Failure::Stopped(stopped);
        }
        let failure = Failure::Unavailable(TokenUnavailable {
            key,
            retry_at: times.retry_at(now, self.failures, draw),
            error: Arc::new(error.error),
        });
        self.failed = Some(failure.clone());
        failure
    }
}

impl Held {
    pub(super) fn is_good(&self, now: Instant) -> bool {
        !self.is_spent && self.token.expires().is_none_or(|at| now < at)
    }
}
