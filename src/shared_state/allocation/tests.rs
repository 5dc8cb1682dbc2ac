use std::time::Duration;

use proptest::prelude::*;

use super::Ledger;
use crate::shared_state::{Exchange, Reply, ScopeAsk, Tokens, WindowAsk, WindowSpan};

const LEASE: u64 = 5_000;
const START: u64 = 1_767_225_600_000;

/// A process that does as it should, whatever becomes of its exchanges.
#[derive(Debug)]
struct Process {
    id: u64,
    number: u64,
    acknowledged: u64,
    target: usize,
    /// When each token that it holds may be used.
    tokens: Vec<u64>,
    /// Given back, but not yet acknowledged: when each is free.
    unconfirmed: Vec<u64>,
    leased_until: u64,
}

#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    Lost,
    ReplyLost,
    Twice,
    /// Overtaken by the next exchange of the same process.
    Late,
}

#[derive(Clone, Debug)]
enum Step {
    Use(usize, u32),
    Exchange(usize, u32, Fate),
    Pass(u64),
    Die(usize),
    Forget,
}

impl Process {
    fn new(id: u64) -> Self {
        Self {
            id,
            number: 0,
            acknowledged: 0,
            target: 0,
            tokens: Vec::new(),
            unconfirmed: Vec::new(),
            leased_until: 0,
        }
    }

    fn ask(&mut self, span: Duration, limit: u32, want: u32, now: u64) -> Exchange {
        let claim = now >= self.leased_until && self.leased_until > 0;
        if claim {
            self.tokens.retain(|free_at| *free_at > now);
        }
        self.tokens.sort_unstable();
        let back = self.tokens.len().saturating_sub(self.target);
        self.unconfirmed.extend(self.tokens.drain(..back));
        self.number += 1;
        let mut window = WindowAsk::new(WindowSpan::Any(span), limit);
        window.held = self.tokens.len() as u32;
        window.want = want;
        window.queued = want;
        window.returned = self
            .unconfirmed
            .iter()
            .map(|free_at| Tokens::new(1, Duration::from_millis(free_at.saturating_sub(now))))
            .collect();
        let mut scope = ScopeAsk::new("app");
        (scope.claim, scope.acknowledged) = (claim, self.acknowledged);
        scope.windows.push(window);
        let mut exchange = Exchange::new(self.id, self.number, Duration::from_millis(LEASE));
        exchange.scopes.push(scope);
        exchange
    }

    fn hear(&mut self, reply: &Reply, sent: u64, now: u64) {
        let window = &reply.scopes[0].windows[0];
        self.target = window.target as usize;
        self.acknowledged = self.number;
        self.unconfirmed.clear();
        self.leased_until = sent + LEASE;
        for granted in &window.granted {
            let from = now + granted.free_in.as_millis() as u64;
            self.tokens.extend((0..granted.count).map(|_| from));
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Late),
    ];
    let step = prop_oneof![
        8 => (0_usize..5, 1_u32..6).prop_map(|(who, count)| Step::Use(who, count)),
        8 => (0_usize..5, 0_u32..20, fate).prop_map(|(who, want, fate)| Step::Exchange(who, want, fate)),
        6 => (0_u64..700).prop_map(Step::Pass),
        1 => (0_u64..20_000).prop_map(Step::Pass),
        1 => (0_usize..5).prop_map(Step::Die),
    ];
    prop::collection::vec(step, 1..120)
}

