use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Sleep, sleep};
use tower::{BoxError, retry::Policy};

use crate::server::{Call, Verdict};

/// How long to wait before a resend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    None,
    /// One second, two, four ... up to this, with full jitter.
    Doubling {
        most: Duration,
    },
    /// One second, one, two, three, five ... up to this, with full jitter.
    Fibonacci {
        most: Duration,
    },
}

/// tower's retry, without end, for whatever a limit has refused.
///
/// The jitter is not tower's own: that draws the same numbers for every
/// request, which would be the benchmark's finding and not the limiter's.
#[derive(Clone, Debug)]
pub(super) struct Again {
    waits: Waits,
    resends: u32,
    draws: Arc<AtomicU64>,
}

impl Again {
    pub(super) fn new(waits: Waits, seed: u64) -> Self {
        Self {
            waits,
            resends: 0,
            draws: Arc::new(AtomicU64::new(seed << 32)),
        }
    }

    /// One, two, four and then eight seconds, with jitter.
    pub(super) fn usual(seed: u64) -> Self {
        let most = Duration::from_secs(8);
        Self::new(Waits::Doubling { most }, seed)
    }

    fn wait(&mut self) -> Duration {
        self.resends = self.resends.saturating_add(1);
        let (full, most) = match self.waits {
            Waits::None => return Duration::ZERO,
            Waits::Doubling { most } => (2_u64.saturating_pow(self.resends - 1), most),
            Waits::Fibonacci { most } => (fibonacci(self.resends), most),
        };
        Duration::from_secs(full).min(most).mul_f64(self.draw())
    }

    /// Uniform in `[0, 1)`, by SplitMix64.
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.draws.fetch_add(STEP, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn fibonacci(n: u32) -> u64 {
    let next = |(a, b): (u64, u64), _| (b, a.saturating_add(b));
    (1..n).fold((1, 1), next).0
}

impl Policy<Call, Verdict, BoxError> for Again {
    type Future = Pin<Box<Sleep>>;

    fn retry(
        &mut self,
        _: &mut Call,
        result: &mut Result<Verdict, BoxError>,
    ) -> Option<Self::Future> {
        // No fault of any scenario is an error: those are refusals that a
        // client wants to see as such.
        let refused = !matches!(result, Ok(Verdict::Done | Verdict::Failed));
        refused.then(|| Box::pin(sleep(self.wait())))
    }

    fn clone_request(&mut self, request: &Call) -> Option<Call> {
        Some(request.clone())
    }
}
