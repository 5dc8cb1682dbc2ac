use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    BACK, KEPT, LAST, LONGEST_LEASE,
    scope::{Scope, Speaker},
};
use crate::shared_state::{Exchange, Notice, Reply, StoreError, exchange::millis};

/// Who holds what, of all scopes: what a store keeps.
///
/// It reads no clock and waits for nothing, so it serves any store that can
/// carry out exchanges one after another.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_tiktok::shared_state::{Exchange, Ledger, ScopeAsk, WindowAsk, WindowSpan};
///
/// let mut window = WindowAsk::new(WindowSpan::Any(Duration::from_secs(1)), 10);
/// window.want = 64;
/// let mut scope = ScopeAsk::new("app");
/// scope.windows.push(window);
/// let mut exchange = Exchange::new(1, 1, Duration::from_secs(5));
/// exchange.scopes.push(scope);
///
/// let (mut ledger, mut notices) = (Ledger::new(), Vec::new());
/// let now = Duration::from_secs(1_700_000_000);
/// let reply = ledger.exchange(&exchange, now, &mut notices)?;
/// assert_eq!(reply.scopes[0].windows[0].held, 10);
/// # Ok::<(), tower_tiktok::shared_state::StoreError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// When it began. 0: not yet.
    born: u64,
    expires: u64,
    swept_at: u64,
    /// When each member's lease ends.
    members: BTreeMap<u64, u64>,
    scopes: BTreeMap<Arc<str>, Scope>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out an exchange, `now` after 00:00 UTC on 1 January 1970, and
    /// adds what everybody should hear to `notices`.
    ///
    /// # Errors
    /// When the exchange is not newer than the last of its member about a scope. Nothing is
    /// changed then.
    pub fn exchange(
        &mut self,
        exchange: &Exchange,
        now: Duration,
        notices: &mut Vec<Notice>,
    ) -> Result<Reply, StoreError> {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).min(LAST);
        if self.expires <= now {
            *self = Self {
                born: now,
                ..Self::default()
            };
        }
        self.sweep(now);
        let known = |name: &Arc<str>| self.scopes.get(name).filter(|scope| scope.expires > now);
        let heard = exchange.scopes.iter().any(|ask| {
            known(&ask.name)
                .is_some_and(|scope| scope.has_heard(exchange.member, exchange.number, now))
        });
        if heard {
            return Err(StoreError::stale());
        }
        let lease = millis(exchange.lease).min(LONGEST_LEASE);
        let lost = exchange
            .scopes
            .iter()
            .any(|ask| known(&ask.name).is_some_and(|scope| scope.is_ahead(now)));
        if lost || self.born > now + BACK {
            self.born = now;
            self.members.clear();
        }
        self.members.insert(exchange.member, now + lease);
        self.members.retain(|_, expires| *expires > now);
        self.expires = now + lease + KEPT;
        let instances = (self.members.len() as u64).max(1);
        let speaker = Speaker {
            member: exchange.member,
            number: exchange.number,
            lease,
            now,
            // Until then, those who knew an older state claim what they hold.
            settled_at: self.born + lease,
            instances,
        };
        let mut reply = Reply::new(self.born, u32::try_from(instances).unwrap_or(u32::MAX));
        for ask in &exchange.scopes {
            let scope = self.scopes.entry(ask.name.clone()).or_default();
            if scope.expires <= now || scope.is_ahead(now) {
                *scope = Scope::default();
            }
            reply.scopes.push(scope.exchange(ask, speaker, notices));
        }
        Ok(reply)
    }

    /// Forgets the scopes of which nobody speaks.
    fn sweep(&mut self, now: u64) {
        if now >= self.swept_at + KEPT || self.swept_at > now {
            self.swept_at = now;
            self.scopes.retain(|_, scope| scope.expires > now);
        }
    }

    /// What the members hold, and whether that agrees with the sum.
    #[cfg(test)]
    pub(super) fn held(&self, scope: &str, code: i64) -> u64 {
        self.scopes.get(scope).map_or(0, |scope| scope.held(code))
    }
}
