use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{HeaderName, HeaderValue};
use tokio::{
    runtime::Handle,
    sync::{Notify, futures::OwnedNotified},
    time::{Instant, timeout},
};

use super::{
    Token, TokenKey, TokenNotice, TokenSource, TokenStopped, TokenVerdict,
    flight::{Failure, Flight},
    ring::{Answer, Landed, Reaction, Ring},
    settings::Times,
    slot::{Grant, Start},
    source::{RefreshError, RefreshRequest},
};
use crate::{
    classify::{Classification, ErrorClass},
    extensions::RequestContext,
};

pub(super) type KeyOf = dyn Fn(Option<&RequestContext>) -> TokenKey + Send + Sync;
pub(super) type Exempt = dyn Fn(Option<&RequestContext>) -> bool + Send + Sync;
pub(super) type Judge = dyn Fn(&Classification) -> TokenVerdict + Send + Sync;
pub(super) type Hook = dyn Fn(TokenNotice<'_>) + Send + Sync;
/// Hears that something has changed, and looks for itself.
#[cfg(feature = "throttle-alert")]
pub(crate) type Listener = dyn Fn() + Send + Sync;

/// What all services of a layer share.
pub(super) struct Tokens {
    pub(super) config: Config,
    ring: Mutex<Ring>,
    /// Who is told as well, since the layer was built.
    #[cfg(feature = "throttle-alert")]
    listeners: Mutex<Arc<[Arc<Listener>]>>,
    /// Tells those who wait that something was stopped.
    stops: Arc<Notify>,
}

/// What does not change.
pub(super) struct Config {
    pub(super) source: Arc<dyn TokenSource>,
    pub(super) header: HeaderName,
    pub(super) prefix: String,
    pub(super) key_of: Option<Arc<KeyOf>>,
    /// The keys are accounts.
    pub(super) is_by_account: bool,
    pub(super) exempt: Option<Arc<Exempt>>,
    pub(super) judge: Option<Arc<Judge>>,
    pub(super) hook: Option<Arc<Hook>>,
    pub(super) times: Times,
}

/// Lands its flight, whatever becomes of the task that it is in.
struct Pilot {
    tokens: Arc<Tokens>,
    key: TokenKey,
    flight: Arc<Flight>,
    has_landed: bool,
}

// ===== impl Tokens =====

impl Tokens {
    pub(super) fn new(config: Config, ring: Ring) -> Self {
        Self {
            config,
            ring: Mutex::new(ring),
            #[cfg(feature = "throttle-alert")]
            listeners: Mutex::new(Arc::new([])),
            stops: Arc::default(),
        }
    }

    #[cfg(feature = "throttle-alert")]
    pub(super) fn listen(&self, listener: Arc<Listener>) {
        let mut listeners = self.listeners();
        *listeners = listeners.iter().cloned().chain([listener]).collect();
    }

    #[cfg(feature = "throttle-alert")]
    fn listeners(&self) -> MutexGuard<'_, Arc<[Arc<Listener>]>> {
        let listeners = self.listeners.lock();
        listeners.unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that is not ours runs while this is locked.
    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which token a request needs. `None`: none.
    pub(super) fn key_of(&self, context: Option<&RequestContext>) -> Option<TokenKey> {
        if let Some(exempt) = &self.config.exempt
            && exempt(context)
        {
            return None;
        }
        let key_of = self.config.key_of.as_ref();
        Some(key_of.map_or_else(TokenKey::default, |key_of| key_of(context)))
    }

    /// The token for an attempt; starts a refresh where one is due.
    pub(super) fn ask(
        self: &Arc<Self>,
        key: &TokenKey,
        context: Option<&RequestContext>,
        is_probe: bool,
    ) -> Option<(Grant, bool)> {
        let now = Instant::now();
        let Answer {
            grant,
            start,
            is_probe,
        } = self.ring().ask(key, context, is_probe, now)?;
        if let Some(start) = start {
            self.launch(key, start);
        }
        Some((grant, is_probe))
    }

    /// The refresh is a task of its own: who waits for it may leave, and a
    /// token that was paid for is not lost.
    fn launch(self: &Arc<Self>, key: &TokenKey, start: Start) {
        let pilot = Pilot {
            tokens: Arc::clone(self),
            key: key.clone(),
            flight: start.flight,
            has_landed: false,
        };
        let wanted = RefreshRequest::new(key.clone(), start.current);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(pilot.fly(wanted))),
            Err(error) => pilot.land(Err(RefreshError::passing(error))),
        }
    }

    /// Takes in what an answer means for the token that was sent.
    pub(super) fn judge(
        &self,
        key: &TokenKey,
        generation: u64,
        context: Option<&RequestContext>,
        found: &Classification,
    ) -> Reaction {
        let verdict = match &self.config.judge {
            Some(judge) => judge(found),
            None => TokenVerdict::of(found),
        };
        if verdict == TokenVerdict::Good {
            return Reaction::Good;
        }
        let told = (context, found);
        let chance = (Instant::now(), rand::random());
        let (reaction, stopped) = self.ring().judge(key, generation, verdict, told, chance);
        if let Some(stopped) = stopped {
            self.stops.notify_waiters();
            self.tell(TokenNotice::Stopped(&stopped));
        }
        reaction
    }

    /// Ready when something is stopped from now on, polled or not.
    pub(super) fn next_stop(&self) -> OwnedNotified {
        Arc::clone(&self.stops).notified_owned()
    }

    /// What stops the request now, if anything does.
    pub(super) fn stopped(
        &self,
        key: &TokenKey,
        context: Option<&RequestContext>,
    ) -> Option<TokenStopped> {
        self.ring().stopped(key, context, Instant::now())
    }

    /// A request was let through to see whether a stop is over, and nothing was
    /// wrong with its token.
    pub(super) fn passed(
        &self,
        key: &TokenKey,
        context: Option<&RequestContext>,
        class: ErrorClass,
    ) {
        // Who was turned away before the token was looked at knows nothing.
        let tells_nothing = matches!(
            class,
            ErrorClass::RateLimited
                | ErrorClass::Transient
                | ErrorClass::Maintenance
                | ErrorClass::Unknown
        );
        let resumed = !tells_nothing && self.ring().passed(key, context);
        if resumed {
            self.tell(TokenNotice::Resumed(key));
        }
    }

    pub(super) fn give(&self, key: TokenKey, token: Token) {
        let header = self.header(&token);
        let chance = (Instant::now(), rand::random());
        let (flight, was_stopped) = self.ring().give(&key, token, header, chance);
        if let Some(flight) = flight {
            flight.land(None);
        }
        if was_stopped {
            self.tell(TokenNotice::Resumed(&key));
        }
    }

    pub(super) fn clear(&self, key: &TokenKey) {
        let was_stopped = self.ring().clear(key);
        if was_stopped {
            self.tell(TokenNotice::Resumed(key));
        }
    }

    pub(super) fn forget(&self, key: &TokenKey) {
        let flight = self.ring().forget(key);
        if let Some(flight) = flight {
            flight.land(None);
        }
    }

    fn header(&self, token: &Token) -> HeaderValue {
        // NOTE: `TokenRefreshBuilder::build` has tried the prefix, and
        // `Token::new` the token.
        let header = token.header(&self.config.prefix);
        header.expect("a token that was checked fits into a header")
    }

    fn tell(&self, notice: TokenNotice<'_>) {
        notice.trace(self.config.is_by_account);
        #[cfg(feature = "throttle-alert")]
        {
            let listeners = self.listeners().clone();
            listeners.iter().for_each(|listener| listener());
        }
        if let Some(hook) = &self.config.hook
            // A hook that panics in a panic would end the process.
            && !std::thread::panicking()
        {
            hook(notice);
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("header", &self.config.header)
            .field("times", &self.config.times)
            .finish_non_exhaustive()
    }
}

