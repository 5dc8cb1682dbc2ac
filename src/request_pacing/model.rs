//! Random requests through the whole state, without a runtime: a waiter is
//! polled only when it was woken or its alarm is due, as a task is.

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
    Quota, Quotas, Scopes,
    charge::Charges,
    core::{Core, Settings},
    outcome::Outcome,
    tick::{Now, Origin},
    waiter::{Comer, Entered, Polled, Verdict, Wish},
};
use crate::extensions::{Operation, RequestContext};
use crate::slab::At;

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone, Debug)]
struct Call {
    gap: u64,
    account: u8,
    endpoint: bool,
    trip: u64,
    share: f64,
    /// How long it waits before it gives up.
    patience: Option<u64>,
}

#[derive(Debug)]
struct Waiting {
    at: At,
    call: Call,
    flag: Arc<Flag>,
    alarm: Option<Instant>,
    gives_up: Option<Instant>,
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
    arrivals: Vec<(Instant, u8, bool)>,
}

const APP: u32 = 6;
const ENDPOINT: u32 = 4;
const ACCOUNT: u32 = 2;

impl Model {
    fn new() -> Self {
        let now = Instant::now();
        let midnight = now + Duration::from_secs(3_600);
        let quotas = Quotas::none()
            .with_app(Quota::requests_per_minute(APP).and_requests_per_second(3))
            .with_each_endpoint(Quota::requests_per_minute(ENDPOINT))
            .with_each_account_endpoint(Quota::requests_per_minute(ACCOUNT));
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
        }
    }

    fn at(&self, instant: Instant) -> Now {
        self.origin.at(instant)
    }

    fn enter(&mut self, call: Call) {
        let context = RequestContext::new(Operation::Write)
            .with_account(call.account.to_string())
            .with_static_endpoint(if call.endpoint { "/a" } else { "/b" });
        let comer = || Comer {
            account: context.account().cloned(),
            priority: context.priority(),
            age: self.now,
        };
        let (mut charges, now) = (Charges::default(), self.at(self.now));
        let wish = Wish {
            touched: self.quotas.touched(Some(&context)),
            scopes: &self.quotas,
            deadline: None,
        };
        let mut woken = Vec::new();
        let entered = self.core.enter(&wish, comer, &mut charges, now, &mut woken);
        woken.into_iter().for_each(Waker::wake);
        match entered {
            Entered::Granted => self.fly(&call, charges),
            Entered::Queued(at) => {
                let flag = Arc::new(Flag(AtomicBool::new(true)));
                let patience = call.patience.map(Duration::from_millis);
                self.waiting.push(Waiting {
                    at,
                    call,
                    flag,
                    alarm: None,
                    gives_up: patience.map(|patience| self.now + patience),
                });
            }
            other => panic!("{other:?}"),
        }
    }

    fn fly(&mut self, call: &Call, charges: Charges) {
        let trip = Duration::from_millis(call.trip);
        let arrival = self.now + trip.mul_f64(call.share);
        self.arrivals.push((arrival, call.account, call.endpoint));
        let (sent, answer) = (self.now, self.now + trip);
        self.flights.push(Flight {
            charges,
            sent,
            answer,
        });
    }

    /// Does what is due now. Whether there was anything.
    fn turn(&mut self) -> bool {
        let (now, mut woken, mut any) = (self.now, Vec::new(), false);
        let tick = self.at(now);
        if let Some(n) = self.flights.iter().position(|flight| flight.answer <= now) {
            let flight = self.flights.swap_remove(n);
            let sent = self.at(flight.sent);
            let outcome = Outcome::Admitted;
            self.core
                .settle(&flight.charges, sent, outcome, tick, &mut woken);
            any = true;
        } else if let Some(n) = self
            .waiting
            .iter()
            .position(|it| it.gives_up.is_some_and(|at| at <= now))
        {
            let gone = self.waiting.swap_remove(n);
            self.core.leave(gone.at, tick, &mut woken);
            any = true;
        } else if let Some(n) = self.waiting.iter().position(|it| {
            it.flag.0.load(Ordering::Relaxed) || it.alarm.is_some_and(|at| at <= now)
        }) {
            let it = &mut self.waiting[n];
            it.flag.0.store(false, Ordering::Relaxed);
            let waker = Waker::from(it.flag.clone());
            match self.core.poll(it.at, &waker, tick, &mut woken).0 {
                Polled::Waiting { alarm } => {
                    assert!(alarm.is_none_or(|at| at > now), "it would spin");
                    it.alarm = alarm;
                }
                Polled::Decided(Verdict::Granted(charges)) => {
                    let it = self.waiting.swap_remove(n);
                    self.fly(&it.call, charges);
                }
                Polled::Decided(other) => panic!("{other:?}"),
            }
            any = true;
        }
        woken.into_iter().for_each(Waker::wake);
        any
    }

    fn next(&self) -> Option<Instant> {
        let answers = self.flights.iter().map(|flight| flight.answer);
        let waits = self.waiting.iter().flat_map(|it| [it.alarm, it.gives_up]);
        answers.chain(waits.flatten()).min()
    }

    fn run_until(&mut self, end: Option<Instant>) {
        loop {
            while self.turn() {}
            match (self.next(), end) {
                (Some(next), Some(end)) if next > end => break,
                (Some(next), _) => self.now = next.max(self.now),
                (None, _) => break,
            }
        }
        self.now = end.unwrap_or(self.now);
    }

    fn most_in_a_minute(&self, of: impl Fn(&(Instant, u8, bool)) -> bool) -> u32 {
        let minute = Duration::from_secs(60);
        let arrivals: Vec<_> = self.arrivals.iter().filter(|it| of(it)).collect();
        let inside = arrivals.iter().map(|last| {
            let inside = arrivals
                .iter()
                .filter(|it| it.0 <= last.0 && it.0 + minute > last.0);
            inside.count() as u32
        });
        inside.max().unwrap_or(0)
    }
}

fn call() -> impl Strategy<Value = Call> {
    let patience = prop::option::weighted(0.3, 0_u64..200_000);
    (
        0_u64..9_000,
        0_u8..4,
        any::<bool>(),
        0_u64..30_000,
        0.0..=1.0,
        patience,
    )
        .prop_map(|(gap, account, endpoint, trip, share, patience)| Call {
            gap,
            account,
            endpoint,
            trip,
            share,
            patience,
        })
}

proptest! {
    #[test]
    fn all_go_none_too_soon_and_nothing_is_left(calls in prop::collection::vec(call(), 1..80)) {
        let mut model = Model::new();
        for call in calls {
            let end = model.now + Duration::from_millis(call.gap);
            model.run_until(Some(end));
            model.enter(call);
        }
        model.run_until(None);
        prop_assert!(model.waiting.is_empty(), "{} wait for ever", model.waiting.len());

        prop_assert!(model.most_in_a_minute(|_| true) <= APP);
        for endpoint in [false, true] {
            prop_assert!(model.most_in_a_minute(|it| it.2 == endpoint) <= ENDPOINT);
            for account in 0..4 {
                let most = model.most_in_a_minute(|it| it.2 == endpoint && it.1 == account);
                prop_assert!(most <= ACCOUNT);
            }
        }

        for (_, gate) in model.core.gates.iter() {
            prop_assert_eq!((gate.in_flight(), gate.queued()), (0, 0));
            if let Some(gate) = gate.if_active() {
                prop_assert_eq!((gate.reserved, gate.expected, gate.driver), (0, 0, None));
            }
        }
        prop_assert_eq!(model.core.queued, 0);
        prop_assert!(model.core.deadlines.is_empty());
    }
}
