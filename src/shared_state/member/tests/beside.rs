//! Several exchanges of one process under way, about other scopes each.

use std::{collections::HashMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{START, settings};
use crate::shared_state::{
    Exchange, Ledger, Notice, Reply, ScopeDemand, ScopeShare, StoreError, StoreErrorKind, Which,
    WindowDemand, WindowSpan,
    member::{FailureMode, machine::Machine},
};

const SCOPES: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Queue(usize, usize, u32),
    Send(usize, usize, u32),
    Answered(usize, usize),
    /// It looks, and sends all exchanges that are due.
    Look(usize),
    /// Of those under way, one arrives or is lost.
    Arrives(usize, usize, bool),
    /// Of those that have arrived, one is heard of or its reply is lost.
    Heard(usize, usize, bool),
    Notices(usize),
    Pass(u64),
}

/// One process, with a window in each scope.
pub(super) struct Process {
    pub(super) machine: Machine,
    span: WindowSpan,
    limit: u32,
    pub(super) names: Vec<Arc<str>>,
    pub(super) shares: HashMap<Arc<str>, ScopeShare>,
    pub(super) queued: [u32; SCOPES],
    in_flight: [u32; SCOPES],
    busy: [Vec<Instant>; SCOPES],
    pub(super) sent: Vec<Exchange>,
    replies: Vec<(u64, Result<Reply, StoreError>)>,
    told: Vec<Notice>,
}

impl Process {
    pub(super) fn new(
        id: u64,
        mode: FailureMode,
        span: WindowSpan,
        limit: u32,
        now: Instant,
    ) -> Self {
        Self {
            machine: Machine::new(id, settings(mode), now),
            span,
            limit,
            names: (0..SCOPES).map(|at| format!("scope:{at}").into()).collect(),
            shares: HashMap::new(),
            queued: [0; SCOPES],
            in_flight: [0; SCOPES],
            busy: Default::default(),
            sent: Vec::new(),
            replies: Vec::new(),
            told: Vec::new(),
        }
    }

    fn demands(&mut self, which: Which<'_>, now: Instant) -> Vec<ScopeDemand> {
        let named = |name: &Arc<str>| match which {
            Which::Named(names) => names.contains(name),
            Which::Changed => true,
        };
        let mut demands = Vec::new();
        for at in 0..SCOPES {
            self.busy[at].retain(|free_at| *free_at > now);
            let used = self.queued[at] > 0 || self.in_flight[at] > 0 || !self.busy[at].is_empty();
            if !named(&self.names[at]) || !used && !self.shares.contains_key(&self.names[at]) {
                continue;
            }
            let mut window = WindowDemand::new(self.span, self.limit);
            window.in_flight = self.in_flight[at];
            window.busy = self.busy[at].iter().map(|at| (*at, 1)).collect();
            window.busy.sort_unstable();
            let name = self.names[at].clone();
            demands.push(ScopeDemand::new(name, self.queued[at]).with_window(window));
        }
        demands
    }

    fn apply(&mut self, shares: Vec<ScopeShare>) {
        for share in shares {
            self.shares.insert(share.name.clone(), share);
        }
    }

    pub(super) fn look(&mut self, now: Instant) {
        let demands = self.demands(Which::Changed, now);
        self.machine.observe(demands, now);
        let shares = self.machine.shares(now);
        self.apply(shares);
    }

    pub(super) fn exchange(&mut self, now: Instant) {
        self.look(now);
        while self.machine.due(now).is_some_and(|due| due <= now) {
            let (names, lowered) = self.machine.prepare(now);
            self.apply(lowered);
            let demands = self.demands(Which::Named(&names), now);
            self.machine.observe(demands, now);
            let exchange = self.machine.ask(&names, now);
            let shares = self.machine.shares(now);
            self.apply(shares);
            for other in &self.sent {
                let both = other.scopes.iter().any(|ask| names.contains(&ask.name));
                assert!(!both, "two exchanges about one scope are under way");
            }
            self.sent.push(exchange);
        }
    }

    pub(super) fn hear(&mut self, number: u64, answer: Result<Reply, StoreError>, now: Instant) {
        self.machine.hear(number, answer, now, 0.3);
        self.look(now);
    }

