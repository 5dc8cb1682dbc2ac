//! All tokens of a layer. It neither locks nor waits: who calls it does.

use std::{collections::HashMap, sync::Arc};

use http::HeaderValue;
use tokio::time::Instant;

use super::{
    RefreshError, Token, TokenKey, TokenStopped, TokenVerdict,
    error::{Cause, Scope},
    flight::{Failure, Flight},
    settings::Times,
    slot::{Fresh, Grant, Slot, Start},
};
use crate::{classify::Classification, extensions::RequestContext};

#[derive(Debug)]
pub(super) struct Ring {
    slots: HashMap<TokenKey, Slot>,
    generations: u64,
    times: Times,
    /// How many tokens are kept that the source gave.
    max: usize,
}

/// What an answer has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nothing is wrong with the token.
    Good,
    /// Another token is there, or will be: send the request again.
    Resend,
    HandOn,
}

/// What a flight came to.
#[derive(Debug)]
pub(super) enum Landed {
    Refreshed { was_stopped: bool },
    Failed { failure: Failure, is_news: bool },
}

/// What a request got that asked for its token.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) grant: Grant,
    pub(super) start: Option<Start>,
    /// It is to show whether a stop is over.
    pub(super) is_probe: bool,
}

impl Ring {
    pub(super) fn new(times: Times, max: usize) -> Self {
        Self {
            slots: HashMap::new(),
            generations: 0,
            times,
            max,
        }
    }

    fn fresh(&mut self, token: Token, header: HeaderValue) -> Fresh {
        self.generations += 1;
        Fresh {
            token,
            header,
            generation: self.generations,
        }
    }

    /// Sets a token by hand. The flight is one that nobody needs to wait for
    /// any more; and whether something was stopped that goes on now.
    pub(super) fn give(
        &mut self,
        key: &TokenKey,
        token: Token,
        header: HeaderValue,
        (now, draw): (Instant, f64),
    ) -> (Option<Arc<Flight>>, bool) {
        let fresh = self.fresh(token, header);
        let slot = self.slots.entry(key.clone());
        let slot = slot.or_insert_with(|| Slot::new(now));
        let was_stopped = slot.clear();
        (slot.give(fresh, self.times, now, draw), was_stopped)
    }

    /// Forgets all that is known of a token.
    pub(super) fn forget(&mut self, key: &TokenKey) -> Option<Arc<Flight>> {
        self.slots.remove(key)?.flight
    }

