//! Random requests through the whole state, without a runtime: whoever waits
//! is polled only some time after it was woken, as a task is, and time is kept
//! only by the one that keeps it.

mod laws;
mod requests;
mod time;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    Quota, Quotas, Scope, Touched,
    charge::Charges,
    core::{Core, Settings},
    outcome::Outcome,
    tick::{Now, Origin},
    timekeeper::wake_all,
    trips::Trips,
    waiter::{Comer, Entered, Polled, State, Turn, Wish},
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
    /// As how many it counts.
    cost: u32,
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
    pub(super) fn new(limits: Limits) -> Self {
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
                lost_after: Duration::from_secs(120),
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
            again: false,
            patience: (call.priority == 2 && call.cost > 1).then(|| ms(500)),
        }
    }

    pub(super) fn step(&mut self, step: Step) {
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
                    .hold(scope(n), until, &self.quotas, now, &mut woken);
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

    pub(super) fn most_in(&self, time: u64, of: impl Fn(&Call) -> bool) -> u32 {
        let arrivals: Vec<_> = self.arrivals.iter().filter(|it| of(&it.1)).collect();
        let inside = arrivals.iter().map(|last| {
            let before = |it: &&&(Instant, Call)| it.0 <= last.0 && it.0 + ms(time) > last.0;
            arrivals.iter().filter(before).map(|it| it.1.cost).sum()
        });
        inside.max().unwrap_or(0)
    }

    pub(super) fn is_clean(&mut self) {
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
            (
                core.queued,
                core.waiters.len(),
                core.lines.len(),
                core.under_way
            ),
            (0, 0, 0, 0)
        );
        assert!(core.line_of.is_empty() && core.blocked.is_empty() && core.alarms.is_empty());
        assert!(!core.alarms.is_kept(None), "it keeps time for nobody");
    }
}
