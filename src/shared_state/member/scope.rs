use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    ScopeDemand, ScopeShare,
    settings::{Outage, Settings, after},
    window::{Ahead, PERMIT, Window},
};
use crate::shared_state::{ScopeAsk, ScopeReply, WindowSpan};

/// Between two exchanges about one scope, unless somebody waits there and
/// nothing is held.
pub(super) const APART: Duration = Duration::from_millis(250);

/// One scope, as this process sees it.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) name: Arc<str>,
    pub(super) windows: Vec<Window>,
    pub(super) queued: u32,
    told_queued: u32,
    acknowledged: u64,
    /// When the last exchange about it was sent.
    asked: Option<Instant>,
    pub(super) leased_until: Option<Instant>,
    /// The store said that there may be more then.
    ask_at: Option<Instant>,
    /// It was on its own since the last exchange.
    pub(super) claim: bool,
    called: bool,
    /// What is not in use is to be given back at once.
    pub(super) rests: bool,
    /// The reply to its last exchange has not come.
    unheard: bool,
    news_hold: Option<Instant>,
    hold: Option<Instant>,
    pub(super) applied: Option<ScopeShare>,
}

impl Scope {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            windows: Vec::new(),
            queued: 0,
            told_queued: 0,
            acknowledged: 0,
            asked: None,
            leased_until: None,
            ask_at: None,
            claim: false,
            called: false,
            rests: false,
            unheard: false,
            news_hold: None,
            hold: None,
            applied: None,
        }
    }

    /// `is_first`: nothing was ever heard of the store.
    pub(super) fn observe(
        &mut self,
        demand: ScopeDemand,
        is_first: bool,
        settings: &Settings,
        now: Instant,
    ) {
        self.queued = demand.queued;
        self.news_hold = self.news_hold.max(demand.hold);
        let mut ahead = Ahead::of(&demand.windows, self.queued, self.part(), settings);
        if is_first {
            ahead = ahead.at_first(&demand.windows, settings);
        }
        let mut old = std::mem::take(&mut self.windows);
        for window in demand.windows {
            let same = old.iter().position(|old| old.demand.span == window.span);
            let mut next = match same {
                Some(at) => old.swap_remove(at),
                None => Window::new(window.clone()),
            };
            next.observe(window, self.queued, ahead, now);
            self.windows.push(next);
        }
    }

    /// Its part of the shortest window, if it wants more: so it uses no more.
    fn part(&self) -> Option<u32> {
        let timed = self.windows.iter().filter(|it| it.demand.span != PERMIT);
        let shortest = timed.min_by_key(|window| window.demand.span.length())?;
        (0 < shortest.target && shortest.target < shortest.want).then_some(shortest.target)
    }

    /// Lets wishes that have passed be forgotten, though nothing new was heard.
    pub(super) fn refresh(&mut self, settings: &Settings, now: Instant) {
        for window in &mut self.windows {
            window.demand.busy.retain(|(at, _)| *at > now);
        }
        let ahead = Ahead::of(
            self.windows.iter().map(|it| &it.demand),
            self.queued,
            self.part(),
            settings,
        );
        for window in &mut self.windows {
            window.observe(window.demand.clone(), self.queued, ahead, now);
        }
    }

    /// From now on we are another member, who holds nothing yet.
    pub(super) fn forget_member(&mut self) {
        (self.acknowledged, self.leased_until) = (0, None);
        self.windows.iter_mut().for_each(Window::forget);
    }

    /// Nothing is wanted any more but for what is under way, or waits.
    pub(super) fn rest(&mut self, now: Instant) {
        self.windows.iter_mut().for_each(|window| window.rest(now));
        self.rests = self.asked.is_some();
    }

    /// Another has learned what part of a window is real: what is beyond its
    /// part of that is given back with the next exchange, and not used any more.
    pub(super) fn hear_learned(&mut self, span: WindowSpan, ratio: u32) {
        let windows = self.windows.iter_mut();
        for window in windows.filter(|window| window.demand.span == span) {
            self.called |= window.hear_learned(ratio);
        }
    }

    /// Somebody waits for what it holds beyond its part.
    pub(super) fn call(&mut self) {
        self.called = true;
    }

    pub(super) fn hear_hold(&mut self, until: Instant) {
        self.hold = self.hold.max(Some(until));
    }

    /// Somebody waits, and there is nothing to send by.
    pub(super) fn is_starved(&self) -> bool {
        self.queued > 0 && self.windows.iter().any(|window| window.held == 0)
    }

    /// Whether nothing is used, held or wanted any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.queued == 0
            && self.news_hold.is_none()
            && self.told_queued == 0
            && self.windows.iter().all(|window| window.is_quiet())
    }

    /// When the next exchange about it is due.
    pub(super) fn due(&self, settings: &Settings, now: Instant) -> Option<Instant> {
        let Some(asked) = self.asked else {
            let any = self.queued > 0 || self.windows.iter().any(|window| window.want > 0);
            return any.then_some(now);
        };
        if self.claim || self.unheard || self.rests {
            return Some(now);
        }
        if self.news_hold.is_some() || self.windows.iter().any(Window::has_learned) {
            return Some(now);
        }
        if self.is_starved() && self.told_queued == 0 {
            return Some(now);
        }
        let soon = asked + APART;
        let holds = self.windows.iter().any(|window| window.held > 0);
        let mut due = holds.then(|| asked + settings.renew());
        let mut sooner = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        if self.called || self.windows.iter().any(Window::has_surplus) {
            sooner(soon);
        }
        if self
            .windows
            .iter()
            .any(|window| window.is_news() || window.runs_out())
        {
            sooner(soon);
        }
        let (queued, told) = (self.queued, self.told_queued);
        let contended = self
            .windows
            .iter()
            .any(|window| window.want > window.target);
        if contended && sticky(told, queued) != told {
            sooner(asked + APART * 8);
        }
        if self.queued > 0 && self.windows.iter().any(Window::wants_permits) {
            // Others let go of them at any time.
            sooner(asked + APART * 4);
        }
        if self.queued > 0
            && let Some(at) = self.ask_at
        {
            sooner(at.max(soon));
        }
        // Nothing said when, but somebody waits.
        if self.is_starved() && self.ask_at.is_none() {
            sooner(asked + settings.lease / 4);
        }
        due
    }

    /// What the layer may do from now on.
    pub(super) fn share(
        &self,
        settings: &Settings,
        outage: Option<&Outage>,
        now: Instant,
    ) -> ScopeShare {
        let leased = self.leased_until.filter(|until| now < *until);
        let applied = self.applied.as_ref();
        let valid_until = leased.unwrap_or_else(|| {
            // Moved on now and then, not each time.
            let applied = applied.map(|applied| applied.valid_until);
            let still = applied.filter(|until| *until > now + settings.lease / 2);
            still.unwrap_or(now + settings.lease)
        });
        match (outage, applied) {
            (Some(outage), _) => {
                let limit = |window: &Window| window.limit_alone(settings, outage, now);
                self.share_by(now, valid_until, |_, window| limit(window))
            }
            // The store is back, but has not heard of this scope yet.
            (None, Some(applied)) if self.claim => {
                self.share_by(now, valid_until, |at, _| limit_of(applied, at))
            }
            (None, _) if leased.is_some() => {
                self.share_by(now, valid_until, |_, window| window.limit(now))
            }
            (None, _) => self.share_by(now, valid_until, |_, _| 0),
        }
    }

    /// What the layer may do once it has given back what is beyond its part.
    pub(super) fn lowered(&self, now: Instant) -> ScopeShare {
        let applied = self.applied.as_ref();
        let valid_until = applied.map_or(now, |share| share.valid_until);
        self.share_by(now, valid_until, |at, window| {
            let limit = applied.map_or(0, |share| limit_of(share, at));
            limit.min(window.keep())
        })
    }

    fn share_by(
        &self,
        now: Instant,
        valid_until: Instant,
        limit: impl Fn(usize, &Window) -> u32,
    ) -> ScopeShare {
        let windows = self.windows.iter().enumerate();
        let ends = self.windows.iter().filter_map(|it| it.ends_at(now));
        ScopeShare {
            name: self.name.clone(),
            limits: windows
                .map(|(at, window)| (window.demand.span, limit(at, window)))
                .collect(),
            valid_until: ends.fold(valid_until, Instant::min),
            hold: self.hold.filter(|until| *until > now),
            learned: self.learned().collect(),
        }
    }

    fn learned(&self) -> impl Iterator<Item = (WindowSpan, u32)> {
        let windows = self.windows.iter();
        windows.filter_map(|it| Some((it.demand.span, it.learned()?)))
    }

    /// Nothing is held or wanted any more.
    pub(super) fn end(self, now: Instant) -> ScopeShare {
        ScopeShare {
            limits: Vec::new(),
            valid_until: now,
            hold: self.hold.filter(|until| *until > now),
            learned: self.learned().collect(),
            name: self.name,
        }
    }

    /// Once all that was sent by them has left the window, tokens whose lease
    /// is over are somebody else's.
    pub(super) fn lapse(&mut self, now: Instant) {
        let Some(until) = self.leased_until else {
            return;
        };
        for window in &mut self.windows {
            // All that we sent. The store waits longer still, so none comes to
            // be stated that it has given away already.
            if now >= after(until, window.demand.span.length()) {
                window.lapse();
            }
        }
    }

    /// When what the layer may do changes of itself.
    pub(super) fn changes(
        &self,
        settings: &Settings,
        outage: Option<&Outage>,
        now: Instant,
    ) -> Option<Instant> {
        let windows = self.windows.iter();
        let soonest = match outage {
            None => windows.filter_map(|window| window.next_change(now)).min(),
            Some(outage) => windows
                .filter_map(|window| window.changes_alone(settings, outage, now))
                .min(),
        };
        let forgets = self.windows.iter().filter_map(Window::forgets_at);
        [soonest, self.leased_until, forgets.min()]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Takes what it used on its own for held.
    pub(super) fn prepare_claim(&mut self, share: &ScopeShare) {
        for (window, (_, limit)) in self.windows.iter_mut().zip(&share.limits) {
            window.claim(*limit);
        }
    }

    /// Gives back what is beyond its part. The layer knows the lower limits, and
    /// `observe` has heard what was sent until then.
    pub(super) fn ask(&mut self, now: Instant) -> ScopeAsk {
        let mut ask = ScopeAsk::new(self.name.clone());
        self.told_queued = sticky(self.told_queued, self.queued);
        ask.acknowledged = self.acknowledged;
        ask.claim = self.claim;
        ask.hold = self
            .news_hold
            .map(|until| until.saturating_duration_since(now));
        for window in &mut self.windows {
            if !self.claim {
                window.give_back(window.keep(), now);
            }
            ask.windows.push(window.ask(self.told_queued, now));
        }
        self.asked = Some(now);
        // What it claims, it gives back only with the next.
        self.rests &= self.claim;
        (self.called, self.unheard) = (false, true);
        ask
    }

    pub(super) fn hear(
        &mut self,
        reply: &ScopeReply,
        number: u64,
        lease_ends: Instant,
        now: Instant,
    ) {
        self.acknowledged = number;
        (self.claim, self.unheard) = (false, false);
        self.leased_until = Some(lease_ends);
        if let Some(wait) = reply.hold {
            self.hear_hold(after(now, wait));
        }
        for (window, reply) in self.windows.iter_mut().zip(&reply.windows) {
            window.hear(reply, now);
        }
        // For the sake of one token of many it need not ask at once.
        let patient = self.windows.iter().all(|window| !window.lacks());
        let ask_in = reply.ask_in.filter(|wait| *wait > APART || !patient);
        self.ask_at = ask_in.map(|wait| after(now, wait));
    }

    /// The news of the last exchange have come.
    pub(super) fn told(&mut self, ask: &ScopeAsk) {
        if ask.hold.is_some() {
            self.news_hold = None;
        }
        for (window, ask) in self.windows.iter_mut().zip(&ask.windows) {
            window.told(ask);
        }
    }
}

fn limit_of(share: &ScopeShare, at: usize) -> u32 {
    share.limits.get(at).map_or(0, |(_, limit)| *limit)
}

/// What was told, while it is still about right: a backlog that goes up and
/// down a little must not move tokens to and fro.
fn sticky(told: u32, queued: u32) -> u32 {
    let (least, most) = (told / 2, told.saturating_mul(2));
    if queued > 0 && told > 0 && (least..=most).contains(&queued) {
        return told;
    }
    queued
}