    pub(super) fn slot(&self, key: &TokenKey) -> Option<&Slot> {
        self.slots.get(key)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (&TokenKey, &Slot)> {
        self.slots.iter()
    }

    /// The token for an attempt. `None`: there are too many already. A probe
    /// was let through before, and is not stopped.
    pub(super) fn ask(
        &mut self,
        key: &TokenKey,
        context: Option<&RequestContext>,
        mut is_probe: bool,
        now: Instant,
    ) -> Option<Answer> {
        if !self.slots.contains_key(key) {
            self.make_room()?;
            self.slots.insert(key.clone(), Slot::new(now));
        }
        let slot = self.slots.get_mut(key)?;
        slot.used = now;
        if !slot.stops.is_empty() && !is_probe {
            if let Some(stop) = slot.stop_of(context, now) {
                return Some(Answer {
                    grant: Grant::Refused(Failure::Stopped(stop.clone())),
                    start: None,
                    is_probe: false,
                });
            }
            for scope in scopes(context) {
                if let Some(stop) = slot.stops.get_mut(&scope) {
                    // One goes ahead and the others stay, whatever becomes of it.
                    stop.until = now.checked_add(self.times.stop);
                    is_probe = true;
                }
            }
        }
        let (grant, start) = slot.ask(now);
        Some(Answer {
            grant,
            start,
            is_probe,
        })
    }

    /// What stops the request now, if anything does.
    pub(super) fn stopped(
        &self,
        key: &TokenKey,
        context: Option<&RequestContext>,
        now: Instant,
    ) -> Option<TokenStopped> {
        let slot = self.slots.get(key)?;
        let stop = slot.stop_of(context, now);
        stop.or_else(|| slot.refused(now)).cloned()
    }

    /// Forgets the token that was not used for longest, of those that can be
    /// had again. What is in trouble goes last: it would be in trouble anew.
    fn make_room(&mut self) -> Option<()> {
        if self.slots.len() < self.max {
            return Some(());
        }
        let fetched = || self.slots.iter().filter(|(_, slot)| !slot.is_given);
        if fetched().count() < self.max {
            return Some(());
        }
        let idle = fetched().filter(|(_, slot)| slot.flight.is_none());
        let (key, _) = idle.min_by_key(|(_, slot)| {
            let is_troubled = slot.is_in_trouble();
            (is_troubled, slot.used)
        })?;
        let key = key.clone();
        self.slots.remove(&key);
        Some(())
    }

    /// Takes in that an answer to the token of this `generation` finds fault
    /// with it. The stop is one that nobody knew of.
    pub(super) fn judge(
        &mut self,
        key: &TokenKey,
        generation: u64,
        verdict: TokenVerdict,
        (context, found): (Option<&RequestContext>, &Classification),
        (now, draw): (Instant, f64),
    ) -> (Reaction, Option<TokenStopped>) {
        let (is_of_token, scope) = match verdict {
            TokenVerdict::Good => return (Reaction::Good, None),
            TokenVerdict::Expired | TokenVerdict::Stop => (true, None),
            TokenVerdict::StopAccount => (false, account(context)),
            TokenVerdict::StopEndpoint => (false, endpoint(context)),
        };
        // What one token may not do, the next may not either; but that is no
        // reason to stop the next one.
        let past = match is_of_token {
            true => Reaction::Resend,
            false => Reaction::HandOn,
        };
        if !is_of_token && scope.is_none() {
            return (past, None);
        }
        let Some(slot) = self.slots.get_mut(key) else {
            return (past, None);
        };
        if verdict == TokenVerdict::Expired {
            slot.expired(key, generation, self.times, now, draw);
            return (Reaction::Resend, None);
        }
        if slot.is_past(generation) {
            return (past, None);
        }
        let stopped = TokenStopped {
            key: key.clone(),
            scope,
            cause: Cause::Answer(Arc::new(found.clone())),
            until: now.checked_add(self.times.stop),
        };
        let is_news = slot.stop(&stopped, self.max, now);
        (Reaction::HandOn, is_news.then_some(stopped))
    }

    /// A request was let through to see whether its stops are over, and they
    /// are.
    pub(super) fn passed(&mut self, key: &TokenKey, context: Option<&RequestContext>) -> bool {
        let Some(slot) = self.slots.get_mut(key) else {
            return false;
        };
        let before = slot.stops.len();
        for scope in scopes(context) {
            slot.stops.remove(&scope);
        }
        slot.stops.len() < before
    }

    /// Ends all stops of a token. `true`: there was one.
    pub(super) fn clear(&mut self, key: &TokenKey) -> bool {
        self.slots.get_mut(key).is_some_and(Slot::clear)
    }

    /// A flight has come to its end. `None`: nobody needs to know.
    pub(super) fn land(
        &mut self,
        key: &TokenKey,
        flight: &Arc<Flight>,
        result: Result<(Token, HeaderValue), RefreshError>,
        (now, draw): (Instant, f64),
    ) -> Option<Landed> {
        let times = self.times;
        if !self.slots.get_mut(key)?.take_off(flight) {
            return None;
        }
        let result = result.map(|(token, header)| self.fresh(token, header));
        let slot = self.slots.get_mut(key)?;
        let was_stopped = slot.is_refused();
        let result = result.and_then(|fresh| slot.refresh(fresh, times, now, draw));
        Some(match result {
            Ok(()) => Landed::Refreshed { was_stopped },
            Err(error) => {
                let failure = slot.fail(key, error, times, now, draw);
                let is_news = !(was_stopped && matches!(failure, Failure::Stopped(_)));
                Landed::Failed { failure, is_news }
            }
        })
    }
}

impl Slot {
    fn stop_of(&self, context: Option<&RequestContext>, now: Instant) -> Option<&TokenStopped> {
        let mut stops = scopes(context).filter_map(|scope| self.stops.get(&scope));
        stops.find(|stop| stop.until.is_none_or(|until| now < until))
    }
}

/// Where a request may be stopped, the widest first.
fn scopes(context: Option<&RequestContext>) -> impl Iterator<Item = Option<Scope>> {
    let narrow = [account(context), endpoint(context)];
    std::iter::once(None).chain(narrow.into_iter().flatten().map(Some))
}

fn account(context: Option<&RequestContext>) -> Option<Scope> {
    Some(Scope {
        account: Some(context?.account()?.clone()),
        endpoint: None,
    })
}

fn endpoint(context: Option<&RequestContext>) -> Option<Scope> {
    let context = context?;
    Some(Scope {
        account: context.account().cloned(),
        endpoint: Some(context.endpoint_name()?.clone()),
    })
}
