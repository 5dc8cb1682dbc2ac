use std::{collections::VecDeque, sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    FailureMode, ScopeDemand, ScopeShare, WindowDemand,
    machine::{Change, Machine},
    settings::Settings,
};
use crate::shared_state::{
    Exchange, Ledger, Notice, PermitPart, Reply, ScopeAsk, ScopeReply, StoreError, StoreErrorKind,
    Tokens, WindowAsk, WindowReply, WindowSpan,
};

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
        let change = self.machine.hear(answer, now, 0.3);
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

#[derive(Clone, Debug)]
enum Step {
    Send(usize, u32),
    Answered(usize, u32),
    Queue(usize, u32),
    Look(usize),
    /// An exchange, and what becomes of it.
    Exchange(usize, Fate),
    Pass(u64),
    Kill(usize),
    /// A process hears what the store has told, or that got lost.
    Hear(usize, bool),
}

#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    /// And the answer comes as much later, if it is still waited for.
    Slow(u64),
    Lost,
    ReplyLost,
    /// It arrives with a later one.
    Late,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0_usize..4;
    let fate = prop_oneof![
        8 => Just(Fate::Arrives),
        2 => (1_u64..50).prop_map(Fate::Slow),
        1 => Just(Fate::Lost),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::Late),
    ];
    let step = prop_oneof![
        8 => (who.clone(), 1_u32..8).prop_map(|(who, count)| Step::Send(who, count)),
        4 => (who.clone(), 1_u32..8).prop_map(|(who, count)| Step::Answered(who, count)),
        4 => (who.clone(), 0_u32..30).prop_map(|(who, count)| Step::Queue(who, count)),
        4 => who.clone().prop_map(Step::Look),
        8 => (who.clone(), fate).prop_map(|(who, fate)| Step::Exchange(who, fate)),
        6 => (0_u64..700).prop_map(Step::Pass),
        1 => (0_u64..20_000).prop_map(Step::Pass),
        4 => (who.clone(), prop::bool::weighted(0.9)).prop_map(|(who, hears)| Step::Hear(who, hears)),
        1 => who.prop_map(Step::Kill),
    ];
    prop::collection::vec(step, 1..150)
}

