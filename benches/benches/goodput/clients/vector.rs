use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower_tiktok_benches::goodput;

use super::{
    Client,
    gate::{Gate, gated},
    retry::{Again, Waits},
};
use crate::{
    scenario::Quota,
    server::{Sender, Server, Verdict},
};

/// Vector's adaptive request concurrency, with its retries around it:
/// Fibonacci up to 30 s, full jitter.
pub(super) struct Concurrency;

impl Client for Concurrency {
    fn name(&self) -> String {
        "Vector ARC".to_owned()
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        let controller = goodput::Concurrency::default();
        let gate = Limited {
            permits: Arc::new(Semaphore::new(controller.limit())),
            state: Mutex::new(State {
                controller,
                in_flight: 0,
                to_forget: 0,
            }),
            origin: Instant::now(),
        };
        let most = Duration::from_secs(30);
        let again = Again::new(Waits::Fibonacci { most }, seed);
        Some(gated(server, gate, again))
    }
}

/// A semaphore that can shrink, first in, first out, as Vector's.
struct Limited {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    origin: Instant,
}

struct State {
    controller: goodput::Concurrency,
    in_flight: usize,
    to_forget: usize,
}

impl Gate for Limited {
    type Pass = OwnedSemaphorePermit;

    async fn enter(&self) -> OwnedSemaphorePermit {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.expect("nobody closes it");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight += 1;
        let in_flight = state.in_flight;
        state.controller.sent(in_flight);
        permit
    }

    fn left(&self, permit: OwnedSemaphorePermit, verdict: Verdict, took: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight -= 1;
        let now = self.origin.elapsed().as_secs_f64();
        let before = state.controller.limit();
        let refused = verdict == Verdict::Refused;
        state.controller.answered(now, took.as_secs_f64(), refused);
        let after = state.controller.limit();
        state.to_forget += before.saturating_sub(after);
        let more = after.saturating_sub(before);
        let cancelled = more.min(state.to_forget);
        state.to_forget -= cancelled;
        self.permits.add_permits(more - cancelled);
        if state.to_forget > 0 {
            state.to_forget -= 1;
            permit.forget();
        }
    }
}
