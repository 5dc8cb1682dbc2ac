use std::sync::Arc;

use tokio::time::Instant;

use super::{Change, MOST, Machine, RETRY, Store, under_way::Sent};
use crate::shared_state::{
    Exchange, Reply, StoreError, StoreErrorKind,
    member::{ScopeShare, scope::Scope},
};

/// When the store is asked, about what, and what comes of it.
impl Machine {
    /// When the next exchange is due. `None`: when something is wanted.
    pub(in crate::shared_state::member) fn due(&self, now: Instant) -> Option<Instant> {
        let beside = self.under_way.goes_beside();
        match (&self.store, self.retry_at) {
            (Store::Down { .. }, _) if beside => return None,
            (_, Some(retry_at)) => return Some(retry_at),
            (Store::Unknown, None) if !beside => return Some(now),
            _ if beside && self.room_beside() == 0 => return None,
            _ => {}
        }
        let due = self.first_due(beside, now)?;
        let doubted = self.doubts.due().filter(|_| !beside);
        Some(doubted.map_or(due, |at| at.min(due)))
    }

    /// When the first of the scopes is due.
    fn first_due(&self, beside: bool, now: Instant) -> Option<Instant> {
        let worth = self.permits_worth(now);
        let scopes = self.scopes.values();
        let scopes = scopes.filter(|scope| !beside || scope.waits_unheard());
        let due = scopes.filter_map(|scope| scope.due(&self.settings, worth, now));
        due.min()
    }

    /// The scopes that the next exchange is about, and the limits that hold
    /// from now on: the layers must know them before [`ask`](Self::ask).
    pub(in crate::shared_state::member) fn prepare(
        &mut self,
        now: Instant,
    ) -> (Vec<Arc<str>>, Vec<ScopeShare>) {
        // What is due soon comes along: it is the exchanges that cost.
        let mut soon = now + self.settings.renew() / 2;
        self.bound_kept();
        let beside = self.under_way.goes_beside();
        if self.doubts.due().is_some_and(|at| at <= now) {
            soon = self.first_due(beside, now).map_or(soon, |at| at.max(soon));
        }
        let (mut permits, most) = match beside {
            true => (self.room_beside(), self.room_beside()),
            false => (self.most_at_once(), MOST),
        };
        let worth = self.permits_worth(now);
        let mut due: Vec<(Instant, &mut Scope)> = Vec::new();
        for scope in self.scopes.values_mut() {
            let at = scope.due(&self.settings, worth, now);
            let comes = |at: &Instant| match beside {
                true => *at <= now && scope.waits_unheard(),
                false => *at <= soon || scope.comes_along(now),
            };
            if let Some(at) = at.filter(comes) {
                due.push((at, scope));
            }
        }
        // First what every request waits for.
        let waits = |at: &Instant, scope: &Scope| *at <= now && scope.is_passed_by_all();
        due.sort_by_key(|(at, scope)| (!waits(at, scope), scope.will_starve(), scope.turn()));
        due.retain(|(_, scope)| {
            let is_one_more = scope.is_permits();
            let fits = !is_one_more || permits > 0;
            permits -= usize::from(is_one_more && fits);
            fits
        });
        due.truncate(most);
        let (mut names, mut lowered) = (Vec::new(), Vec::new());
        for (_, scope) in due {
            names.push(scope.name.clone());
            if scope.claim {
                if let Some(share) = scope.applied.clone() {
                    scope.prepare_claim(&share);
                }
            } else {
                let share = scope.lowered(now);
                if scope.applied.as_ref() != Some(&share) {
                    scope.applied = Some(share.clone());
                    lowered.push(share);
                }
            }
        }
        (names, lowered)
    }

