use std::{iter::successors, time::Duration};

use hashbrown::HashMap;
use tokio::time::Instant;

use super::{Scope, Span, core::Core, tick::Now};
use crate::slab::At;

/// What was queued and in flight at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    scopes: Vec<ScopeUse>,
    queued: usize,
    paused: bool,
}

/// One scope of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScopeUse {
    /// The scope.
    pub scope: Scope,
    /// Requests that wait for it. One that touches several scopes counts for
    /// the first that is closed, the narrow ones first; one whose future is
    /// late, or whose service inside is not ready, counts for none.
    pub queued: usize,
    /// How long the oldest of them has waited, its earlier attempts included.
    pub oldest: Option<Duration>,
    /// Requests that were sent, or are about to be, and not answered; one that
    /// [costs](crate::extensions::RequestContext::with_cost) more counts as so
    /// many.
    pub in_flight: u32,
    /// For how long a refusal, a header, or a
    /// [hold](super::RequestPacingHandle::hold_until) keeps it closed.
    pub held_for: Option<Duration>,
    /// Whether nothing passes it until
    /// [somebody resumes it](super::RequestPacingHandle::resume_scope).
    pub paused: bool,
    /// Which share of a round trip is taken to pass before the server counts
    /// the request, learned from refusals. `None` without a short window.
    pub share: Option<f64>,
    /// Its windows.
    pub windows: Vec<WindowUse>,
}

/// How full one window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowUse {
    /// How many requests it admits, as far as is known.
    pub requests: u32,
    /// Over which time it counts.
    pub span: Span,
    /// Requests that are, or may be, in it.
    pub used: u32,
    /// Whether refusals have taught how many it admits, and not the quota.
    pub learned: bool,
}

impl Snapshot {
    /// The scopes in use, in no order.
    #[must_use]
    pub fn scopes(&self) -> &[ScopeUse] {
        &self.scopes
    }

    /// One of them.
    #[must_use]
    pub fn scope(&self, scope: &Scope) -> Option<&ScopeUse> {
        self.scopes.iter().find(|found| found.scope == *scope)
    }

    /// Requests that wait, whatever for.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether nothing is sent until somebody resumes.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }
}

impl Core {
    pub(super) fn snapshot(&mut self, now: Now) -> Snapshot {
        let queues = self.queues();
        let gates: Vec<At> = self.gates.iter().map(|(at, _)| at).collect();
        let scopes = gates.into_iter().map(|at| {
            let (queued, oldest) = queues.get(&at).copied().unwrap_or((0, now.instant));
            let oldest = (queued > 0).then(|| now.instant.saturating_duration_since(oldest));
            self.scope_use(at, queued, oldest, now)
        });
        Snapshot {
            scopes: scopes.collect(),
            queued: self.queued,
            paused: self.paused,
        }
    }

    /// How many wait for each gate, and since when the oldest does.
    fn queues(&self) -> HashMap<At, (usize, Instant)> {
        let mut queues = HashMap::new();
        for (_, waiter) in self.waiters.iter() {
            let lines = successors(waiter.line, |line| self.lines.get(*line)?.parent);
            let mut lines = lines.filter_map(|line| self.lines.get(line));
            // Those before are open, and keep nobody.
            if let Some(line) = lines.find(|line| line.blocked) {
                let age = waiter.comer.age;
                let (queued, oldest) = queues.entry(line.gate).or_insert((0, age));
                *queued += 1;
                *oldest = age.min(*oldest);
            }
        }
        queues
    }

    fn scope_use(&mut self, at: At, queued: usize, oldest: Option<Duration>, now: Now) -> ScopeUse {
        let gate = self.gates.get_mut(at).expect(super::core::GATE);
        // Lets go what has left the windows by now.
        gate.admits(1, now, &self.trips);
        let gate = self.gates.get(at).expect(super::core::GATE);
        let until = gate.held_until(now.instant);
        // Of what nobody knows there is nothing to tell.
        let windows = gate.windows().filter(|it| it.0 < u32::MAX);
        let windows = windows.map(|(requests, span, used)| WindowUse {
            requests,
            span,
            used,
            learned: gate.has_learned(span),
        });
        ScopeUse {
            scope: self.scope_of(gate),
            queued,
            oldest,
            in_flight: gate.in_flight(),
            held_for: until.map(|until| until.saturating_duration_since(now.instant)),
            paused: gate.if_active().is_some_and(|active| active.hold.paused),
            share: gate.share(),
            windows: windows.collect(),
        }
    }
}
