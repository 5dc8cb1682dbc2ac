use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime::{self, Handle},
    time::{Instant, sleep_until},
};

use super::{
    Draining, QueueFull, Scopes,
    charge::Charges,
    clock::Clock,
    core::{Core, Settings},
    outcome::Outcome,
    slots::Closed,
    tick::Now,
    timekeeper::{Idle, Keeper, wake_all},
    waiter::{Comer, Entered, Polled, Turn, Wish},
};
use crate::slab::At;
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{Attempt, Lookup, Patience, RateLimitStatus, RequestContext},
};

mod by_hand;

/// The state of a layer, behind its lock.
///
/// Nothing is woken, and no waker dropped, under the lock: either may end in
/// dropping another request, which takes the lock.
pub(super) struct Pacer {
    pub(super) scopes: Box<dyn Scopes>,
    clock: Clock,
    core: Mutex<Core>,
    #[cfg(feature = "shared-state")]
    pub(super) membership: std::sync::OnceLock<crate::shared_state::Membership>,
}

/// What a request got at its first poll.
pub(super) enum Joined {
    /// The turn is to be told if it comes back.
    Granted(Option<Turn>),
    Queued(At),
}

impl Pacer {
    pub(super) fn new(scopes: Box<dyn Scopes>, settings: Settings, clock: Clock) -> Self {
        Self {
            scopes,
            clock,
            core: Mutex::new(Core::new(settings)),
            #[cfg(feature = "shared-state")]
            membership: std::sync::OnceLock::new(),
        }
    }

    #[inline]
    pub(super) fn now(&self) -> Now {
        let now = self.clock.at(Instant::now());
        if self.clock.is_due(now.tick) {
            return self.read_clock(now);
        }
        now
    }

    #[cold]
    fn read_clock(&self, now: Now) -> Now {
        let is_set = self.clock.read(now.tick);
        let now = self.clock.at(now.instant);
        self.wake_after(|core, woken| core.clock_was_read(is_set, now, woken));
        now
    }

    /// Whether it goes at once, with `charges`.
    #[inline]
    pub(super) fn pass(&self, found: Lookup<'_>, charges: &mut Charges, now: Now) -> bool {
        let wish = self.wish(found.context, None);
        self.lock().goes_at_once(&wish, charges, now)
    }

    pub(super) fn enter(
        &self,
        found: Lookup<'_>,
        deadline: Option<Instant>,
        charges: &mut Charges,
        now: Now,
    ) -> Result<Joined, BoxError> {
        let wish = self.wish(found.context, deadline);
        let entered = self
            .wake_after(|core, woken| core.enter(&wish, || comer(found, now), charges, now, woken));
        match entered {
            Entered::Granted(turn) => Ok(Joined::Granted(turn)),
            Entered::Queued(at) => Ok(Joined::Queued(at)),
            Entered::TooLate { earliest } => Err(too_late(Some(earliest))),
            Entered::Full { queued } => Err(QueueFull::new(queued).into()),
            Entered::Draining => Err(Draining::new().into()),
            Entered::Inadmissible(inadmissible) => Err(inadmissible),
        }
    }