// ===== impl Pilot =====

impl Pilot {
    async fn fly(self, wanted: RefreshRequest) {
        let tokens = Arc::clone(&self.tokens);
        let limit = tokens.config.times.timeout;
        // In here, where its panic is caught, too.
        let refreshed = async { tokens.config.source.refresh(wanted).await };
        let result = match timeout(limit, refreshed).await {
            Ok(result) => result,
            Err(elapsed) => Err(RefreshError::passing(elapsed)),
        };
        self.land(result);
    }

    fn land(mut self, result: Result<Token, RefreshError>) {
        self.settle(result);
    }

    fn settle(&mut self, result: Result<Token, RefreshError>) {
        self.has_landed = true;
        let result = result.map(|token| {
            let header = self.tokens.header(&token);
            (token, header)
        });
        let chance = (Instant::now(), rand::random());
        let landed = self
            .tokens
            .ring()
            .land(&self.key, &self.flight, result, chance);
        let failure = match &landed {
            Some(Landed::Failed { failure, .. }) => Some(failure.clone()),
            _ => None,
        };
        let is_stop = matches!(failure, Some(Failure::Stopped(_)));
        self.flight.land(failure);
        if is_stop {
            // What bears the old token still waits inside, and is called back.
            self.tokens.stops.notify_waiters();
        }
        match landed {
            Some(Landed::Refreshed { was_stopped }) => {
                if was_stopped {
                    self.tokens.tell(TokenNotice::Resumed(&self.key));
                }
                self.tokens.tell(TokenNotice::Refreshed(&self.key));
            }
            Some(Landed::Failed {
                failure,
                is_news: true,
            }) => self.tokens.tell(match &failure {
                Failure::Stopped(stopped) => TokenNotice::Stopped(stopped),
                Failure::Unavailable(failed) => TokenNotice::RefreshFailed(failed),
            }),
            Some(Landed::Failed { .. }) | None => {}
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if self.has_landed {
            return;
        }
        // Not left to those who wait: they would try it one after the other.
        self.settle(Err(RefreshError::passing(if std::thread::panicking() {
            "the token source panicked"
        } else {
            "the runtime ended"
        })));
    }
}
