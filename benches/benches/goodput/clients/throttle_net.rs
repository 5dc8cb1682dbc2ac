use std::time::Duration;

use throttle_net::{Hybrid, SlidingWindowLog, TokioClock};

use super::{
    Client,
    gate::{Gate, gated},
    retry::Again,
};
use crate::{
    scenario::Quota,
    server::{Sender, Server},
};

/// throttle-net's exact sliding windows, both at once, on tokio's clock, with
/// the waiting that is its own.
pub(super) struct SlidingWindow;

impl Client for SlidingWindow {
    fn name(&self) -> String {
        "throttle-net".to_owned()
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let quota = configured?;
        let window = |limit, seconds| {
            SlidingWindowLog::new(limit, Duration::from_secs(seconds)).with_clock(TokioClock::new())
        };
        let both = Hybrid::builder()
            .limiter(window(quota.second, 1))
            .limiter(window(quota.minute, 60))
            .build();
        Some(gated(server, both, Again::usual(seed)))
    }
}

impl Gate for Hybrid {
    type Pass = ();

    async fn enter(&self) {
        self.acquire().await.expect("one call fits into any window");
    }
}