/// Carries the steps out; the most uses that ever were in one window.
fn most_in_a_window(limit: u32, span: u64, steps: Vec<Step>) -> Result<usize, TestCaseError> {
    let (mut ledger, mut now) = (Ledger::new(), START);
    let mut processes: Vec<Process> = (1..=5).map(Process::new).collect();
    let (mut next, mut uses, mut most) = (6, Vec::new(), 0);
    let mut late: Vec<Exchange> = Vec::new();
    let length = Duration::from_millis(span);
    for step in steps {
        match step {
            Step::Pass(time) => now += time,
            Step::Die(who) => {
                processes[who] = Process::new(next);
                next += 1;
            }
            Step::Forget => ledger = Ledger::new(),
            Step::Use(who, count) => {
                let process = &mut processes[who];
                for _ in 0..count {
                    let free = process.tokens.iter_mut().find(|free_at| **free_at <= now);
                    if let Some(token) = free.filter(|_| now < process.leased_until) {
                        *token = now + span;
                        uses.push(now);
                    }
                }
            }
            Step::Exchange(who, want, fate) => {
                let process = &mut processes[who];
                let exchange = process.ask(length, limit, want, now);
                let mut carry = |exchange: &Exchange| {
                    ledger.exchange(exchange, Duration::from_millis(now), &mut Vec::new())
                };
                match fate {
                    Fate::Lost => {}
                    Fate::Late => late.push(exchange),
                    Fate::ReplyLost => drop(carry(&exchange)),
                    Fate::Arrives => {
                        if let Ok(reply) = carry(&exchange) {
                            process.hear(&reply, now, now);
                        }
                        for exchange in late.drain(..) {
                            drop(carry(&exchange));
                        }
                    }
                    Fate::Twice => {
                        drop(carry(&exchange));
                        prop_assert!(carry(&exchange).is_err());
                    }
                }
            }
        }
        uses.retain(|at| at + span > now);
        most = most.max(uses.len());
        // Also compares the sum that is kept with the members' parts.
        ledger.held("app", span as i64);
    }
    Ok(most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    #[test]
    fn no_window_is_overrun_whatever_becomes_of_the_exchanges(
        limit in 1_u32..15,
        span in prop_oneof![Just(1_000_u64), Just(10_000), Just(60_000)],
        steps in steps(),
    ) {
        prop_assert!(most_in_a_window(limit, span, steps)? <= limit as usize);
    }

    #[test]
    fn no_more_permits_are_held_than_there_are(limit in 1_u32..15, steps in steps()) {
        // Of permits, what is held is what counts.
        let (mut ledger, mut now) = (Ledger::new(), START);
        let mut processes: Vec<Process> = (1..=5).map(Process::new).collect();
        for step in steps {
            match step {
                Step::Pass(time) => now += time,
                Step::Exchange(who, want, fate) => {
                    let process = &mut processes[who];
                    let exchange = process.ask(Duration::ZERO, limit, want, now);
                    if matches!(fate, Fate::Arrives | Fate::ReplyLost) {
                        let reply = ledger.exchange(&exchange, Duration::from_millis(now), &mut Vec::new());
                        if matches!(fate, Fate::Arrives) {
                            process.hear(&reply.expect("it is newer"), now, now);
                        }
                    }
                }
                _ => {}
            }
            let alive = processes.iter().filter(|process| process.leased_until > now);
            let held: usize = alive.map(|process| process.tokens.len()).sum();
            prop_assert!(held <= limit as usize);
        }
    }
}

struct Fleet {
    ledger: Ledger,
    processes: Vec<Process>,
    now: u64,
}

impl Fleet {
    fn new(size: u64) -> Self {
        Self {
            ledger: Ledger::new(),
            processes: (1..=size).map(Process::new).collect(),
            now: START,
        }
    }

    /// All exchange every quarter of a second, and want so much.
    fn run(&mut self, limit: u32, wants: &[u32], rounds: u32) -> Vec<usize> {
        let mut had = vec![0; wants.len()];
        for _ in 0..rounds {
            self.round(1, limit, wants);
            for (had, held) in had.iter_mut().zip(self.held()) {
                *had = held.max(*had);
            }
        }
        had
    }

    /// Once, about a window of so many seconds.
    fn round(&mut self, span: u64, limit: u32, wants: &[u32]) {
        self.now += 250;
        for (process, want) in self.processes.iter_mut().zip(wants) {
            let exchange = process.ask(Duration::from_secs(span), limit, *want, self.now);
            let now = Duration::from_millis(self.now);
            let reply = self.ledger.exchange(&exchange, now, &mut Vec::new());
            process.hear(&reply.unwrap(), self.now, self.now);
        }
    }

    fn held(&self) -> Vec<usize> {
        self.processes
            .iter()
            .map(|process| process.tokens.len())
            .collect()
    }
}

#[test]
fn one_token_goes_round_among_four() {
    let mut fleet = Fleet::new(4);
    assert_eq!(fleet.run(1, &[5; 4], 100), [1; 4]);
    assert_eq!(fleet.held().iter().sum::<usize>(), 1);
}

#[test]
fn who_has_more_to_do_gets_more_and_nobody_starves() {
    let mut fleet = Fleet::new(3);
    fleet.run(12, &[300, 100, 1], 40);
    assert_eq!(fleet.held(), [7, 4, 1]);
}

#[test]
fn one_that_is_alone_gets_all() {
    let mut fleet = Fleet::new(2);
    fleet.run(10, &[50, 50], 20);
    fleet.run(10, &[50, 0], 20);
    assert_eq!(fleet.held(), [10, 0]);
}

#[test]
fn what_comes_free_goes_to_all_that_miss_some() {
    let mut fleet = Fleet::new(3);
    (0..40).for_each(|_| fleet.round(60, 60, &[0, 0, 60]));
    assert_eq!(fleet.held(), [0, 0, 60]);
    // They leave the window one after another, two each second.
    let used = (0..60).map(|at| fleet.now + 500 * at);
    fleet.processes[2].tokens = used.collect();
    for _ in 0..120 {
        fleet.round(60, 60, &[60, 60, 0]);
        let held = fleet.held();
        assert!(held[0].abs_diff(held[1]) <= 4, "{held:?}");
    }
    assert_eq!(fleet.held(), [30, 30, 0]);
}

#[test]
fn in_a_fresh_state_all_of_the_limit_is_used() {
    let mut fleet = Fleet::new(4);
    for _ in 0..4 {
        fleet.round(1, 10, &[10; 4]);
    }
    assert_eq!(fleet.held().iter().sum::<usize>(), 10);
}

#[test]
fn in_a_fresh_state_claims_come_first() {
    let mut fleet = Fleet::new(2);
    fleet.run(10, &[50, 20], 20);
    let before = fleet.held();
    fleet.ledger = Ledger::new();
    fleet.processes.push(Process::new(3));
    fleet.processes.rotate_right(1);
    fleet.run(10, &[50, 50, 50], 1);
    let held = fleet.held();
    assert_eq!(held[1..], before);
}

/// In the first five seconds: of a minute as much as a newcomer, of a second
/// what it claims; and who had more keeps it, but gets nothing on top.
#[test]
fn who_began_alone_gets_of_a_minute_what_a_newcomer_gets() {
    let mut ledger = Ledger::new();
    let mut speak = |member: u64, acknowledged: u64, held: [u32; 2]| {
        let mut scope = ScopeAsk::new("app");
        (scope.claim, scope.acknowledged) = (held != [0, 0], acknowledged);
        for (seconds, limit, held) in [(1, 50, held[0]), (60, 3_000, held[1])] {
            let span = WindowSpan::Any(Duration::from_secs(seconds));
            let mut window = WindowAsk::new(span, limit);
            (window.held, window.want, window.queued) = (held, limit, limit);
            scope.windows.push(window);
        }
        let mut exchange = Exchange::new(member, acknowledged + 1, Duration::from_secs(5));
        exchange.scopes.push(scope);
        let now = Duration::from_secs(1_700_000_000);
        let reply = ledger.exchange(&exchange, now, &mut Vec::new());
        let windows = reply.expect("it is new").scopes.remove(0).windows;
        [windows[0].held, windows[1].held]
    };
    // Who speaks first is the only one: five seconds' worth of all of it.
    assert_eq!(speak(1, 0, [12, 12]), [12, 250]);
    assert_eq!(speak(2, 0, [12, 12]), [12, 125]);
    assert_eq!(speak(3, 0, [0, 0]), [17, 83]);
    assert_eq!(speak(4, 7, [5, 40]), [5, 40]);
    assert_eq!(speak(5, 7, [4, 900]), [4, 900]);
}

proptest! {
    /// The members hold on to what they had. One who had nothing, and speaks
    /// first, gets some of it again: all that there is, at most, and with a limit
    /// of 1 it does.
    #[test]
    fn a_lost_state_gives_no_token_more_than_twice(
        limit in 1_u32..15,
        steps in steps(),
        at in 0_usize..100,
    ) {
        let mut steps: Vec<Step> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::Die(_)))
            .map(|step| match step {
                Step::Exchange(who, want, _) => Step::Exchange(who, want, Fate::Arrives),
                // All speak within their leases, so that none is a newcomer.
                Step::Pass(time) => Step::Pass(time.min(300)),
                other => other,
            })
            .collect();
        let round = (0..5).map(|who| Step::Exchange(who, 5, Fate::Arrives));
        let at = at.min(steps.len());
        steps.splice(at..at, round.clone().chain([Step::Forget]).chain(round));
        prop_assert!(most_in_a_window(limit, 1_000, steps)? <= 2 * limit as usize);
    }
}

