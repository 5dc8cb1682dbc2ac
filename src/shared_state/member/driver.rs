use std::{
    future::{pending, poll_fn},
    pin::Pin,
    sync::{Arc, Weak, atomic::Ordering},
    task::Poll,
};

use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep_until, timeout},
};

use super::{ScopeDemand, ScopeShare, Sharer, Which, machine::Change, state::Shared};
use crate::shared_state::{Exchange, Notice, Reply, StoreError, StoreErrorKind};

/// Carries out what the machine decides, until the last handle is dropped.
pub(super) async fn drive(weak: Weak<Shared>) {
    let Some(shared) = weak.upgrade() else { return };
    let _undriven = Undriven(weak.clone());
    let (calls, store) = (shared.calls.clone(), shared.store.clone());
    let deadline = shared.settings.deadline;
    shared.machine().begin_anew();
    drop(shared);
    let mut notices = Some(store.notices());
    let mut answers: Vec<Answer> = Vec::new();
    // Nothing here keeps the state alive while it waits.
    while let Some(shared) = weak.upgrade() {
        let now = Instant::now();
        shared.look(now);
        shared.machine().rest_if_asked(now);
        while shared.machine().due(now).is_some_and(|due| due <= now) {
            let exchange = shared.prepare(now);
            let store = store.clone();
            answers.push(Box::pin(async move {
                let number = exchange.number;
                let answer = timeout(deadline, store.exchange(exchange)).await;
                let late = |_| Err(StoreError::new(StoreErrorKind::Timeout));
                (number, answer.unwrap_or_else(late))
            }));
        }
        let wakes = shared.machine().wakes(now);
        drop(shared);
        let awake = async {
            match wakes {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            (number, heard) = first_of(&mut answers) => {
                if let Some(shared) = weak.upgrade() {
                    shared.hear(number, heard);
                }
            }
            () = heed(&weak, &mut notices) => {}
            () = calls.notified() => {}
            () = awake => {}
        }
    }
}

/// What becomes of an exchange, by its number.
type Answer = Pin<Box<dyn Future<Output = (u64, Result<Reply, StoreError>)> + Send>>;

/// The first that has come, if any does.
async fn first_of(answers: &mut Vec<Answer>) -> (u64, Result<Reply, StoreError>) {
    poll_fn(|context| {
        for at in 0..answers.len() {
            if let Poll::Ready(answer) = answers[at].as_mut().poll(context) {
                drop(answers.swap_remove(at));
                return Poll::Ready(answer);
            }
        }
        Poll::Pending
    })
    .await
}

/// Hears notices until one is about something here: of a large fleet, few are.
async fn heed(weak: &Weak<Shared>, notices: &mut Option<Receiver<Notice>>) {
    loop {
        let first = match notices {
            Some(notices) => notices.recv().await,
            None => pending().await,
        };
        let Some(shared) = weak.upgrade() else { return };
        let (mut machine, now) = (shared.machine(), Instant::now());
        let (mut next, mut concerns) = (first, false);
        if next.is_none() {
            *notices = None;
            next = Some(Notice::Heard(false));
        }
        while let Some(notice) = next {
            concerns |= machine.notice(&notice, now);
            next = notices.as_mut().and_then(|it| it.try_recv().ok());
        }
        if concerns {
            return;
        }
    }
}

/// Lets the next call start the task anew, should its runtime end before the
/// state does.
struct Undriven(Weak<Shared>);

impl Drop for Undriven {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.driven.store(false, Ordering::Release);
            shared.machine().forget_leavers();
        }
    }
}

impl Shared {
    /// Hears what the layers have used, and tells them what they may.
    fn look(&self, now: Instant) {
        let demands = self.demands(Which::Changed, now);
        let mut machine = self.machine();
        machine.observe(demands, now);
        let shares = machine.shares(now);
        drop(machine);
        self.apply(&shares, now);
    }

    /// The layers hear first what they no longer may: so nothing that is given
    /// back is sent by as well.
    fn prepare(&self, now: Instant) -> Exchange {
        let (names, lowered) = self.machine().prepare(now);
        self.apply(&lowered, now);
        let demands = self.demands(Which::Named(&names), now);
        let mut machine = self.machine();
        machine.observe(demands, now);
        let exchange = machine.ask(&names, now);
        let shares = machine.shares(now);
        drop(machine);
        self.apply(&shares, now);
        exchange
    }

    fn hear(&self, number: u64, answer: Result<Reply, StoreError>) {
        let now = Instant::now();
        let change = self.machine().hear(number, answer, now, rand::random());
        match change {
            Some(Change::Lost(error)) => tracing::warn!(
                %error,
                mode = ?self.settings.failure_mode,
                "limits are no longer shared: each process goes on by itself"
            ),
            Some(Change::Back) => tracing::info!("limits are shared again"),
            Some(Change::Fresh) => tracing::info!("the shared state was lost, and began anew"),
            None => {}
        }
    }

    fn demands(&self, which: Which<'_>, now: Instant) -> Vec<ScopeDemand> {
        let mut demands = Vec::new();
        for sharer in self.joined() {
            sharer.demand(which, now, &mut demands);
        }
        demands
    }

    fn apply(&self, shares: &[ScopeShare], now: Instant) {
        if shares.is_empty() {
            return;
        }
        for sharer in self.joined() {
            sharer.apply(shares, now);
        }
    }

    pub(super) fn joined(&self) -> Vec<Arc<dyn Sharer>> {
        let mut sharers = self.sharers();
        sharers.retain(|sharer| sharer.strong_count() > 0);
        sharers
            .iter()
            .filter_map(std::sync::Weak::upgrade)
            .collect()
    }
}
