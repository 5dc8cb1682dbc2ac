use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{demand::Told, lonely::Alone, name::name_of};
use crate::{
    request_pacing::{
        Scope, Scopes,
        core::{Core, GATE},
        gate::Gate,
        learned::{Learned, Ratios},
        tick::Now,
        waiter::Wish,
        window::Plan,
    },
    shared_state::WindowSpan,
    slab::At,
};

/// As long as a permit may wait to be asked for, and for its answer. Whoever waits
/// longer waits for others, and need not keep them from what they wait for.
const COMES: Duration = Duration::from_secs(4);

/// The scopes of which this process has a part, or wants one.
#[derive(Debug, Default)]
pub(in crate::request_pacing) struct Lending {
    pub(super) scopes: BTreeMap<Arc<str>, At>,
    /// When what is lent is no longer ours.
    pub(super) ends: BTreeSet<(Instant, At)>,
    /// Whether somebody waits where nothing is left, or there is news.
    calls: bool,
}

/// What this process has of one scope.
#[derive(Debug)]
pub(in crate::request_pacing) struct Lent {
    pub(super) name: Arc<str>,
    /// Every request passes it.
    pub(super) common: bool,
    pub(super) parts: Vec<(WindowSpan, u32)>,
    pub(super) until: Option<Instant>,
    /// Others may send what is not known here.
    pub(super) alone: bool,
    /// What was learned before that.
    pub(super) before: Ratios,
    /// Requests before this one were sent alone.
    pub(super) past: u64,
    /// Refusals of which nobody was told.
    pub(super) refused: u32,
    /// A refusal has closed it until then, and nobody was told.
    pub(super) hold: Option<Instant>,
    /// So much of that the server said.
    pub(super) stated: Option<Instant>,
    pub(super) told: Option<Told>,
    pub(super) foreseen: Option<Foreseen>,
    /// What was learned, as it was told or heard.
    pub(super) ratios: Ratios,
    pub(super) ratios_told: Option<Instant>,
}

/// Requests that wait elsewhere, and come here next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foreseen {
    count: u32,
    /// The next to be sent, when the first of them was foreseen.
    next: u64,
    /// They have come by then, if it goes well.
    until: Instant,
}

impl Foreseen {
    /// How many have not come yet.
    pub(super) fn left(self, queued: u32, next: u64, now: Instant) -> u32 {
        if self.until <= now {
            return 0;
        }
        let came = next.saturating_sub(self.next).saturating_add(queued.into());
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        self.count.saturating_sub(came)
    }
}

impl Lending {
    pub(super) fn call(&mut self) {
        self.calls = true;
    }
}

impl Core {
    /// Somebody waits for this scope. Where nothing of it is left, some is to be
    /// asked for.
    pub(in crate::request_pacing) fn borrow(&mut self, at: At) {
        let Some(lending) = &mut self.lending else {
            return;
        };
        let gate = self.gates.get(at).expect(GATE);
        if !gate.windows.are_lent() {
            return;
        }
        if gate.windows.are_shut() {
            lending.call();
        }
        if gate.if_active().is_some_and(|it| it.lent.is_some()) {
            return;
        }
        // What was learned in another time is no news: what the others know by
        // now goes before it.
        let learned = gate.if_active().and_then(|it| it.learned.as_deref());
        let ratios = learned.map_or_else(Ratios::default, Learned::ratios);
        let scope = self.scope_of(gate);
        let name: Arc<str> = name_of(&scope).into();
        let lent = Lent {
            name: name.clone(),
            common: scope == Scope::app(),
            parts: Vec::new(),
            until: None,
            alone: false,
            before: Ratios::default(),
            past: 0,
            refused: 0,
            hold: None,
            stated: None,
            told: None,
            foreseen: None,
            ratios,
            ratios_told: None,
        };
        self.gate(at).active().lent = Some(Box::new(lent));
        if let Some(lending) = &mut self.lending {
            lending.scopes.insert(name, at);
        }
    }

