use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tower_tiktok_benches::goodput::Cubic;

use super::{
    Client,
    gate::{Gate, gated},
    retry::{Again, Waits},
};
use crate::{
    scenario::Quota,
    server::{Sender, Server, Verdict},
};

/// The AWS SDKs' adaptive mode: CUBIC on the sending rate, a token for every
/// attempt, and their backoff (1 s base for throttling, cap 20 s, full
/// jitter). Their end after three attempts is left out, and so is the quota on
/// retries: both turn refusals into failures, and here all has to be done.
pub(super) struct Adaptive;

impl Client for Adaptive {
    fn name(&self) -> String {
        "AWS adaptive".to_owned()
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        let gate = Tokens {
            cubic: Mutex::new(Cubic::default()),
            origin: Instant::now(),
        };
        let most = Duration::from_secs(20);
        let again = Again::new(Waits::Doubling { most }, seed);
        Some(gated(server, gate, again))
    }
}

const TICK: Duration = Duration::from_millis(1);

struct Tokens {
    cubic: Mutex<Cubic>,
    origin: Instant,
}

impl Tokens {
    fn lock(&self) -> (MutexGuard<'_, Cubic>, f64) {
        let cubic = self.cubic.lock().unwrap_or_else(PoisonError::into_inner);
        (cubic, self.origin.elapsed().as_secs_f64())
    }

    fn acquire(&self) -> Result<(), f64> {
        let (mut cubic, now) = self.lock();
        cubic.acquire(now)
    }
}

impl Gate for Tokens {
    type Pass = ();

    // Sleep, then ask again: the SDK's send loop does not queue either.
    async fn enter(&self) {
        while let Err(seconds) = self.acquire() {
            // Rounding may leave a wait that no clock can tell from none.
            sleep(Duration::from_secs_f64(seconds).max(TICK)).await;
        }
    }

    fn left(&self, (): (), verdict: Verdict, _: Duration) {
        let (mut cubic, now) = self.lock();
        cubic.answered(now, verdict == Verdict::Refused);
    }
}
