use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Token, TokenKey, TokenStopped, TokenUnavailable, flight::Failure, slot::Slot, tokens::Tokens,
};

/// Looks at the tokens of a layer and changes them, while requests are under
/// way.
#[derive(Clone, Debug)]
pub struct TokenRefreshHandle {
    tokens: Arc<Tokens>,
}

/// What is known of one token, without the token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenState {
    /// Which token.
    pub key: TokenKey,
    /// Whether there is one that can be sent.
    pub is_good: bool,
    /// Until when it is good, if that is known.
    pub expires: Option<Instant>,
    /// Whether a new one is under way.
    pub is_refreshing: bool,
    /// Refreshes in a row that came to nothing.
    pub failures: u32,
    /// The last refresh, if that failed and nobody tries again yet.
    pub unavailable: Option<TokenUnavailable>,
    /// Where it is stopped.
    pub stops: Vec<TokenStopped>,
}

impl TokenRefreshHandle {
    pub(super) fn new(tokens: Arc<Tokens>) -> Self {
        Self { tokens }
    }

    /// Sets the token that serves all. See [`set_for`](Self::set_for).
    pub fn set(&self, token: Token) {
        self.set_for(TokenKey::default(), token);
    }

    /// Sets one of several tokens: the next attempts bear it, those that wait
    /// for it go on, and all its stops are over. A refresh that is under way is
    /// not waited for, and what it comes to is not used.
    pub fn set_for(&self, key: impl Into<TokenKey>, token: Token) {
        self.tokens.give(key.into(), token);
    }

    /// Ends all stops of a token and the wait after a refresh that failed, such
    /// as when a permission was granted.
    pub fn clear_stops(&self, key: &TokenKey) {
        self.tokens.clear(key);
    }

    /// Forgets a token and all that is known of it. The next request that
    /// needs it has the source asked.
    pub fn forget(&self, key: &TokenKey) {
        self.tokens.forget(key);
    }

    /// What is known of a token. `None`: nobody has needed it yet.
    #[must_use]
    pub fn state(&self, key: &TokenKey) -> Option<TokenState> {
        let now = Instant::now();
        let ring = self.tokens.ring();
        ring.slot(key).map(|slot| state(key, slot, now))
    }

    /// What is known of all of them, in no order.
    #[must_use]
    pub fn states(&self) -> Vec<TokenState> {
        let now = Instant::now();
        let ring = self.tokens.ring();
        let slots = ring.slots();
        slots.map(|(key, slot)| state(key, slot, now)).collect()
    }
}

#[cfg(feature = "throttle-alert")]
impl TokenRefreshHandle {
    /// Calls it after each notice, under no lock.
    pub(crate) fn listen(&self, listener: Arc<super::tokens::Listener>) {
        self.tokens.listen(listener);
    }

    /// The tokens that are stopped somewhere, or whose refresh fails.
    pub(crate) fn troubled(&self) -> Vec<TokenState> {
        let now = Instant::now();
        let ring = self.tokens.ring();
        let slots = ring.slots();
        let troubled = slots.filter(|(_, slot)| slot.failures > 0 || !slot.stops.is_empty());
        troubled.map(|(key, slot)| state(key, slot, now)).collect()
    }
}

fn state(key: &TokenKey, slot: &Slot, now: Instant) -> TokenState {
    let mut stops: Vec<_> = slot.stops.values().cloned().collect();
    let mut unavailable = None;
    match slot.failure(now) {
        Some(Failure::Stopped(stopped)) => stops.push(stopped.clone()),
        Some(Failure::Unavailable(failed)) => unavailable = Some(failed.clone()),
        None => {}
    }
    let held = slot.held.as_ref();
    TokenState {
        key: key.clone(),
        is_good: held.is_some_and(|held| held.is_good(now)),
        expires: held.and_then(|held| held.token.expires()),
        is_refreshing: slot.flight.is_some(),
        failures: slot.failures,
        unavailable,
        stops,
    }
}
