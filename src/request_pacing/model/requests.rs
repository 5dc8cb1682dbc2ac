use std::{
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use tokio::time::Instant;

use super::{
    Call, Charges, Entered, Flag, Flight, Model, Operation, Polled, RequestContext, Touched, Turn,
    Waiting, Wish, ms, wake_all,
};
use crate::slab::At;

/// One request's way: in, its turn, out.
impl Model {
    pub(super) fn enter(&mut self, call: Call) {
        let context = RequestContext::new(Operation::Write)
            .with_account(call.account.to_string())
            .with_static_endpoint(if call.endpoint { "/a" } else { "/b" })
            .with_cost(call.cost.try_into().unwrap());
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
            context: Some(&context),
            touched,
            scopes: &self.quotas,
            deadline,
        };
        let entered = core.enter(&wish, || comer, &mut charges, now, &mut woken);
        wake_all(woken);
        match entered {
            Entered::Granted(turn) => self.go(call, charges, turn, deadline, None),
            Entered::Queued(at) => {
                let n = self.wait(at, call, None);
                self.poll(n);
            }
            Entered::TooLate { earliest } => assert!(Some(earliest) >= deadline),
            Entered::Inadmissible(_) => assert!(call.cost > 1),
            other => panic!("{other:?}"),
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
        if self.core.alarms.start(None) {
            self.keeper.0.store(true, Ordering::Relaxed);
        }
        self.waiting.len() - 1
    }

    /// Sends one that may go, if the service inside is ready.
    fn go(
        &mut self,
        mut call: Call,
        charges: Charges,
        turn: Option<Turn>,
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
                    &charges,
                    now.instant,
                    turn,
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
        self.flights.push(Flight {
            charges,
            sent,
            answer,
        });
    }

    pub(super) fn poll(&mut self, n: usize) {
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
                self.go(it.call, charges, Some(turn), deadline, it.ready_at);
            }
            Polled::TooLate { earliest } => {
                let it = self.waiting.swap_remove(n);
                let too_late = earliest >= deadline || deadline.is_some_and(|at| at <= self.now);
                assert!(it.call.deadline.is_some() && too_late);
            }
        }
    }
}
