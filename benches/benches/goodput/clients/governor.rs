use std::time::Duration;

use governor::{
    Quota as Cells, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    Client,
    gate::{Gate, gated},
    retry::Again,
};
use crate::{
    scenario::Quota,
    server::{Sender, Server},
};

/// governor's GCRA, one cell at a time, at a share of the tighter of the two
/// rates. A burst would be let through on top of the rate, and refused.
pub(super) struct Governor {
    pub(super) percent: u32,
}

impl Client for Governor {
    fn name(&self) -> String {
        match self.percent {
            100 => "governor".to_owned(),
            percent => format!("governor {percent} %"),
        }
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let quota = configured?;
        let rate = f64::from(quota.second).min(f64::from(quota.minute) / 60.0);
        let period = Duration::from_secs_f64(100.0 / f64::from(self.percent) / rate);
        let cells = Cells::with_period(period).expect("no quota is endless");
        let clock = TokioClock(Instant::now());
        let gate = Turnstile {
            limiter: RateLimiter::direct_with_clock(cells, clock),
            clock,
            turn: Mutex::new(()),
        };
        Some(gated(server, gate, Again::usual(seed)))
    }
}

/// governor's own waiting (`until_ready`) uses a timer that paused time does
/// not move, and wakes all who wait at once, in no order. Here one at a time
/// asks and sleeps for as long as it is told; the others queue for that, first
/// in, first out.
struct Turnstile {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    clock: TokioClock,
    turn: Mutex<()>,
}

impl Gate for Turnstile {
    type Pass = ();

    async fn enter(&self) {
        let _turn = self.turn.lock().await;
        while let Err(not_yet) = self.limiter.check() {
            sleep(not_yet.wait_time_from(self.clock.now())).await;
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