    #[inline]
    pub(super) fn wish<'a>(
        &'a self,
        context: Option<&'a RequestContext>,
        deadline: Option<Instant>,
    ) -> Wish<'a> {
        Wish {
            context,
            touched: self.scopes.touched(context),
            scopes: &*self.scopes,
            deadline,
        }
    }

    /// Ready once it is granted, or too late.
    pub(super) fn poll(
        self: &Arc<Self>,
        at: At,
        now: Now,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Charges, Turn), BoxError>> {
        let mut waker = Some(cx.waker().clone());
        let runtime = Handle::try_current().ok().map(|it| it.id());
        let ((polled, _old), is_kept) = self.wake_after(|core, woken| {
            let polled = core.poll(at, &mut waker, now, woken);
            (polled, core.alarms.is_kept(runtime))
        });
        match polled {
            Polled::Granted { charges, turn } => Poll::Ready(Ok((charges, turn))),
            Polled::TooLate { earliest } => Poll::Ready(Err(too_late(earliest))),
            Polled::Waiting => {
                if !is_kept {
                    self.start_keeper(cx);
                }
                #[cfg(feature = "shared-state")]
                self.call_if_asked();
                Poll::Pending
            }
        }
    }

    /// A request that was granted at `taken` does not go before it is polled
    /// again. The time is to be [kept](Self::start_keeper) then.
    pub(super) fn set_aside(
        &self,
        charges: &Charges,
        taken: Now,
        turn: Option<Turn>,
        found: Lookup<'_>,
        deadline: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Result<At, BoxError> {
        let now = self.now();
        let mut waker = Some(cx.waker().clone());
        let (at, queued) = self.wake_after(|core, woken| {
            let at = core.set_aside(
                charges,
                taken.instant,
                turn,
                comer(found, taken),
                deadline,
                &mut waker,
                now,
                woken,
            );
            (at, core.queued)
        });
        at.ok_or_else(|| QueueFull::new(queued).into())
    }

    pub(super) fn leave(&self, at: At) {
        let now = self.now();
        let _own = self.wake_after(|core, woken| core.leave(at, now, woken));
    }

    /// What was granted at `taken` was not sent.
    pub(super) fn give_back(&self, charges: &Charges, taken: Now) {
        let now = self.now();
        self.wake_after(|core, woken| core.give_back(charges, taken.instant, now, woken));
    }

    /// With when it was sent, and whether its round trip took until now.
    pub(super) fn settle(
        &self,
        charges: &Charges,
        sent: (Now, bool),
        outcome: Outcome,
        now: Now,
    ) -> Option<Closed> {
        #[cfg(feature = "shared-state")]
        let is_answered = !matches!(outcome, Outcome::Lost);
        let closed = self.wake_after(|core, woken| core.settle(charges, sent, outcome, now, woken));
        // One that was dropped may be outside of any runtime.
        #[cfg(feature = "shared-state")]
        if is_answered {
            self.call_if_asked();
        }
        closed
    }

    /// What was called then is sent only now.
    #[cold]
    pub(super) fn send_late(&self, charges: &mut Charges, called: Now, now: Now) {
        self.lock().send_late(charges, called, now);
    }

    /// The headers of the answer tell of limits.
    pub(super) fn tighten(&self, charges: &Charges, status: &RateLimitStatus) {
        let (now, scopes) = (self.now(), &*self.scopes);
        self.wake_after(|core, woken| core.tighten(charges, status, scopes, now, woken));
    }

    /// Does what is due. Until when the one that keeps the time may sleep;
    /// `Err` if nobody waits.
    pub(super) fn keep(
        &self,
        runtime: runtime::Id,
        waker: &Waker,
    ) -> Result<Option<Instant>, Idle> {
        let (now, runtime) = (self.now(), Some(runtime));
        let waker = waker.clone();
        let (kept, _old) = self.wake_after(|core, woken| core.keep(runtime, waker, now, woken));
        kept.map_err(Idle)
    }

    /// The one that kept the time in this runtime is gone.
    pub(super) fn abandon(&self, runtime: runtime::Id) {
        let _old = self.wake_after(|core, woken| core.abandon(Some(runtime), woken));
    }

    /// Keeps the time in the runtime that polls, if nobody does. Panics where a
    /// sleep would.
    #[cold]
    pub(super) fn start_keeper(self: &Arc<Self>, cx: &mut Context<'_>) {
        let own = Handle::try_current().ok().map(|it| it.id());
        if self.lock().alarms.is_kept(own) {
            return;
        }
        let runtime = Handle::current();
        // NOTE: made and polled here, for either may panic; a task that does
        // would be started again and again.
        let mut sleep = Box::pin(sleep_until(Instant::now()));
        let _ = sleep.as_mut().poll(cx);
        if self.lock().alarms.start(Some(runtime.id())) {
            let pacer = Arc::downgrade(self);
            runtime.spawn(Keeper::new(pacer, runtime.id(), sleep));
        }
    }

    pub(super) fn wake_after<T>(&self, work: impl FnOnce(&mut Core, &mut Vec<Waker>) -> T) -> T {
        let mut woken = Vec::new();
        let done = work(&mut self.lock(), &mut woken);
        if !woken.is_empty() {
            wake_all(woken);
        }
        done
    }

    /// Locks even after a panic: the only foreign code under the lock, the
    /// scopes, runs before anything is changed.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn comer(found: Lookup<'_>, now: Now) -> Comer {
    let context = found.context;
    let attempt = found.more.and_then(|more| more.get::<Attempt>());
    let patience = found.more.and_then(|more| more.get::<Patience>());
    let age = attempt.map_or(now.instant, age_of);
    Comer {
        account: context.and_then(RequestContext::account).cloned(),
        priority: context.map(RequestContext::priority).unwrap_or_default(),
        age: age.min(now.instant),
        again: attempt.is_some(),
        patience: patience.map(Patience::time),
    }
}

/// A resend goes before all that came along with its first attempt.
fn age_of(attempt: &Attempt) -> Instant {
    let first_sent = attempt.first_sent();
    let before = first_sent.checked_sub(Duration::from_nanos(1));
    before.unwrap_or(first_sent)
}

fn too_late(earliest: Option<Instant>) -> BoxError {
    DeadlineExceeded::new(earliest, None).into()
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
