use tokio::time::Instant;

use super::Scope;
use crate::shared_state::{
    WindowSpan,
    member::{
        ScopeShare,
        settings::{Outage, Settings, after},
        window::Window,
    },
};

/// What the layer may do.
impl Scope {
    /// What the layer may do from now on.
    pub(in crate::shared_state::member) fn share(
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
        let mut share = match (outage, applied) {
            (Some(outage), _) if !outage.closed && self.leaves_it_to_others(now) => {
                self.share_by(now, valid_until, |_, _| 0)
            }
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
        };
        share.alone = self.is_alone(outage, now);
        share
    }

    /// Whether it goes on by what nobody has lent it.
    pub(in crate::shared_state::member) fn is_alone(
        &self,
        outage: Option<&Outage>,
        now: Instant,
    ) -> bool {
        outage.is_some_and(|outage| !outage.closed) && !self.is_leased(now)
    }

    /// What was learned that way is neither told to the store nor to the layer.
    pub(in crate::shared_state::member) fn forget_lonely(&mut self) {
        self.windows.iter_mut().for_each(Window::forget_lonely);
    }

    /// What the layer may do once it has given back what is beyond its part.
    pub(in crate::shared_state::member) fn lowered(&self, now: Instant) -> ScopeShare {
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
            alone: false,
            hold: self.hold.filter(|until| *until > now),
            learned: self.learned().collect(),
        }
    }

    fn learned(&self) -> impl Iterator<Item = (WindowSpan, u32)> {
        let windows = self.windows.iter();
        windows.filter_map(|it| Some((it.demand.span, it.learned()?)))
    }

    /// Nothing is held or wanted any more.
    pub(in crate::shared_state::member) fn end(mut self, now: Instant) -> ScopeShare {
        self.forget_lonely();
        ScopeShare {
            limits: Vec::new(),
            valid_until: now,
            alone: false,
            hold: self.hold.filter(|until| *until > now),
            learned: self.learned().collect(),
            name: self.name,
        }
    }

    /// Once all that was sent by them has left the window, tokens whose lease
    /// is over are somebody else's.
    pub(in crate::shared_state::member) fn lapse(&mut self, now: Instant) {
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
    pub(in crate::shared_state::member) fn changes(
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
        let alone = self.left_alone_at(settings);
        let others = self.others.until;
        [soonest, self.leased_until, others, forgets.min(), alone]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }
}

fn limit_of(share: &ScopeShare, at: usize) -> u32 {
    share.limits.get(at).map_or(0, |(_, limit)| *limit)
}
