use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    ScopeDemand, ScopeShare,
    settings::{Outage, Settings, after},
    window::{Ahead, PERMIT, Window},
};
use crate::shared_state::{PermitPart, ScopeAsk, ScopeReply, WindowSpan};

/// Between two exchanges about one scope, unless somebody waits there and
/// nothing is held.
pub(super) const APART: Duration = Duration::from_millis(250);

/// The longest that a permit waits for others, to be asked for together.
pub(super) const TOGETHER: Duration = Duration::from_secs(3);

/// Whoever holds a permit asks as often whether somebody waits for it.
const LOOK: Duration = Duration::from_secs(10);

/// From when on a permit is worth an exchange of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worth {
    /// For a request here.
    pub(super) own: Instant,
    /// For one of another process.
    pub(super) others: Instant,
}

/// One scope, as this process sees it.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) name: Arc<str>,
    pub(super) windows: Vec<Window>,
    pub(super) queued: u32,
    /// Requests that wait for a permit, and will wait here next.
    coming: u32,
    common: bool,
    /// Little was ever heard of the store.
    begins: bool,
    told_queued: u32,
    acknowledged: u64,
    /// The last exchange about it.
    number: u64,
    /// What was told after the reply that has not come yet.
    early: Option<PermitPart>,
    began: Instant,
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
    pub(super) fn new(name: Arc<str>, now: Instant) -> Self {
        Self {
            name,
            windows: Vec::new(),
            queued: 0,
            coming: 0,
            common: false,
            begins: true,
            told_queued: 0,
            acknowledged: 0,
            number: 0,
            early: None,
            began: now,
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

    /// `begins`: little was ever heard of the store.
    pub(super) fn observe(
        &mut self,
        demand: ScopeDemand,
        begins: bool,
        settings: &Settings,
        now: Instant,
    ) {
        (self.queued, self.common, self.begins) = (demand.queued, demand.common, begins);
        self.news_hold = self.news_hold.max(demand.hold);
        let queued = self.backlog();
        let mut ahead = Ahead::of(&demand.windows, queued, self.part(), settings);
        if begins && self.asked.is_none() {
            ahead = ahead.at_first(&demand.windows, settings);
        }
        let mut old = std::mem::take(&mut self.windows);
        for window in demand.windows {
            let same = old.iter().position(|old| old.demand.span == window.span);
            let mut next = match same {
                Some(at) => old.swap_remove(at),
                None => Window::new(window.clone()),
            };
            next.observe(window, queued, ahead, now);
            if !self.called {
                next.keep_for(settings.keep, now);
            }
            self.windows.push(next);
        }
    }

    /// Its part of the shortest window, if it wants more: so it uses no more. At
    /// first that says little.
    fn part(&self) -> Option<u32> {
        if self.begins {
            return None;
        }
        let timed = self.windows.iter().filter(|it| it.demand.span != PERMIT);
        let shortest = timed.min_by_key(|window| window.demand.span.length())?;
        (0 < shortest.target && shortest.target < shortest.want).then_some(shortest.target)
    }

    /// Lets wishes that have passed be forgotten, though nothing new was heard.
    pub(super) fn refresh(&mut self, settings: &Settings, now: Instant) {
        for window in &mut self.windows {
            window.demand.busy.retain(|(at, _)| *at > now);
        }
        let queued = self.backlog();
        let demands = self.windows.iter().map(|it| &it.demand);
        let ahead = Ahead::of(demands, queued, self.part(), settings);
        for window in &mut self.windows {
            window.observe(window.demand.clone(), queued, ahead, now);
            if !self.called {
                window.keep_for(settings.keep, now);
            }
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

    /// What waits here, and what will.
    fn backlog(&self) -> u32 {
        self.queued.saturating_add(self.coming)
    }

    /// Of so many that wait for a permit, its part comes here next: as large as
    /// its part of the `load` of what all pass.
    pub(super) fn expect(&mut self, waiting: u32, load: u64) {
        let part = u64::from(waiting) * self.load().min(load) / load.max(1);
        self.coming = u32::try_from(part).unwrap_or(waiting);
    }

    /// What was sent within its shortest window, and waits.
    pub(super) fn load(&self) -> u64 {
        let windows = self.windows.iter().map(|window| &window.demand);
        let shortest = windows.min_by_key(|window| window.span.length());
        u64::from(self.queued) + shortest.map_or(0, |window| window.used().into())
    }

    /// Of those that wait for a permit, so many at most will go on together.
    pub(super) fn comes_next(&self) -> u32 {
        let permits = self.windows.iter().filter(|window| window.is_permit());
        let most = permits.map(|window| window.demand.limit).max();
        self.queued.min(most.unwrap_or(0))
    }

    /// Whether every request passes it.
    pub(super) fn is_passed_by_all(&self) -> bool {
        self.common
    }

    /// Whether every request passes it, and some wait for it now.
    pub(super) fn is_common(&self) -> bool {
        self.common && self.queued > 0
    }

    /// Whether all of it is permits.
    pub(super) fn is_permits(&self) -> bool {
        !self.windows.is_empty() && self.windows.iter().all(Window::is_permit)
    }

    pub(super) fn uses_permits(&self) -> bool {
        self.is_permits() && self.windows.iter().any(|it| it.demand.in_flight > 0)
    }

    /// How long one more waits here: it comes after one of each account, or after
    /// all.
    pub(super) fn wait(&self, accounts: u32) -> Duration {
        let limits = self.applied.iter().flat_map(|share| &share.limits);
        let shortest = limits.min_by_key(|(span, _)| span.length());
        shortest.map_or(Duration::ZERO, |(span, limit)| {
            let before = self.queued.min(accounts);
            span.length().saturating_mul(before) / (*limit).max(1)
        })
    }

    /// A store has told what it has of permits. See [`PermitPart`]. `alone`: it was
    /// away when we heard of it last.
    pub(super) fn hear_permits(&mut self, part: &PermitPart, alone: bool, now: Instant) {
        // Somebody waits, or we did: what is not in use goes on.
        self.called = true;
        self.windows.iter_mut().for_each(|it| it.kept_until = None);
        let leased = self.leased_until.is_some_and(|until| now < until);
        if part.number != self.number {
            return;
        }
        if self.unheard {
            self.early = Some(*part);
        } else if leased && !self.claim && !alone {
            self.take_permits(part);
        }
    }

    fn take_permits(&mut self, part: &PermitPart) {
        for window in self.windows.iter_mut().filter(|it| it.is_permit()) {
            window.hear_permits(part.held, part.target);
        }
    }

    /// When the next exchange about it is due, where it is permits: for the sake
    /// of a request or of another process, only when it is
    /// `worth` it.
    fn permits_due(&self, settings: &Settings, worth: Worth, now: Instant) -> Option<Instant> {
        let any = |is: &dyn Fn(&Window) -> bool| self.windows.iter().any(is);
        let Some(asked) = self.asked else {
            let wants = self.queued > 0 || any(&|window| window.want > 0);
            return wants.then_some(worth.own.max(now));
        };
        if self.claim || self.unheard || self.rests {
            return Some(now);
        }
        let known = any(&|window| window.held > 0 || window.told_want > 0);
        // Nothing tells that others wait, should that notice be lost.
        let renew = match any(&|window| window.held > 0) {
            true if settings.keep.is_zero() => settings.renew().min(APART * 5),
            true => settings.renew().min(LOOK),
            false => settings.renew(),
        };
        let mut due = known.then(|| asked + renew);
        let mut sooner = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        if self.is_starved() && self.told_queued == 0 {
            sooner(worth.own.min(asked + renew).max(now));
        }
        let gives = any(&|window| window.gives_permits(now) || window.want < window.told_want);
        let owes = any(&Window::owes_permits);
        let lacks = |window: &Window| window.want > window.told_want && window.wants_permits();
        if owes || gives && (self.called || settings.keep.is_zero()) {
            sooner(worth.others.max(asked + APART));
        }
        if any(&lacks) {
            sooner(worth.own.max(asked + APART));
        }
        if self.queued > 0 && any(&Window::wants_permits) {
            // Nothing tells whoever waits that a notice was lost.
            let at = self
                .ask_at
                .map_or(Duration::MAX, |at| at.saturating_duration_since(asked));
            let again = match settings.keep.is_zero() {
                true => APART,
                false => APART * 4,
            };
            if worth.own <= now || worth.own <= asked {
                let most = (settings.lease / 4).min(APART * 5);
                sooner(asked + at.clamp(again, most.max(again)));
            } else {
                sooner(worth.own.max(asked + settings.renew().min(TOGETHER)));
            }
        }
        due
    }

    /// Who was asked about longest ago goes first, or began to wait before that: were
    /// it by when they are due, some would never have their turn.
    pub(super) fn turn(&self) -> Instant {
        self.asked.unwrap_or(self.began)
    }

    /// Whether it goes along with any exchange.
    pub(super) fn comes_along(&self, now: Instant) -> bool {
        let news = |window: &Window| {
            window.want != window.told_want || window.gives_permits(now) || window.wants_permits()
        };
        self.is_permits() && self.windows.iter().any(news)
    }

    /// When the next exchange about it is due. See `permits_due`.
    pub(super) fn due(&self, settings: &Settings, worth: Worth, now: Instant) -> Option<Instant> {
        if self.is_permits() && self.news_hold.is_none() {
            return self.permits_due(settings, worth, now);
        }
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
        if self.called || self.windows.iter().any(|window| window.has_surplus(now)) {
            sooner(soon);
        }
        if self
            .windows
            .iter()
            .any(|window| window.is_news() || window.runs_out())
        {
            sooner(soon);
        }
        let (queued, told) = (self.backlog(), self.told_queued);
        let contended = self
            .windows
            .iter()
            .any(|window| window.want > window.target);
        if contended && sticky(told, queued) != told {
            sooner(asked + APART * 8);
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
            limit.min(window.keep(now))
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
    pub(super) fn ask(&mut self, number: u64, now: Instant) -> ScopeAsk {
        let mut ask = ScopeAsk::new(self.name.clone());
        self.told_queued = sticky(self.told_queued, self.backlog());
        ask.acknowledged = self.acknowledged;
        ask.claim = self.claim;
        ask.hold = self
            .news_hold
            .map(|until| until.saturating_duration_since(now));
        for window in &mut self.windows {
            if !self.claim {
                window.give_back(window.keep(now), now);
            }
            ask.windows.push(window.ask(self.told_queued, now));
        }
        (self.asked, self.number, self.early) = (Some(now), number, None);
        // What it claims, it gives back only with the next.
        self.rests &= self.claim;
        (self.called, self.unheard) = (false, true);
        ask
    }

    /// Whether a notice should have told some of it.
    pub(super) fn hear(
        &mut self,
        reply: &ScopeReply,
        number: u64,
        lease_ends: Instant,
        now: Instant,
    ) -> bool {
        self.acknowledged = number;
        (self.claim, self.unheard) = (false, false);
        self.leased_until = Some(lease_ends);
        if let Some(wait) = reply.hold {
            self.hear_hold(after(now, wait));
        }
        for (window, reply) in self.windows.iter_mut().zip(&reply.windows) {
            window.hear(reply, now);
        }
        if let Some(part) = self.early.take() {
            self.take_permits(&part);
        }
        // For the sake of one token of many it need not ask at once.
        let patient = self.windows.iter().all(|window| !window.lacks());
        let ask_in = reply.ask_in.filter(|wait| *wait > APART || !patient);
        self.ask_at = ask_in.map(|wait| after(now, wait));
        reply.missed
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