/// Carries the steps out; the most that ever were sent within one window, or were
/// under way at once in one without a length.
fn most_in_a_window(limit: u32, span: u64, steps: Vec<Step>) -> usize {
    let (began, mut now) = (Instant::now(), Instant::now());
    let span = WindowSpan::Any(Duration::from_millis(span));
    let process = |id, now| Process::new(id, FailureMode::Closed, span, limit, now);
    let mut processes: Vec<Process> = (1..=4).map(|id| process(id, now)).collect();
    let (mut ledger, mut next, mut late) = (Ledger::new(), 5, Vec::new());
    let (mut uses, mut most) = (Vec::<Instant>::new(), 0);
    // For each process, what was told and not heard yet.
    let mut told: [VecDeque<Notice>; 4] = Default::default();
    for step in steps {
        match step {
            Step::Pass(time) => now += Duration::from_millis(time),
            Step::Kill(who) => {
                processes[who] = process(next, now);
                next += 1;
            }
            Step::Queue(who, count) => processes[who].queued = count,
            Step::Look(who) => processes[who].look(now),
            Step::Hear(who, hears) => {
                let notices = std::mem::take(&mut told[who]);
                for notice in notices.iter().filter(|_| hears) {
                    processes[who].machine.notice(notice, now);
                }
                processes[who].look(now);
            }
            Step::Answered(who, count) => (0..count).for_each(|_| processes[who].answered()),
            Step::Send(who, count) => {
                let sent = (0..count).filter(|_| processes[who].send(now)).count();
                uses.extend(std::iter::repeat_n(now, sent));
            }
            Step::Exchange(who, fate) => {
                let process = &mut processes[who];
                let exchange = process.ask(now);
                let timeout = Err(StoreError::new(StoreErrorKind::Timeout));
                let mut carry = |exchange: &Exchange, now: Instant| {
                    let mut notices = Vec::new();
                    let reply = ledger.exchange(exchange, START + (now - began), &mut notices);
                    told.iter_mut()
                        .for_each(|told| told.extend(notices.iter().cloned()));
                    reply
                };
                match fate {
                    Fate::Lost => drop(process.hear(timeout, now)),
                    Fate::ReplyLost => {
                        drop(carry(&exchange, now));
                        process.hear(timeout, now);
                    }
                    Fate::Late => {
                        late.push(exchange);
                        process.hear(timeout, now);
                    }
                    Fate::Slow(time) => {
                        let reply = carry(&exchange, now);
                        now += Duration::from_millis(time);
                        process.hear(reply, now);
                    }
                    Fate::Arrives => {
                        let reply = carry(&exchange, now);
                        process.hear(reply, now);
                        for exchange in late.drain(..) {
                            drop(carry(&exchange, now));
                        }
                    }
                }
            }
        }
        uses.retain(|at| *at + span.length() > now);
        let permitted = processes.iter_mut().map(|it| it.permitted(now)).sum();
        most = most.max(if span.length().is_zero() {
            permitted
        } else {
            uses.len()
        });
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    /// However late a process looks, and whatever becomes of its exchanges.
    #[test]
    fn members_that_close_overrun_nothing(
        limit in 1_u32..15,
        span in prop_oneof![Just(0_u64), Just(1_000), Just(10_000), Just(60_000)],
        steps in steps(),
    ) {
        prop_assert!(most_in_a_window(limit, span, steps) <= limit as usize);
    }
}

#[test]
fn a_permit_that_outlasts_its_lease_lets_nothing_more_through() {
    use Step::{Answered, Exchange, Pass, Queue, Send};
    let (arrives, slow) = (Fate::Arrives, Fate::Slow(26));
    let steps = vec![
        Queue(2, 6),
        Exchange(2, arrives.clone()),
        Queue(3, 1),
        Send(2, 2),
        // Its lease is over, and the other gets what it had.
        Pass(11_974),
        Exchange(3, slow),
        Exchange(2, arrives),
        Answered(2, 2),
        Send(3, 1),
        Send(2, 2),
    ];
    assert_eq!(most_in_a_window(2, 0, steps), 2);
}

#[test]
fn who_looks_late_does_not_send_by_what_it_gave_back() {
    use Step::{Answered, Exchange, Pass, Queue, Send};
    let arrives = || Fate::Arrives;
    let steps = vec![
        Queue(2, 1),
        Exchange(2, arrives()),
        Queue(3, 1),
        Send(2, 1),
        Pass(5_000),
        Exchange(2, Fate::Slow(3)),
        Exchange(3, arrives()),
        Answered(2, 1),
        Send(2, 2),
        Pass(1_648),
        Exchange(0, Fate::Slow(44)),
        // It gives a token back that is in use until 10 s, and does not look
        // again before.
        Exchange(2, arrives()),
        Exchange(2, arrives()),
        Pass(3_325),
        Exchange(3, arrives()),
        Send(2, 1),
        Send(3, 1),
    ];
    assert_eq!(most_in_a_window(3, 10_000, steps), 3);
}

#[test]
fn what_is_given_back_twice_frees_nothing_that_is_in_use() {
    use Step::{Answered, Exchange, Look, Pass, Queue, Send};
    let steps = vec![
        Queue(1, 8),
        Exchange(1, Fate::Arrives),
        Queue(1, 0),
        Send(1, 4),
        Answered(1, 3),
        Look(1),
        Pass(1_100),
        Look(1),
        // It gives free ones back, and hears nothing of it.
        Exchange(1, Fate::ReplyLost),
        Answered(1, 1),
        Look(1),
        Pass(1_100),
        Look(1),
        // So it gives them back again, with those that are in use.
        Exchange(1, Fate::Arrives),
        Queue(2, 8),
        Exchange(2, Fate::Arrives),
        Send(2, 8),
    ];
    assert!(most_in_a_window(8, 10_000, steps) <= 8);
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0_u64..5_000).prop_map(Duration::from_millis)
    ]
}

