mod ahead;
mod alone;
mod give;
mod learned;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::ahead::Ahead;
use self::learned::Learned;
use super::WindowDemand;
use crate::shared_state::WindowSpan;

/// How long a use that has ended still counts as a wish.
const LINGER: Duration = Duration::from_secs(1);

/// One window of a scope, as this process sees it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) demand: WindowDemand,
    /// Tokens of ours, as the store will know with the next exchange.
    pub(super) held: u32,
    /// Of those, which may be used only from an instant on.
    late: Vec<(Instant, u32)>,
    /// Given back, but not confirmed: when each is free.
    returning: Vec<(Instant, u32)>,
    /// Given back, but still used by requests of ours: as long as the layer
    /// counts those, its limit counts them too.
    leaving: Vec<(Instant, u32)>,
    pub(super) target: u32,
    /// More that is safe to use should the store be lost.
    spare: u32,
    pub(super) want: u32,
    wanted_at: Option<Instant>,
    /// When anything was sent, or waited, last.
    used_at: Option<Instant>,
    /// Permits are kept until then, as long as nobody else wants them.
    pub(super) kept_until: Option<Instant>,
    /// Others hold all permits but ours, so the next that wants one waits for it.
    is_full: bool,
    pub(super) told_want: u32,
    /// So few were left that a longer window is used up before the lease ends.
    is_low: bool,
    learned: Learned,
}

impl Window {
    pub(super) fn new(demand: WindowDemand) -> Self {
        Self {
            demand,
            held: 0,
            late: Vec::new(),
            returning: Vec::new(),
            leaving: Vec::new(),
            target: 0,
            spare: 0,
            want: 0,
            wanted_at: None,
            used_at: None,
            kept_until: None,
            is_full: false,
            told_want: 0,
            is_low: false,
            learned: Learned::default(),
        }
    }

    pub(super) fn observe(
        &mut self,
        demand: WindowDemand,
        queued: u32,
        ahead: Ahead,
        now: Instant,
    ) {
        self.leaving.retain(|(at, _)| *at > now);
        let before = std::mem::replace(&mut self.demand, demand).used();
        let used = self.demand.used();
        // In a long window uses stay for long; whether anything is sent now is
        // another matter.
        if queued > 0 || self.demand.in_flight > 0 || used > before || self.used_at.is_none() {
            self.used_at = Some(now);
        }
        let active = self.used_at.is_some_and(|at| now < at + LINGER);
        let least = ahead.least;
        let ahead = ahead.in_longer_than(self.demand.span);
        self.is_low = self.held.saturating_sub(used) < ahead / 4;
        let want = match used.saturating_add(queued) {
            _ if !active => 0,
            0 => 0,
            want if self.demand.span == PERMIT => want,
            // What is under way does not say what comes next, so a little more.
            want => want
                .max(used.saturating_add(ahead.max(least)))
                .saturating_add(1 + used / 8),
        };
        let want = want.min(self.demand.limit);
        let lingers = self.wanted_at.is_some_and(|at| now < at + LINGER);
        if want >= self.want || !lingers {
            self.want = want;
            self.wanted_at = Some(now);
        }
    }

    /// Keeps what was used now for so long.
    pub(super) fn keep_for(&mut self, time: Duration, now: Instant) {
        if self.is_permit() && self.used_at == Some(now) {
            self.kept_until = Some(now + time);
        }
    }

    /// Nothing is wanted any more, unless something is sent or waits from now on.
    pub(super) fn rest(&mut self, now: Instant) {
        (self.want, self.wanted_at, self.kept_until) = (0, None, None);
        // NOTE: as if it were long ago, for `None` stands for a new one.
        self.used_at = now.checked_sub(LINGER);
    }

    /// Whether a wish that has passed may be forgotten now.
    pub(super) fn forgets_at(&self) -> Option<Instant> {
        self.wanted_at
            .filter(|_| self.want > 0)
            .map(|at| at + LINGER)
    }

    fn late_at(&self, now: Instant) -> u32 {
        let late = self.late.iter().filter(|(from, _)| *from > now);
        late.map(|(_, count)| count).sum()
    }

