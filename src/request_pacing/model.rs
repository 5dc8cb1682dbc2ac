//! Random requests through the whole state, without a runtime: whoever waits
//! is polled only some time after it was woken, as a task is, and time is kept
//! only by the one that keeps it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    Quota, Quotas, Scope, Touched,
    charge::Charges,
    core::{Core, Settings},
    outcome::Outcome,
    pacer::Granted,
    tick::{Now, Origin},
    timekeeper::wake_all,
    trips::Trips,
    waiter::{Comer, Entered, Polled, State, Wish},
};
use crate::{
    extensions::{Operation, Priority, RequestContext},
    slab::At,
};

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Flag {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[derive(Clone, Debug)]
struct Call {
    account: u8,
    endpoint: bool,
    field: Option<bool>,
    app: bool,
    priority: u8,
    trip: u64,
    share: f64,
    /// How long it waits before it gives up.
    patience: Option<u64>,
    deadline: Option<u64>,
    /// How long after a wake-up it is polled.
    lazy: u64,
    /// How often, and for how long, the service inside is not ready.
    unready: (u8, u64),
}

#[derive(Clone, Debug)]
enum Step {
    Call(Call),
    Pause(bool),
    Hold(u8, u64),
    Quota(u8, u32, u64),
    /// Somebody is polled without reason.
    Poll(prop::sample::Index),
}

#[derive(Debug)]
struct Waiting {
    at: At,
    call: Call,
    flag: Arc<Flag>,
    polled_at: Option<Instant>,
    gives_up: Option<Instant>,
    ready_at: Option<Instant>,
}

#[derive(Debug)]
struct Flight {
    charges: Charges,
    sent: Instant,
    answer: Instant,
}

struct Model {
    core: Core,
    quotas: Quotas,
    origin: Origin,
    now: Instant,
    waiting: Vec<Waiting>,
    flights: Vec<Flight>,
    arrivals: Vec<(Instant, Call)>,
    keeper: Arc<Flag>,
    alarm: Option<Instant>,
    /// With these, no call is given up for lost.
    never: Trips,
}

type Limits = [(u32, u64); 4];

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

impl Model {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let midnight = now + Duration::from_secs(3_600);
        let mut never = Trips::default();
        (0..128).for_each(|_| never.saw(midnight - now));
        let quota = |n: usize| Quota::requests_in_any(limits[n].0, ms(limits[n].1));
        let quotas = Quotas::none()
            .with_app(quota(0).and_requests_per_minute(limits[3].0 * 3))
            .with_each_endpoint(quota(1))
            .with_each_account_endpoint(quota(2));
        Self {
            core: Core::new(Settings {
                max_queued: 1_000,
                ageing: Duration::from_secs(10),
                midnight,
            }),
            quotas,
            origin: Origin::new(now, midnight),
            now,
            waiting: Vec::new(),
            flights: Vec::new(),
            arrivals: Vec::new(),
            keeper: Arc::default(),
            alarm: None,
            never,
        }
    }

    fn at(&self) -> Now {
        self.origin.at(self.now)
    }

    fn comer(&self, call: &Call) -> Comer {
        Comer {
            account: Some(call.account.to_string().into()),
            priority: [Priority::High, Priority::Normal, Priority::Low][usize::from(call.priority)],
            age: self.now,
        }
    }

    fn step(&mut self, step: Step) {
        let (now, mut woken) = (self.at(), Vec::new());
        let scope = |n: u8| match n {
            0 => Scope::app(),
            1 => Scope::endpoint("/a"),
            2 => Scope::account_endpoint("1", "/a"),
            _ => Scope::field_value("true"),
        };
        match step {
            Step::Call(call) => self.enter(call),
            Step::Pause(paused) => self.core.set_paused(paused, now, &mut woken),
            Step::Hold(n, time) => {
                let until = now.instant + ms(time);
                self.core
                    .hold(&scope(n), until, &self.quotas, now, &mut woken);
            }
            Step::Quota(n, requests, time) => {
                let quota = Some(Quota::requests_in_any(requests, ms(time)));
                self.core
                    .set_quota(scope(n), quota, &self.quotas, now, &mut woken);
            }
            Step::Poll(which) if !self.waiting.is_empty() => {
                let n = which.index(self.waiting.len());
                self.poll(n);
            }
            Step::Poll(_) => {}
        }
        wake_all(woken);
    }

    fn enter(&mut self, call: Call) {
        let context = RequestContext::new(Operation::Write)
            .with_account(call.account.to_string())
            .with_static_endpoint(if call.endpoint { "/a" } else { "/b" });
        let mut touched = Touched::none()
            .endpoint(&context)
            .account_endpoint(&context);
        touched.app = call.app;
        if let Some(field) = call.field {
            touched = touched.field_value(field.to_string());
        }
        let (comer, now) = (self.comer(&call), self.at());
        let deadline = call.deadline.map(|time| self.now + ms(time));
        let (mut charges, mut woken) = (Charges::default(), Vec::new());
        let core = &mut self.core;
        let wish = Wish {
            touched,
            scopes: &self.quotas,
            deadline,
        };
        let entered = core.enter(&wish, || comer, &mut charges, now, &mut woken);
        wake_all(woken);
        match entered {
            Entered::Granted { turn } => self.go(call, Granted { charges, turn }, deadline, None),
            Entered::Queued(at) => {
                let n = self.wait(at, call, None);
                self.poll(n);
            }
            Entered::TooLate { earliest } => assert!(Some(earliest) >= deadline),
            other @ Entered::Full { .. } => panic!("{other:?}"),
        }
    }

    fn wait(&mut self, at: At, call: Call, flag: Option<Arc<Flag>>) -> usize {
        self.waiting.push(Waiting {
            at,
            flag: flag.unwrap_or_default(),
            polled_at: None,
            gives_up: call.patience.map(|time| self.now + ms(time)),
            ready_at: None,
            call,
        });
        if !std::mem::replace(&mut self.core.alarms.keeper.runs, true) {
            self.keeper.0.store(true, Ordering::Relaxed);
        }
        self.waiting.len() - 1
    }

    /// Sends one that may go, if the service inside is ready.
    fn go(
        &mut self,
        mut call: Call,
        granted: Granted,
        deadline: Option<Instant>,
        ready: Option<Instant>,
    ) {
        let is_ready = ready.is_none_or(|at| at <= self.now);
        if call.unready.0 > 0 || !is_ready {
            if is_ready {
                call.unready.0 -= 1;
            }
            let ready_at = ready
                .filter(|_| !is_ready)
                .unwrap_or(self.now + ms(call.unready.1));
            let flag = Arc::<Flag>::default();
            let mut waker = Some(Waker::from(flag.clone()));
            let (comer, now, mut woken) = (self.comer(&call), self.at(), Vec::new());
            let core = &mut self.core;
            let at = core
                .set_aside(
                    &granted,
                    now.instant,
                    comer,
                    deadline,
                    &mut waker,
                    now,
                    &mut woken,
                )
                .unwrap();
            wake_all(woken);
            let n = self.wait(at, call, Some(flag));
            self.waiting[n].ready_at = Some(ready_at);
            return;
        }
        let trip = ms(call.trip);
        let arrival = self.now + trip.mul_f64(call.share);
        self.arrivals.push((arrival, call));
        let (sent, answer) = (self.now, self.now + trip);
        let charges = granted.charges;
        self.flights.push(Flight {
            charges,
            sent,
            answer,
        });
    }

    fn poll(&mut self, n: usize) {
        let (now, mut woken) = (self.at(), Vec::new());
        let it = &mut self.waiting[n];
        it.polled_at = None;
        let deadline = self.core.waiter(it.at).deadline;
        let mut waker = Some(Waker::from(it.flag.clone()));
        let (polled, _) = self.core.poll(it.at, &mut waker, now, &mut woken);
        wake_all(woken);
        match polled {
            Polled::Waiting => assert!(waker.is_none()),
            Polled::Granted { charges, turn } => {
                let it = self.waiting.swap_remove(n);
                self.go(it.call, Granted { charges, turn }, deadline, it.ready_at);
            }
            Polled::TooLate { earliest } => {
                let it = self.waiting.swap_remove(n);
                let too_late = earliest >= deadline || deadline.is_some_and(|at| at <= self.now);
                assert!(it.call.deadline.is_some() && too_late);
            }
        }
    }

    /// Does what is due now. Whether there was anything.
    fn turn(&mut self) -> bool {
        let (now, tick, mut woken) = (self.now, self.at(), Vec::new());
        for it in &mut self.waiting {
            let is_ready = it.ready_at.is_some_and(|at| at <= now);
            if it.flag.take() || is_ready && it.ready_at.take().is_some() {
                it.polled_at = it.polled_at.or(Some(now + ms(it.call.lazy)));
            }
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.keeper.take() || due(self.alarm) {
            let waker = Waker::from(self.keeper.clone());
            let (next, _) = self.core.keep(waker, tick, &mut woken);
            self.alarm = next.ok().flatten();
            assert!(self.alarm.is_none_or(|at| at > now), "it would spin");
        } else if let Some(n) = self.flights.iter().position(|it| it.answer <= now) {
            let Flight { charges, sent, .. } = self.flights.swap_remove(n);
            let (sent, outcome) = (self.origin.at(sent), Outcome::Admitted);
            self.core.settle(&charges, sent, outcome, tick, &mut woken);
        } else if let Some(n) = self.waiting.iter().position(|it| due(it.gives_up)) {
            let gone = self.waiting.swap_remove(n);
            self.core.leave(gone.at, tick, &mut woken);
        } else if let Some(n) = self.waiting.iter().position(|it| due(it.polled_at)) {
            self.poll(n);
        } else {
            return false;
        }
        wake_all(woken);
        true
    }

    fn next(&self) -> Option<Instant> {
        let answers = self.flights.iter().map(|flight| flight.answer);
        let waits = self.waiting.iter();
        let waits = waits.flat_map(|it| [it.polled_at, it.ready_at, it.gives_up]);
        answers.chain(waits.flatten()).chain(self.alarm).min()
    }

    fn run_until(&mut self, end: Option<Instant>) {
        let mut turns = 0;
        loop {
            while self.turn() {
                self.check();
            }
            turns += 1;
            assert!(turns < 20_000, "it spins");
            match (self.next(), end) {
                (Some(next), Some(end)) if next > end => break,
                (Some(next), _) => self.now = next.max(self.now),
                (None, _) => break,
            }
        }
        self.now = end.unwrap_or(self.now);
    }

    /// Nobody waits who could go, and nobody is forgotten.
    fn check(&mut self) {
        let (now, core) = (self.at(), &mut self.core);
        let soon = core.alarms.next().is_some_and(|at| at <= self.now + ms(2));
        let standing: Vec<_> = self.waiting.iter().map(|it| it.at).collect();
        for at in standing {
            let waiter = core.waiter(at);
            if !matches!(waiter.state, State::Standing) {
                continue;
            }
            let (path, line) = (waiter.path, waiter.line);
            let open = |gate| core.gates.get_mut(gate).unwrap().room(now, &self.never) > 0;
            let open = !core.paused && path.gates().all(open);
            assert!(!open || soon, "it could go and does not know");
            // It, or one that is before it, stands at a gate that is closed.
            let lines = std::iter::successors(line, |at| core.lines.get(*at)?.parent);
            let blocked = lines
                .filter_map(|at| core.lines.get(at))
                .any(|line| line.blocked);
            assert!(blocked, "nobody knows for which gate it waits");
        }
        assert!(core.changed.is_empty() && core.roots.is_empty());
        assert_eq!(
            core.queued,
            core.waiters.iter().filter(|it| it.1.waits()).count()
        );
    }

    fn most_in(&self, time: u64, of: impl Fn(&Call) -> bool) -> u32 {
        let arrivals: Vec<_> = self.arrivals.iter().filter(|it| of(&it.1)).collect();
        let inside = arrivals.iter().map(|last| {
            let before = |it: &&&(Instant, Call)| it.0 <= last.0 && it.0 + ms(time) > last.0;
            arrivals.iter().filter(before).count() as u32
        });
        inside.max().unwrap_or(0)
    }

    fn is_clean(&mut self) {
        assert!(
            self.waiting.is_empty(),
            "{} wait for ever",
            self.waiting.len()
        );
        let core = &self.core;
        for (_, gate) in core.gates.iter() {
            assert_eq!(gate.in_flight(), 0);
            if let Some(gate) = gate.if_active() {
                assert_eq!((gate.users, gate.standing, gate.alarm), (0, 0, None));
            }
        }
        assert_eq!(
            (core.queued, core.waiters.len(), core.lines.len()),
            (0, 0, 0)
        );
        assert!(core.line_of.is_empty() && core.blocked.is_empty() && core.alarms.is_empty());
        assert!(!core.alarms.keeper.runs, "it keeps time for nobody");
    }
}

fn call() -> impl Strategy<Value = Call> {
    let whose = (
        0_u8..4,
        any::<bool>(),
        prop::option::weighted(0.3, any::<bool>()),
    );
    let app = prop::bool::weighted(0.9);
    let trip = prop_oneof![3 => 0_u64..500, 1 => 0_u64..30_000];
    let patience = prop::option::weighted(0.3, 0_u64..200_000);
    let deadline = prop::option::weighted(0.2, 1_u64..100_000);
    let lazy = prop_oneof![3 => Just(0_u64), 1 => 0_u64..300, 1 => 0_u64..50_000];
    let unready = prop_oneof![3 => Just((0_u8, 0_u64)), 1 => (1_u8..3, 0_u64..5_000)];
    (
        whose,
        (app, 0_u8..3),
        trip,
        0.0..=1.0,
        (patience, deadline),
        (lazy, unready),
    )
        .prop_map(
            |((account, endpoint, field), (app, priority), trip, share, ends, (lazy, unready))| {
                Call {
                    account,
                    endpoint,
                    field,
                    app,
                    priority,
                    trip,
                    share,
                    patience: ends.0,
                    deadline: ends.1,
                    lazy,
                    unready,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => call().prop_map(Step::Call),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (0_u8..4, 0_u64..60_000).prop_map(|(n, time)| Step::Hold(n, time)),
        2 => any::<prop::sample::Index>().prop_map(Step::Poll),
    ]
}

fn quota() -> impl Strategy<Value = Step> {
    (0_u8..4, 1_u32..5, 60_000_u64..90_000)
        .prop_map(|(n, requests, time)| Step::Quota(n, requests, time))
}

fn limits() -> impl Strategy<Value = Limits> {
    let one = (1_u32..5, prop_oneof![100_u64..20_000, 60_000_u64..90_000]);
    [one.clone(), one.clone(), one.clone(), one]
}

fn run(limits: Limits, steps: Vec<(u64, Step)>) -> Model {
    let mut model = Model::new(limits);
    for (gap, step) in steps {
        let end = model.now + ms(gap);
        model.run_until(Some(end));
        model.step(step);
        model.check();
    }
    model.step(Step::Pause(false));
    model.run_until(None);
    model
}

proptest! {
    #[test]
    fn all_go_none_too_soon_and_nothing_is_left(
        limits in limits(),
        steps in prop::collection::vec((0_u64..4_000, step()), 1..80),
    ) {
        let mut model = run(limits, steps);
        model.is_clean();
        prop_assert!(model.most_in(60_000, |it| it.app) <= limits[3].0 * 3);
        let long = |n: usize| if limits[n].1 < 60_000 { u32::MAX } else { limits[n].0 };
        prop_assert!(model.most_in(limits[0].1, |it| it.app) <= long(0));
        for endpoint in [false, true] {
            prop_assert!(model.most_in(limits[1].1, |it| it.endpoint == endpoint) <= long(1));
            for account in 0..4 {
                let same = |it: &Call| it.endpoint == endpoint && it.account == account;
                prop_assert!(model.most_in(limits[2].1, same) <= long(2));
            }
        }
    }

    #[test]
    fn all_go_while_quotas_change(
        limits in limits(),
        steps in prop::collection::vec((0_u64..4_000, prop_oneof![9 => step(), 1 => quota()]), 1..80),
    ) {
        run(limits, steps).is_clean();
    }
}