fn window_reply() -> impl Strategy<Value = WindowReply> {
    let count = || prop_oneof![0_u32..20, Just(u32::MAX)];
    let granted = prop::collection::vec((count(), time()), 0..4);
    (count(), count(), count(), count(), granted).prop_map(
        |(target, held, limit, spare, granted)| {
            let mut reply = WindowReply::new(target, held, limit);
            reply.spare = spare;
            reply.granted = granted
                .into_iter()
                .map(|(count, time)| Tokens::new(count, time))
                .collect();
            reply
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let windows = prop::collection::vec(window_reply(), 0..3);
    let scope = (windows, prop::option::of(time()), prop::option::of(time()));
    let scopes = prop::collection::vec(scope, 0..3);
    (any::<u64>(), any::<u32>(), scopes).prop_map(|(epoch, instances, scopes)| {
        let mut reply = Reply::new(epoch, instances);
        for (windows, hold, ask_in) in scopes {
            reply.scopes.push(ScopeReply {
                windows,
                hold,
                ask_in,
                missed: instances % 2 == 0,
            });
        }
        reply
    })
}

proptest! {
    #[test]
    fn whatever_a_store_says_nobody_holds_more_than_there_is(
        replies in prop::collection::vec(prop::option::weighted(0.8, reply()), 1..20),
        span in prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(60)), Just(Duration::MAX)],
        pass in 0_u64..9_000,
        wait in time(),
    ) {
        let mut now = Instant::now();
        let mut process = Process::new(1, FailureMode::LocalShare, WindowSpan::Any(span), 10, now);
        process.span = SECOND;
        process.queued = 30;
        process.span = WindowSpan::Any(span);
        for reply in replies {
            let failed = StoreError::new(StoreErrorKind::Unreachable);
            process.ask(now);
            process.hear(reply.ok_or(failed), now);
            process.machine.notice(&Notice::Hold { scope: Arc::from("app"), wait }, now);
            prop_assert!(process.held() <= 10);
            let share = process.share.as_ref().expect("it has looked");
            prop_assert!(share.limits[0].1 <= 10);
            prop_assert!(process.machine.wakes(now).is_some());
            now += Duration::from_millis(pass);
        }
    }
}

const PERMIT: WindowSpan = WindowSpan::Any(Duration::ZERO);

/// One that waits for a permit, and what the store told of the account until now.
fn waits_for_a_permit(now: Instant) -> (Process, Ledger) {
    let (mut ledger, mut process) = (
        Ledger::new(),
        Process::new(1, FailureMode::LocalShare, PERMIT, 2, now),
    );
    process.queued = 1;
    let exchange = process.ask(now);
    let reply = ledger.exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    assert_eq!(process.held(), 1);
    (process, ledger)
}

fn told(process: &Process, number: u64, held: u32) -> Notice {
    let parts = vec![PermitPart::new(process.machine.id(), number, held, held)];
    Notice::Permits {
        scope: Arc::from("app"),
        parts,
    }
}

#[test]
fn who_claims_hears_what_was_told_before_the_reply() {
    let now = Instant::now();
    let (mut process, mut ledger) = waits_for_a_permit(now);
    let mut other = Process::new(2, FailureMode::LocalShare, PERMIT, 2, now);
    other.queued = 1;
    for process in [&mut other, &mut process] {
        let exchange = process.ask(now);
        let reply = ledger.exchange(&exchange, START, &mut Vec::new());
        process.hear(reply, now);
        assert_eq!(process.held(), 1);
    }
    process.queued = 2;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    // Long enough that it goes on alone.
    let later = now + Duration::from_secs(20);
    process.look(later);
    let exchange = process.ask(later);
    assert!(exchange.scopes[0].claim);
    let reply = ledger.exchange(&exchange, START + (later - now), &mut Vec::new());
    let early = told(&process, exchange.number, 2);
    process.machine.notice(&early, later);
    assert_eq!(process.held(), 1);
    process.hear(reply, later);
    assert_eq!(process.held(), 2);
}