#[test]
fn a_clock_that_was_set_back_ties_nothing_up() {
    let mut fleet = Fleet::new(2);
    fleet.run(10, &[50, 50], 20);
    fleet.now -= 3_600_000;
    // One of them dies with it: what it held comes back with its lease.
    fleet.processes.pop();
    for process in &mut fleet.processes {
        process.tokens.clear();
        process.leased_until = 0;
    }
    fleet.run(10, &[50], 60);
    assert_eq!(fleet.held(), [10]);
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let mut ledger = Ledger::new();
    let mut exchange = Exchange::new(1, u64::MAX, Duration::MAX);
    let mut scope = ScopeAsk::new("app");
    (scope.acknowledged, scope.claim) = (u64::MAX, true);
    scope.hold = Some(Duration::MAX);
    for span in [WindowSpan::Any(Duration::MAX), WindowSpan::DayUtc] {
        let mut window = WindowAsk::new(span, u32::MAX);
        (window.want, window.queued) = (u32::MAX, u32::MAX);
        (window.held, window.learned) = (u32::MAX, Some(u32::MAX));
        window.returned = vec![Tokens::new(u32::MAX, Duration::MAX); 2];
        scope.windows.push(window);
    }
    exchange.scopes.push(scope);
    for member in 1..4 {
        exchange.member = member;
        exchange.scopes[0].windows[0].held /= 2;
        let reply = ledger.exchange(&exchange, Duration::MAX, &mut Vec::new());
        assert_eq!(
            reply.expect("it is the first").scopes[0].windows[0].limit,
            u32::MAX
        );
    }
}