    /// One waits for another layer, and for these next.
    pub(super) fn foresee(&mut self, wish: &Wish<'_>, now: Now) {
        if self.drain.began {
            return;
        }
        self.evict(now);
        // What it may not send, it is told when it comes.
        let Ok(path) = self.way(wish, now) else {
            return;
        };
        for at in path.gates() {
            self.borrow(at);
            let Some(active) = &mut self.gate(at).active else {
                continue;
            };
            let next = active.flights.next();
            if let Some(lent) = &mut active.lent {
                lent.foreseen.take_if(|it| it.until <= now.instant);
                let foreseen = lent.foreseen.get_or_insert(Foreseen {
                    count: 0,
                    next,
                    until: now.instant + COMES,
                });
                foreseen.count = foreseen.count.saturating_add(1);
            }
        }
    }

    /// The same, where it was not shared before.
    pub(in crate::request_pacing) fn borrow_if_used(&mut self, at: At) {
        if self.gate(at).if_active().is_some_and(|it| it.users > 0) {
            self.borrow(at);
        }
    }

    /// A plan of which nothing is ours yet.
    pub(in crate::request_pacing) fn lent_plan(&mut self, plan: &Plan) -> Arc<Plan> {
        self.known_plan(plan.clone().lent())
    }

    /// Shares all that there is.
    pub(super) fn lend_all(&mut self, scopes: &dyn Scopes) {
        self.lending = Some(Box::default());
        let gates: Vec<At> = self.gates.iter().map(|(at, _)| at).collect();
        for at in gates {
            let Some(scope) = self.gates.get(at).map(|gate| self.scope_of(gate)) else {
                continue;
            };
            let own = self.by_hand.get(&scope).and_then(|it| it.quota.clone());
            let quota = own.or_else(|| scopes.quota(&scope));
            if let Ok(plan) = self.plan_of(&scope, quota, scopes) {
                self.gate(at).set_plan(plan);
                self.borrow_if_used(at);
            }
        }
    }

    /// Whether the store should be asked; once for each reason.
    pub(in crate::request_pacing) fn takes_call(&mut self) -> bool {
        let lending = self.lending.as_mut();
        lending.is_some_and(|lending| mem::take(&mut lending.calls))
    }

    /// Takes away what is no longer ours. A process that was stopped, and goes
    /// on, must not send by it.
    #[inline]
    pub(in crate::request_pacing) fn end_leases(&mut self, now: Now) {
        if let Some(lending) = &self.lending
            && lending.ends.first().is_some_and(|end| end.0 <= now.instant)
        {
            self.end_due_leases(now);
        }
    }

    #[cold]
    fn end_due_leases(&mut self, now: Now) {
        while let Some(lending) = &mut self.lending
            && let Some(&(end, at)) = lending.ends.first()
            && end <= now.instant
        {
            lending.ends.pop_first();
            if let Some(gate) = self.gates.get_mut(at) {
                let lent = gate.if_active().and_then(|it| it.lent.as_ref());
                let alone = lent.is_some_and(|lent| lent.alone);
                gate.lend(Vec::new(), alone, now.instant);
            }
        }
    }
}

impl Gate {
    /// A request was refused here: whether others may send what is not known here.
    pub(in crate::request_pacing) fn count_refusal(&mut self, number: u64) -> Alone {
        let Some(lent) = &mut self.active().lent else {
            return Alone::No;
        };
        lent.refused = lent.refused.saturating_add(1);
        match lent.alone {
            true => Alone::Yes,
            false if number < lent.past => Alone::Before,
            false => Alone::No,
        }
    }

    /// Admits so many from now on.
    pub(super) fn lend(&mut self, parts: Vec<(WindowSpan, u32)>, alone: bool, now: Instant) {
        self.windows.lend(&parts);
        let Some(active) = &mut self.active else {
            return;
        };
        active.spare = 0;
        let Some(lent) = &mut active.lent else {
            return;
        };
        lent.parts = parts;
        match (mem::replace(&mut lent.alone, alone), alone) {
            (false, true) => self.goes_alone(),
            (true, false) => self.is_back(now),
            _ => {}
        }
    }

    /// The quota has changed; what is lent of it has not.
    pub(in crate::request_pacing) fn lend_again(&mut self, was_lent: bool) {
        if was_lent {
            self.windows.share();
        }
        let lent = self.active.as_mut().and_then(|it| it.lent.as_mut());
        if let Some(lent) = lent {
            // It may be another limit that is shared.
            lent.told = None;
            self.windows.lend(&lent.parts);
        }
    }
}
