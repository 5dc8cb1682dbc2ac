use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    ScopeDemand, ScopeShare,
    settings::Settings,
    window::{Ahead, PERMIT, Window},
};
use crate::shared_state::{PermitPart, WindowSpan};

mod due;
mod exchange;
mod others;
mod permits;
mod share;
mod waiting;

use self::others::Others;
pub(super) use self::{
    due::{TOGETHER, Worth},
    others::Went,
};

/// Between two exchanges about one scope, unless somebody waits there and
/// nothing is held.
pub(super) const APART: Duration = Duration::from_millis(250);

/// For how long it counts how many waited.
const LATE: Duration = APART.saturating_mul(8);

/// One scope, as this process sees it.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) name: Arc<str>,
    pub(super) windows: Vec<Window>,
    pub(super) queued: u32,
    /// Requests that wait for a permit, and will wait here next.
    coming: u32,
    /// So many are known to.
    foreseen: u32,
    common: bool,
    /// Little was ever heard of the store.
    begins: bool,
    told_queued: u32,
    /// Whether any waited when it was told.
    told_waiting: bool,
    /// The most that waited of late, and when.
    most_queued: (u32, Instant),
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
    /// An exchange about it is under way.
    under_way: bool,
    /// Since when somebody waits for what a store says of it first.
    waits_since: Option<Instant>,
    others: Others,
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
            foreseen: 0,
            common: false,
            begins: true,
            told_queued: 0,
            told_waiting: false,
            most_queued: (0, now),
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
            under_way: false,
            waits_since: None,
            others: Others::default(),
            news_hold: None,
            hold: None,
            applied: None,
        }
    }

    /// `begins`: little was ever heard of the store. `alone`: it was lost, and others
    /// may have sent what is not known here.
    pub(super) fn observe(
        &mut self,
        demand: ScopeDemand,
        begins: bool,
        alone: bool,
        settings: &Settings,
        now: Instant,
    ) {
        (self.queued, self.common, self.begins) = (demand.queued, demand.common, begins);
        self.foreseen = demand.coming;
        self.news_hold = self.news_hold.max(demand.hold);
        let queued = self.backlog();
        if queued >= self.most_queued.0 || now >= self.most_queued.1 + LATE {
            self.most_queued = (queued, now);
        }
        let mut ahead = Ahead::of(&demand.windows, queued, self.part(), settings);
        if begins && self.asked.is_none() {
            ahead = ahead.at_first(&demand.windows, settings);
        }
        let mut old = std::mem::take(&mut self.windows);
        for mut window in demand.windows {
            let news = window.learned.take();
            let same = old.iter().position(|old| old.demand.span == window.span);
            let mut next = match same {
                Some(at) => old.swap_remove(at),
                None => Window::new(window.clone()),
            };
            next.learn(news, alone);
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

    fn is_leased(&self, now: Instant) -> bool {
        self.leased_until.is_some_and(|until| now < until)
    }

    /// Lets wishes that have passed be forgotten, though nothing new was heard.
    pub(super) fn refresh(&mut self, settings: &Settings, now: Instant) {
        self.news_hold.take_if(|until| *until <= now);
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
        self.under_way = false;
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

    /// The exchange about it has come to an end.
    pub(super) fn ended(&mut self) {
        self.under_way = false;
    }

    /// Somebody waits, and there is nothing to send by.
    pub(super) fn is_starved(&self) -> bool {
        self.queued > 0 && self.has_none()
    }

    /// Nobody waits here yet, but one will, and there is nothing to send by.
    pub(super) fn will_starve(&self) -> bool {
        self.queued == 0 && self.foreseen > 0 && self.has_none()
    }

    fn has_none(&self) -> bool {
        self.windows.iter().any(|window| window.held == 0)
    }

    /// Whether nothing is used, held or wanted any more.
    pub(super) fn is_quiet(&self) -> bool {
        !self.under_way
            && self.queued == 0
            && self.foreseen == 0
            && self.news_hold.is_none()
            && !self.told_waiting
            && self.windows.iter().all(|window| window.is_quiet())
    }

    /// Whether it wants more than its part.
    fn is_contended(&self) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|window| window.want > window.target)
    }

    /// What waits here, and what will.
    fn backlog(&self) -> u32 {
        // Whoever holds some expects as many as go on with it.
        let foreseen = if self.has_none() { self.foreseen } else { 0 };
        self.queued.saturating_add(self.coming.max(foreseen))
    }
}
