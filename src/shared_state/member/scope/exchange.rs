use tokio::time::Instant;

use super::{APART, Others, Scope};
use crate::shared_state::{
    ScopeAsk, ScopeReply,
    member::{ScopeShare, settings::after},
};

/// What is asked and heard of a scope.
impl Scope {
    /// Takes what it used on its own for held.
    pub(in crate::shared_state::member) fn prepare_claim(&mut self, share: &ScopeShare) {
        for (window, (_, limit)) in self.windows.iter_mut().zip(&share.limits) {
            window.claim(*limit);
        }
    }

    /// Gives back what is beyond its part. The layer knows the lower limits, and
    /// `observe` has heard what was sent until then. `common`: what is said of the
    /// backlog of what every request passes.
    pub(in crate::shared_state::member) fn ask(
        &mut self,
        number: u64,
        common: Option<u32>,
        now: Instant,
    ) -> ScopeAsk {
        let mut ask = ScopeAsk::new(self.name.clone());
        self.tell_queued(common);
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
        (self.called, self.unheard, self.under_way) = (false, true, true);
        ask
    }

    /// How many it would say that wait.
    pub(in crate::shared_state::member) fn tells_queued(&self) -> u32 {
        sticky(self.told_queued, self.waited_of_late())
    }

    /// How many waited, at most, of late. Where what there is goes as it comes, a queue
    /// may be empty now and then: parts that follow it would move tokens to and fro,
    /// and each is used only once it is there.
    fn waited_of_late(&self) -> u32 {
        match self.backlog() {
            queued if self.is_permits() => queued,
            0 if !self.is_contended() => 0,
            queued => queued.max(self.most_queued.0),
        }
    }

    /// Where about as many wait as before what every request passes, it says the
    /// same. A request passes both: were each parted otherwise, the least of its parts
    /// would count, and the rest be nobody's.
    fn tell_queued(&mut self, common: Option<u32>) {
        let common = common.filter(|_| !self.is_permits());
        let common = common.filter(|told| sticky(*told, self.waited_of_late()) == *told);
        self.told_queued = common.unwrap_or_else(|| self.tells_queued());
        self.told_waiting = self.backlog() > 0;
    }

    /// Whether a notice should have told some of it.
    pub(in crate::shared_state::member) fn hear(
        &mut self,
        ask: &ScopeAsk,
        reply: &ScopeReply,
        number: u64,
        lease_ends: Instant,
        now: Instant,
    ) -> bool {
        self.acknowledged = number;
        self.unheard = false;
        // What it has begun to do on its own since, or to wait for, is not told.
        self.claim &= !ask.claim;
        if self.told_waiting {
            self.waits_since = None;
        }
        self.leased_until = Some(lease_ends);
        self.others = Others::default();
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

    /// The news of the exchange that was sent `at` have come.
    pub(in crate::shared_state::member) fn told(&mut self, ask: &ScopeAsk, at: Instant) {
        // It may have been closed for longer since.
        let told = ask.hold.map(|wait| after(at, wait));
        self.news_hold.take_if(|until| Some(*until) <= told);
        for (window, ask) in self.windows.iter_mut().zip(&ask.windows) {
            window.told(ask);
        }
    }
}

/// What was told, while it is still about right: a backlog that goes up and
/// down a little must not move tokens to and fro. Half as much is not, nor twice.
pub(super) fn sticky(told: u32, queued: u32) -> u32 {
    let is_right = told / 2 < queued && queued < told.saturating_mul(2);
    if is_right { told } else { queued }
}