    /// When the limit changes of itself.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let late = self.late.iter().map(|(from, _)| *from);
        let margin = self.margin();
        let leaving = self
            .leaving
            .iter()
            .filter_map(|(at, _)| at.checked_sub(margin));
        late.chain(leaving).filter(|at| *at > now).min()
    }

    /// When the limit is too high, should nobody have looked until then.
    pub(super) fn ends_at(&self, now: Instant) -> Option<Instant> {
        let counted = self.leaving.iter().map(|(at, _)| *at);
        counted.filter(|at| *at > now + self.margin()).min()
    }

    /// A limit is lowered a little before the token is another's.
    fn margin(&self) -> Duration {
        (self.demand.span.length() / 64).min(Duration::from_millis(250))
    }

    /// The tokens that it should keep: no more than its part, and than it has
    /// a use for.
    pub(super) fn keep(&self, now: Instant) -> u32 {
        let part = self.held.min(self.target);
        if !self.is_full && self.kept_until.is_some_and(|until| now < until) {
            return part;
        }
        part.min(self.want)
    }

    /// Whether nobody here uses what it keeps.
    pub(super) fn is_kept_idle(&self) -> bool {
        self.kept_until.is_some() && self.held > 0 && self.want == 0
    }

    /// Permits that are free here and not kept.
    pub(super) fn gives_permits(&self, now: Instant) -> bool {
        self.held > self.keep(now).max(self.demand.in_flight)
    }

    /// Whether others wait for permits that are free here.
    pub(super) fn owes_permits(&self) -> bool {
        self.held > self.target.max(self.demand.in_flight)
    }

    /// Whether what it could give back is worth an exchange.
    pub(super) fn has_surplus(&self, now: Instant) -> bool {
        let keep = self.keep(now);
        let least = (self.held / 16).max(1);
        let beyond = self.held >= self.target.max(self.demand.in_flight) + least;
        let idle = self.held - keep >= (self.held / 4).max(1) && keep >= self.demand.in_flight;
        beyond || (idle && self.held > keep)
    }

    /// Whether it is worth an exchange to get what is missing.
    pub(super) fn lacks(&self) -> bool {
        self.held + (self.target / 16).max(1) <= self.target
    }

    /// Whether more permits are wanted than are its part.
    pub(super) fn wants_permits(&self) -> bool {
        self.is_permit() && self.want > self.held
    }

    pub(super) fn is_permit(&self) -> bool {
        self.demand.span == PERMIT
    }

    /// Others have given back, or wait.
    pub(super) fn hear_permits(&mut self, held: u32, target: u32) {
        self.held = self.held.max(held.min(self.demand.limit));
        self.target = target.min(self.demand.limit);
    }

    /// Whether nothing of it is held, used or wanted.
    pub(super) fn is_quiet(&self) -> bool {
        !self.has_learned()
            && self.held == 0
            && self.want == 0
            && self.told_want == 0
            && self.leaving.is_empty()
    }

    /// Whether it runs out of what it may have more of.
    pub(super) fn runs_out(&self) -> bool {
        self.is_low && self.want > self.told_want && self.target >= self.told_want
    }

    /// Whether the store should hear that more, or much less, is wanted.
    pub(super) fn is_news(&self) -> bool {
        let (want, told) = (self.want, self.told_want);
        (want == 0) != (told == 0) || want.abs_diff(told) > (told / 4).max(1)
    }

    /// What the layer may have in the window now.
    pub(super) fn limit(&self, now: Instant) -> u32 {
        let limit = self.owned(now).saturating_sub(self.late_at(now));
        match self.demand.span {
            // What is beyond its part is given back only once it is released, and
            // must not be taken again before that.
            PERMIT => limit.min(self.target),
            _ => limit,
        }
    }

    /// Tokens that are ours, or still count as used by us.
    pub(super) fn owned(&self, now: Instant) -> u32 {
        let margin = self.margin();
        let leaving = self.leaving.iter().filter(|(at, _)| *at > now + margin);
        let leaving = leaving.map(|(_, count)| *count);
        leaving.fold(self.held, u32::saturating_add)
    }
}

/// The span of what is free as soon as it is released.
pub(in crate::shared_state::member) const PERMIT: WindowSpan = WindowSpan::Any(Duration::ZERO);