    pub(super) fn send(&mut self, at: usize, now: Instant) {
        self.busy[at].retain(|free_at| *free_at > now);
        let used = self.busy[at].len() as u32 + self.in_flight[at];
        let share = self.shares.get(&self.names[at]);
        let share = share.filter(|share| now < share.valid_until);
        let limit = share.and_then(|share| share.limits.first());
        if self.queued[at] > 0 && limit.is_some_and(|(_, limit)| used < *limit) {
            self.queued[at] -= 1;
            self.in_flight[at] += 1;
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (who, scope) = (0_usize..3, 0..SCOPES);
    let which = 0_usize..4;
    let well = prop::bool::weighted(0.9);
    let step = prop_oneof![
        8 => (who.clone(), scope.clone(), 1_u32..6).prop_map(|(who, at, count)| Step::Queue(who, at, count)),
        8 => (who.clone(), scope.clone(), 1_u32..6).prop_map(|(who, at, count)| Step::Send(who, at, count)),
        6 => (who.clone(), scope).prop_map(|(who, at)| Step::Answered(who, at)),
        8 => who.clone().prop_map(Step::Look),
        8 => (who.clone(), which.clone(), well).prop_map(|(who, at, well)| Step::Arrives(who, at, well)),
        8 => (who.clone(), which, well).prop_map(|(who, at, well)| Step::Heard(who, at, well)),
        2 => who.prop_map(Step::Notices),
        6 => (0_u64..50).prop_map(Step::Pass),
        1 => (0_u64..1_000).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..200)
}

/// Carries the steps out; the most that were in any scope's window at once.
fn most_in_a_window(limit: u32, span: u64, steps: Vec<Step>) -> u32 {
    let (began, mut now) = (Instant::now(), Instant::now());
    let ends = began + Duration::from_millis(4_900);
    let span = WindowSpan::Any(Duration::from_millis(span));
    let mut processes: Vec<_> = (1..=3)
        .map(|id| Process::new(id, FailureMode::Closed, span, limit, now))
        .collect();
    let (mut ledger, mut most) = (Ledger::new(), 0);
    for step in steps {
        match step {
            // No lease ends: that is for the other laws.
            Step::Pass(time) => now = (now + Duration::from_millis(time)).min(ends),
            Step::Queue(who, at, count) => processes[who].queued[at] += count,
            Step::Look(who) => processes[who].exchange(now),
            Step::Send(who, at, count) => (0..count).for_each(|_| processes[who].send(at, now)),
            Step::Answered(who, at) => {
                let process = &mut processes[who];
                if process.in_flight[at] > 0 {
                    process.in_flight[at] -= 1;
                    process.busy[at].push(now + span.length());
                }
            }
            Step::Arrives(who, at, well) if !processes[who].sent.is_empty() => {
                let sent = &mut processes[who].sent;
                let exchange = sent.swap_remove(at % sent.len());
                let mut notices = Vec::new();
                let answer = match well {
                    true => ledger.exchange(&exchange, START + (now - began), &mut notices),
                    false => Err(StoreError::new(StoreErrorKind::Timeout)),
                };
                assert!(!matches!(&answer, Err(error) if error.kind() == StoreErrorKind::Stale));
                processes[who].replies.push((exchange.number, answer));
                for process in &mut processes {
                    process.told.extend(notices.iter().cloned());
                }
            }
            Step::Heard(who, at, well) if !processes[who].replies.is_empty() => {
                let replies = &mut processes[who].replies;
                let (number, answer) = replies.swap_remove(at % replies.len());
                let lost = Err(StoreError::new(StoreErrorKind::Timeout));
                processes[who].hear(number, if well { answer } else { lost }, now);
            }
            Step::Notices(who) => {
                for notice in std::mem::take(&mut processes[who].told) {
                    processes[who].machine.notice(&notice, now);
                }
                processes[who].look(now);
            }
            Step::Arrives(..) | Step::Heard(..) => {}
        }
        for at in 0..SCOPES {
            let used = processes.iter_mut().map(|process| {
                process.busy[at].retain(|free_at| *free_at > now);
                process.in_flight[at] + process.busy[at].len() as u32
            });
            most = most.max(used.sum());
        }
    }
    most
}

proptest! {
    /// In whatever order they arrive, and their replies come.
    #[test]
    fn exchanges_that_overtake_others_overrun_nothing(
        limit in 1_u32..10,
        span in prop_oneof![Just(0_u64), Just(1_000), Just(10_000)],
        steps in steps(),
    ) {
        prop_assert!(most_in_a_window(limit, span, steps) <= limit);
    }
}
