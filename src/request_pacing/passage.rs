use std::task::Waker;

use tokio::time::Instant;

use super::{
    Inadmissible,
    charge::{Charges, Path},
    core::Core,
    tick::Now,
    waiter::{Comer, Entered, Polled, State, Turn, Waiter, Wish},
};
use crate::slab::At;

mod granted;

/// One request's way through the queue: in, its turn, out.
impl Core {
    /// Lets a request go, with `charges`, if it need not wait.
    #[inline]
    pub(super) fn goes_at_once(
        &mut self,
        wish: &Wish<'_>,
        charges: &mut Charges,
        now: Now,
    ) -> bool {
        !self.drain.began && self.admit(wish, charges, now).is_ok_and(|passes| passes)
    }

    /// Lets a request go, with `charges`, or gives it a place in the queue.
    pub(super) fn enter(
        &mut self,
        wish: &Wish<'_>,
        comer: impl FnOnce() -> Comer,
        charges: &mut Charges,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Entered {
        if self.drain.began {
            return Entered::Draining;
        }
        match self.admit(wish, charges, now) {
            Ok(true) => Entered::Granted(None),
            Ok(false) => self.enqueue(charges, comer(), wish.deadline, now, woken),
            Err(inadmissible) => Entered::Inadmissible(inadmissible),
        }
    }

    /// Finds its way, and sends it through if nobody and nothing keeps it.
    #[inline]
    fn admit(
        &mut self,
        wish: &Wish<'_>,
        charges: &mut Charges,
        now: Now,
    ) -> Result<bool, Box<Inadmissible>> {
        self.evict(now);
        #[cfg(feature = "shared-state")]
        self.end_leases(now);
        let path = self.way(wish, now)?;
        charges.path = self.at_cost(path, wish)?;
        Ok(self.pass(charges, now))
    }

    /// The gates that it passes.
    #[inline]
    pub(super) fn way(&mut self, wish: &Wish<'_>, now: Now) -> Result<Path, Box<Inadmissible>> {
        if self.by_hand.is_empty() {
            return self.resolve(&wish.touched, wish.scopes);
        }
        let touched = self.touched(wish, now.instant);
        self.resolve(&touched, wish.scopes)
    }

    #[cold]
    fn enqueue(
        &mut self,
        charges: &mut Charges,
        comer: Comer,
        deadline: Option<Instant>,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> Entered {
        let full = Entered::Full {
            queued: self.queued,
        };
        let Some(at) = self.add_waiter(charges.path, comer, deadline, 0) else {
            return full;
        };
        if let Some(earliest) = self.misses(at, now) {
            self.remove(at, now);
            return Entered::TooLate { earliest };
        }
        // It may still go at once: those who wait may wait for others.
        self.rejoin(at, now, woken);
        let is_full = self.queued > self.settings.max_queued;
        let waiter = self.waiter(at);
        match waiter.state {
            State::Granted {
                charges: own,
                at: since,
            } => {
                let place = waiter.place();
                *charges = own;
                self.go(at, charges, now, woken);
                Entered::Granted(Some(Turn { place, since }))
            }
            State::Standing if !is_full => Entered::Queued(at),
            State::Standing => {
                self.withdraw(at, false, now);
                self.waiter(at).state = State::Aside { lapsed: false };
                self.remove(at, now);
                self.run(now, woken);
                full
            }
            State::Aside { .. } | State::TooLate { .. } => {
                self.remove(at, now);
                full
            }
        }
    }

    /// Whether the request in `at` may go by now. Its place is free then, and
    /// `waker` is left; else `waker` is told. The waker from before comes back.
    pub(super) fn poll(
        &mut self,
        at: At,
        waker: &mut Option<Waker>,
        now: Now,
        woken: &mut Vec<Waker>,
    ) -> (Polled, Option<Waker>) {
        let old = self.waiter(at).waker.take();
        // Its own first: it is not late as long as nobody took it away.
        if let State::Granted { at: taken, .. } = self.waiter(at).state
            && self.is_closed_since(at, taken)
        {
            self.revoke(at, false, now);
        }
        if self.waiter(at).waits() {
            self.tick(now, woken);
        }
        if let State::Aside { lapsed } = self.waiter(at).state {
            match self.misses(at, now) {
                Some(earliest) => self.too_late(at, Some(earliest), now, woken),
                None => self.rejoin(at, now, woken),
            }
            if lapsed {
                self.take_over(at, now, woken);
            }
        }
        let waiter = self.waiter(at);
        let polled = match waiter.state {
            State::Granted { charges, at: since } => {
                let place = waiter.place();
                self.go(at, &charges, now, woken);
                let turn = Turn { place, since };
                Polled::Granted { charges, turn }
            }
            State::TooLate { earliest } => {
                self.remove(at, now);
                self.wind(woken);
                Polled::TooLate { earliest }
            }
            State::Standing | State::Aside { .. } => {
                waiter.waker = waker.take();
                Polled::Waiting
            }
        };
        (polled, old)
    }

    /// The request in `at` is gone. Its waker comes back.
    pub(super) fn leave(&mut self, at: At, now: Now, woken: &mut Vec<Waker>) -> Option<Waker> {
        match self.waiter(at).state {
            State::Standing => self.withdraw(at, false, now),
            State::Granted { .. } => self.revoke(at, false, now),
            State::Aside { .. } | State::TooLate { .. } => {}
        }
        let waker = self.waiter(at).waker.take();
        self.remove(at, now);
        self.run(now, woken);
        waker
    }

    /// `turn` is that of before, if it waited before.
    fn add_waiter(
        &mut self,
        path: Path,
        comer: Comer,
        deadline: Option<Instant>,
        turn: u64,
    ) -> Option<At> {
        self.turn += 1;
        let turn = if turn == 0 { self.turn } else { turn };
        let waiter = Waiter::new(path, comer, deadline, turn, self.settings.ageing);
        let at = self.waiters.insert(waiter)?;
        self.queued += 1;
        self.alarms.expect_by(deadline, at);
        for gate in path.gates() {
            self.gate(gate).active().users += 1;
            #[cfg(feature = "shared-state")]
            self.borrow(gate);
        }
        Some(at)
    }

    /// One that is in no line joins its own.
    fn rejoin(&mut self, at: At, now: Now, woken: &mut Vec<Waker>) {
        if self.join(at, now) {
            self.waiter(at).state = State::Standing;
        }
        self.run(now, woken);
    }

    /// When it goes at the earliest, if that is too late for certain.
    fn misses(&mut self, at: At, now: Now) -> Option<Instant> {
        let waiter = self.waiter(at);
        let (path, deadline) = (waiter.path, waiter.deadline?);
        // One that came before, or that others stand back for, is not the last.
        let is_new = waiter.comer.age == now.instant && waiter.sooner.is_zero();
        let before = if is_new { self.before(at) } else { 0 };
        let each = path
            .gates()
            .map(|gate| self.gate(gate).earliest(before, now));
        each.max().filter(|earliest| deadline <= *earliest)
    }

    /// Forgets a request that is in no line.
    fn remove(&mut self, at: At, now: Now) {
        let Some(waiter) = self.waiters.remove(at) else {
            return;
        };
        self.alarms.expect_no_more(waiter.deadline, at);
        if let State::Granted { at: taken, .. } = waiter.state {
            self.alarms.taken(taken, at);
        }
        self.queued -= usize::from(waiter.waits());
        for gate in waiter.path.gates() {
            self.gate(gate).active().users -= 1;
            self.list(gate, now);
        }
    }
}