#[test]
fn a_driver_that_begins_anew_hears_anew() {
    let keeps = |anew: bool| {
        let now = Instant::now();
        let (mut process, mut ledger) = waits_for_a_permit(now);
        process.machine.notice(&Notice::Heard(false), now);
        if anew {
            process.machine.begin_anew();
            process.look(now);
        }
        process.queued = 0;
        let later = now + Duration::from_secs(2);
        process.look(later);
        let exchange = process.ask(later);
        let reply = ledger.exchange(&exchange, START + (later - now), &mut Vec::new());
        process.hear(reply, later);
        process.held() == 1
    };
    assert!(keeps(true) && !keeps(false));
}

#[test]
fn no_length_of_a_window_is_too_long_to_wait_for() {
    let now = Instant::now();
    let mut machine = Machine::new(1, settings(FailureMode::LocalShare), now);
    let demand = || {
        let longest = WindowDemand::new(WindowSpan::Any(Duration::MAX), 1);
        let mut common = ScopeDemand::new("app", 9).with_window(longest);
        common.common = true;
        let mut permit = WindowDemand::new(PERMIT, 1);
        permit.in_flight = 1;
        let account = ScopeDemand::new("account", 1).with_window(permit);
        vec![common, account]
    };
    machine.observe(demand(), now);
    machine.shares(now);
    let (names, _) = machine.prepare(now);
    let exchange = machine.ask(&names, now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    machine.hear(reply, now, 0.3);
    machine.observe(demand(), now);
    machine.shares(now);
    assert!(machine.wakes(now).is_some());
}

/// A process whose requests wait for their turn, and as many accounts as one
/// exchange may be about or more, of which another has all permits. By chance, some
/// orders let none starve.
#[test]
fn a_new_account_has_its_turn_among_many_that_wait() {
    for (instances, hot, rounds) in [(1, 70, 2), (16, 17, 2), (16, 40, 4)].repeat(4) {
        let (began, mut now) = (Instant::now(), Instant::now());
        let mut ledger = Ledger::new();
        // It uses them all the time.
        let other = |ledger: &mut Ledger, number: u64, now: Instant| {
            let mut exchange = Exchange::new(2, number, Duration::from_secs(5));
            for at in 0..hot {
                let mut ask = ScopeAsk::new(format!("account:{at}"));
                let mut window = WindowAsk::new(PERMIT, 1);
                (ask.acknowledged, window.want) = (number - 1, 1);
                window.held = u32::from(number > 1);
                ask.windows.push(window);
                exchange.scopes.push(ask);
            }
            let reply = ledger.exchange(&exchange, START + (now - began), &mut Vec::new());
            assert!(reply.is_ok());
        };
        other(&mut ledger, 1, now);
        let demand = |now: Instant| {
            let second = WindowDemand::new(SECOND, 1);
            let mut common = ScopeDemand::new("app", 90).with_window(second);
            common.common = true;
            let mut demands = vec![common];
            demands.extend((0..8).map(|at| {
                let mut used = WindowDemand::new(PERMIT, 1);
                used.in_flight = 1;
                ScopeDemand::new(format!("used:{at}"), 0).with_window(used)
            }));
            let new = if now < began + Duration::from_secs(20) {
                0
            } else {
                1
            };
            demands.extend((0..hot + new).map(|at| {
                let permit = WindowDemand::new(PERMIT, 1);
                ScopeDemand::new(format!("account:{at}"), 1).with_window(permit)
            }));
            demands
        };
        let mut settings = settings(FailureMode::LocalShare);
        settings.instances = u32::try_from(instances).unwrap();
        let mut machine = Machine::new(1, settings, now);
        let new = Arc::from(format!("account:{hot}"));
        let (mut asked, mut exchanges, mut others) = (None, 0, 1);
        while asked.is_none() && now < began + Duration::from_secs(90) {
            now += Duration::from_millis(10);
            if now >= began + Duration::from_secs(2 * others) {
                others += 1;
                other(&mut ledger, others, now);
            }
            machine.observe(demand(now), now);
            machine.shares(now);
            if machine.due(now).is_none_or(|due| now < due) {
                continue;
            }
            let (names, _) = machine.prepare(now);
            asked = names.contains(&new).then_some(now);
            let exchange = machine.ask(&names, now);
            let mut reply = ledger.exchange(&exchange, START + (now - began), &mut Vec::new());
            if let Ok(reply) = &mut reply {
                reply.instances = reply.instances.max(settings.instances);
            }
            machine.hear(reply, now, 0.3);
            exchanges += 1;
        }
        let waited = asked.map(|at| at - (began + Duration::from_secs(20)));
        println!("{instances}, {hot}: {waited:?}, {exchanges} exchanges");
        assert!(
            waited.is_some_and(|it| it <= rounds * Duration::from_millis(3_050)),
            "{waited:?}"
        );
    }
}

#[test]
fn who_hears_that_it_is_stale_is_another_from_then_on() {
    let now = Instant::now();
    let (mut ledger, mut notices) = (Ledger::new(), Vec::new());
    let mut twins = [1, 1].map(|id| Process::new(id, FailureMode::LocalShare, SECOND, 10, now));
    for twin in &mut twins {
        twin.queued = 50;
        let exchange = twin.ask(now);
        let answer = ledger.exchange(&exchange, START, &mut notices);
        twin.hear(answer, now);
    }
    assert_eq!((twins[0].machine.id(), twins[0].held()), (1, 10));
    assert_ne!(twins[1].machine.id(), 1);
    assert_eq!(twins[1].held(), 0);
    let exchange = twins[1].ask(now);
    let reply = ledger.exchange(&exchange, START, &mut notices);
    assert_eq!(reply.expect("its number is its own").instances, 2);
}

#[test]
fn who_was_stopped_sends_nothing_by_what_it_had() {
    let mut now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, SECOND, 10, now);
    process.queued = 50;
    let exchange = process.ask(now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    assert!(process.send(now));
    now += Duration::from_secs(5);
    assert!(!process.send(now));
}

#[test]
fn without_a_store_who_wakes_takes_of_a_minute_what_is_worth_a_second() {
    let minute = WindowSpan::Any(Duration::from_secs(60));
    let mut now = Instant::now();
    let mut process = Process::new(1, FailureMode::LocalShare, minute, 600, now);
    process.queued = 1_000;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    assert_eq!(
        process.share.as_ref().map(|share| share.limits[0].1),
        Some(10)
    );
    // Once all leases are over, and all that was sent by them is too.
    now += Duration::from_secs(5 + 60 + 2);
    process.look(now);
    assert_eq!(
        process.share.as_ref().map(|share| share.limits[0].1),
        Some(600)
    );
}

#[test]
fn all_have_noticed_an_outage_before_anybody_counts_on_it() {
    for (lease, deadline) in [(5_000, 50), (5_000, 1_000), (1_000, 250), (60_000, 1)] {
        let [lease, deadline] = [lease, deadline].map(Duration::from_millis);
        let settings = Settings {
            lease,
            deadline,
            ..settings(FailureMode::LocalShare)
        };
        assert!(settings.renew() + settings.deadline <= settings.noticed());
        assert!(settings.noticed() < settings.lease);
    }
}
