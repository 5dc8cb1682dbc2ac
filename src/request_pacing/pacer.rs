use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

use http::Extensions;
use tokio::time::Instant;

use super::{
    LearnedLimit, QueueFull, Quota, Scope, Scopes, Snapshot,
    charge::Charges,
    core::{Core, Settings},
    outcome::Outcome,
    tick::{Now, Origin},
    waiter::{Comer, Entered, Polled, Verdict, Wish},
};
use crate::slab::At;
use crate::{
    error::{BoxError, DeadlineExceeded},
    extensions::{AccountId, Attempt, RateLimitStatus, RequestContext},
};

/// The state of a layer, behind its lock.
///
/// Nothing is woken, and no waker dropped, under the lock: either may end in
/// dropping another request, which takes the lock.
pub(super) struct Pacer {
    scopes: Box<dyn Scopes>,
    origin: Origin,
    core: Mutex<Core>,
}

/// What a request got at its first poll.
pub(super) enum Joined {
    Granted,
    Queued(At),
}

impl Pacer {
    pub(super) fn new(scopes: Box<dyn Scopes>, settings: Settings) -> Self {
        Self {
            scopes,
            origin: Origin::new(Instant::now(), settings.midnight),
            core: Mutex::new(Core::new(settings)),
        }
    }

    pub(super) fn now(&self) -> Now {
        self.origin.at(Instant::now())
    }

    pub(super) fn enter(
        &self,
        extensions: &Extensions,
        deadline: Option<Instant>,
        charges: &mut Charges,
        now: Now,
    ) -> Result<Joined, BoxError> {
        let context = extensions.get::<RequestContext>();
        let wish = Wish {
            touched: self.scopes.touched(context),
            scopes: &*self.scopes,
            deadline,
        };
        let comer = || Comer {
            account: context.and_then(RequestContext::account).cloned(),
            priority: context.map(RequestContext::priority).unwrap_or_default(),
            age: extensions
                .get::<Attempt>()
                .map_or(now.instant, age_of)
                .min(now.instant),
        };
        let entered = self.wake_after(|core, woken| core.enter(&wish, comer, charges, now, woken));
        match entered {
            Entered::Granted => Ok(Joined::Granted),
            Entered::Queued(at) => Ok(Joined::Queued(at)),
            Entered::TooLate { earliest } => Err(too_late(earliest)),
            Entered::Full { queued } => Err(QueueFull::new(queued).into()),
        }
    }

    /// The charges, once it is granted; else when to poll again at the latest.
    pub(super) fn poll(
        &self,
        at: At,
        now: Now,
        cx: &mut Context<'_>,
    ) -> Result<Result<Charges, Option<Instant>>, BoxError> {
        let polled = self.wake_after(|core, woken| core.poll(at, cx.waker(), now, woken));
        match polled {
            (Polled::Decided(Verdict::Granted(charges)), _) => Ok(Ok(charges)),
            (Polled::Decided(Verdict::TooLate { earliest }), _) => Err(too_late(earliest)),
            (Polled::Waiting { alarm }, _replaced) => Ok(Err(alarm)),
        }
    }

    pub(super) fn leave(&self, at: At) {
        let now = self.now();
        let _own = self.wake_after(|core, woken| core.leave(at, now, woken));
    }

    pub(super) fn set_sent(&self, charges: &Charges, sent: Option<Now>) {
        self.lock().set_sent(charges, sent);
    }

    pub(super) fn give_back(&self, charges: &Charges) {
        let now = self.now();
        self.wake_after(|core, woken| core.give_back(charges, now, woken));
    }

    pub(super) fn settle(&self, charges: &Charges, sent: Now, outcome: Outcome) -> Option<Instant> {
        let now = self.now();
        self.wake_after(|core, woken| core.settle(charges, sent, outcome, now, woken))
    }

    /// The headers of the answer tell of limits.
    pub(super) fn tighten(&self, charges: &Charges, status: &RateLimitStatus) {
        let now = Instant::now();
        self.lock().tighten(charges, status, &*self.scopes, now);
    }

    pub(super) fn set_quota(&self, scope: Scope, quota: Option<Quota>) {
        let now = self.now();
        self.wake_after(|core, woken| core.set_quota(scope, quota, &*self.scopes, now, woken));
    }

    pub(super) fn hold(&self, scope: Scope, until: Instant) {
        let now = self.now();
        self.wake_after(|core, woken| core.hold(&scope, until, &*self.scopes, now, woken));
    }

    pub(super) fn set_paused(&self, paused: bool) {
        let now = self.now();
        self.wake_after(|core, woken| core.set_paused(paused, now, woken));
    }

    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    pub(super) fn set_weight(&self, account: AccountId, weight: u32) {
        let mut core = self.lock();
        if weight == 1 {
            core.weights.remove(&account);
        } else {
            core.weights.insert(account, weight);
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let now = self.now();
        self.lock().snapshot(now)
    }

    pub(super) fn export_learned(&self) -> Vec<LearnedLimit> {
        let now = Instant::now();
        self.lock().export_learned(now)
    }

    pub(super) fn import_learned(&self, learned: &[LearnedLimit]) {
        let now = self.now();
        self.lock().import_learned(learned, &*self.scopes, now);
    }

    pub(super) fn queued(&self) -> usize {
        self.lock().queued
    }

    fn wake_after<T>(&self, work: impl FnOnce(&mut Core, &mut Vec<Waker>) -> T) -> T {
        let mut woken = Vec::new();
        let done = work(&mut self.lock(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
        done
    }

    /// Locks even after a panic: foreign code under the lock, the scopes and
    /// the clone of a waker, runs before anything is changed.
    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A resend goes before all that came along with its first attempt.
fn age_of(attempt: &Attempt) -> Instant {
    let first_sent = attempt.first_sent();
    let before = first_sent.checked_sub(Duration::from_nanos(1));
    before.unwrap_or(first_sent)
}

fn too_late(earliest: Instant) -> BoxError {
    DeadlineExceeded::new(Some(earliest), None).into()
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
