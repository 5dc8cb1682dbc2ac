use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    FailureMode, ScopeDemand, ScopeShare, WindowDemand,
    machine::{Change, Machine},
    settings::Settings,
};
use crate::shared_state::{Exchange, Reply, StoreError, WindowSpan};

mod beside;
mod doubts;
mod laws;
mod left_alone;
mod others;
mod outages;
mod permits;
mod replies;

const START: Duration = Duration::from_secs(1_767_225_600);
const SECOND: WindowSpan = WindowSpan::Any(Duration::from_secs(1));

fn settings(failure_mode: FailureMode) -> Settings {
    Settings {
        lease: Duration::from_secs(5),
        deadline: Duration::from_millis(50),
        failure_mode,
        instances: 1,
        keep: Duration::from_secs(30),
    }
}

/// A process with one window in one scope. What its driver does in a task, the
/// steps of a test do here, whenever they like.
#[derive(Debug)]
struct Process {
    machine: Machine,
    span: WindowSpan,
    limit: u32,
    share: Option<ScopeShare>,
    queued: u32,
    in_flight: VecDeque<Instant>,
    /// Of those, which were sent by a lease that is over.
    lapsed: usize,
    busy: Vec<Instant>,
}

impl Process {
    fn new(id: u64, mode: FailureMode, span: WindowSpan, limit: u32, now: Instant) -> Self {
        Self {
            machine: Machine::new(id, settings(mode), now),
            span,
            limit,
            share: None,
            queued: 0,
            in_flight: VecDeque::new(),
            lapsed: 0,
            busy: Vec::new(),
        }
    }

    fn demand(&mut self, now: Instant) -> Vec<ScopeDemand> {
        self.busy.retain(|free_at| *free_at > now);
        self.busy.sort_unstable();
        let mut window = WindowDemand::new(self.span, self.limit);
        window.in_flight = self.in_flight.len() as u32;
        window.busy = self.busy.iter().map(|at| (*at, 1)).collect();
        vec![ScopeDemand::new("app", self.queued).with_window(window)]
    }

    fn apply(&mut self, shares: Vec<ScopeShare>) {
        self.share = shares.into_iter().next().or(self.share.take());
    }

    /// Whether one more may be sent now.
    fn send(&mut self, now: Instant) -> bool {
        self.busy.retain(|free_at| *free_at > now);
        let used = (self.busy.len() + self.in_flight.len()) as u32;
        let share = self.share.as_ref().filter(|share| now < share.valid_until);
        let goes = share.is_some_and(|share| used < share.limits[0].1);
        if goes {
            self.in_flight.push_back(now);
        }
        goes
    }

    fn answered(&mut self) {
        let sent = self.in_flight.pop_front();
        self.lapsed = self.lapsed.saturating_sub(1);
        self.busy.extend(sent.map(|at| at + self.span.length()));
    }

    fn look(&mut self, now: Instant) {
        let demand = self.demand(now);
        self.machine.observe(demand, now);
        let shares = self.machine.shares(now);
        self.apply(shares);
    }

    fn ask(&mut self, now: Instant) -> Exchange {
        self.look(now);
        let (names, lowered) = self.machine.prepare(now);
        self.apply(lowered);
        let demand = self.demand(now);
        self.machine.observe(demand, now);
        let exchange = self.machine.ask(&names, now);
        let shares = self.machine.shares(now);
        self.apply(shares);
        exchange
    }

    fn hear(&mut self, answer: Result<Reply, StoreError>, now: Instant) -> Option<Change> {
        let number = self.machine.number();
        let change = self.machine.hear(number, answer, now, 0.3);
        self.look(now);
        change
    }

    /// How many are under way by a lease that lasts.
    fn permitted(&mut self, now: Instant) -> usize {
        let share = self.share.as_ref().filter(|share| now < share.valid_until);
        if share.is_none() {
            self.lapsed = self.in_flight.len();
        }
        self.in_flight.len() - self.lapsed
    }

    fn held(&self) -> u32 {
        let windows = self.machine.scopes().flat_map(|scope| &scope.windows);
        windows.map(|window| window.held).sum()
    }
}