    /// The exchange about these scopes, to be sent now.
    pub(in crate::shared_state::member) fn ask(
        &mut self,
        names: &[Arc<str>],
        now: Instant,
    ) -> Exchange {
        self.number += 1;
        let mut exchange = Exchange::new(self.id, self.number, self.settings.lease);
        let common = self.scopes.values().filter(|it| it.is_passed_by_all());
        let common = common.map(Scope::tells_queued).max();
        for name in names {
            if let Some(scope) = self.scopes.get_mut(name) {
                if scope.rests {
                    self.gives_back = self.number;
                }
                exchange.scopes.push(scope.ask(self.number, common, now));
            }
        }
        self.retry_at = None;
        self.doubts.ask(self.settings.renew(), now);
        self.asked = Some(now);
        self.under_way.begin(exchange.clone(), now);
        exchange
    }

    /// What has become of an exchange. `chance` is between 0 and 1.
    pub(in crate::shared_state::member) fn hear(
        &mut self,
        number: u64,
        answer: Result<Reply, StoreError>,
        now: Instant,
        chance: f64,
    ) -> Option<Change> {
        let sent = self.under_way.end(number)?;
        for ask in &sent.exchange.scopes {
            self.scopes.get_mut(&ask.name).map(Scope::ended);
        }
        self.exchanges += 1;
        match answer {
            Ok(reply) if reply.scopes.len() == sent.exchange.scopes.len() => {
                self.heard(&sent, &reply, now)
            }
            Ok(_) => self.failed(
                &sent,
                StoreError::new(StoreErrorKind::Nonsense),
                now,
                chance,
            ),
            Err(error) => self.failed(&sent, error, now, chance),
        }
    }

    fn heard(&mut self, sent: &Sent, reply: &Reply, now: Instant) -> Option<Change> {
        let was_down = matches!(self.store, Store::Down { .. });
        let fresh = self.epoch.is_some_and(|epoch| epoch != reply.epoch);
        if !matches!(self.store, Store::Up { .. }) {
            self.store = Store::Up { since: now };
        }
        (self.backoff, self.retry_at) = (RETRY.0, None);
        if self.epoch.replace(reply.epoch) != Some(reply.epoch) {
            self.heard = Some(now);
        }
        // Not all have spoken yet of whom a state that began anew will hear.
        let least = if self.begins(now) { self.instances } else { 1 };
        self.instances = reply.instances.max(least);
        let lease_ends = sent.at + self.settings.lease;
        let mut missed = false;
        for (ask, reply) in sent.exchange.scopes.iter().zip(&reply.scopes) {
            if let Some(scope) = self.scopes.get_mut(&ask.name) {
                scope.told(ask, sent.at);
                missed |= scope.hear(ask, reply, sent.exchange.number, lease_ends, now);
            }
        }
        if missed {
            self.missed = self.missed.saturating_add(1);
            self.keep_as_heard();
        }
        match (was_down, fresh) {
            (true, _) => Some(Change::Back),
            (false, true) => Some(Change::Fresh),
            (false, false) => None,
        }
    }

    fn failed(
        &mut self,
        sent: &Sent,
        error: StoreError,
        now: Instant,
        chance: f64,
    ) -> Option<Change> {
        self.failures += 1;
        let is_stale = error.kind() == StoreErrorKind::Stale;
        if is_stale {
            // Ours are always newer. So another one goes by our number, such as
            // a copy of this machine, and from now on by it alone.
            self.id = self.id.rotate_left(32) ^ chance.to_bits();
            self.under_way.clear();
            self.scopes.values_mut().for_each(Scope::forget_member);
        }
        let is_late = match &self.store {
            Store::Unknown => false,
            // What another one uses by our number is to be claimed by the new one.
            Store::Up { since } => sent.at < *since && !is_stale,
            Store::Down { since, .. } => sent.at < *since,
        };
        if is_late {
            // It was under way beside the one that told how the store is.
            return None;
        }
        self.retry_at = Some(now + self.backoff.mul_f64(0.5 + chance / 2.0));
        self.backoff = (self.backoff * 2).min(RETRY.1);
        if matches!(self.store, Store::Down { .. }) {
            return None;
        }
        self.store = Store::Down {
            since: now,
            error: error.clone(),
        };
        Some(Change::Lost(error))
    }
}
