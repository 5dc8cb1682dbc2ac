//! The clients that are compared, each behind [`Client`].
//!
//! They are driven as their friends would: each is told what a refusal is
//! (none of them finds out by itself in an HTTP 200), resends as often as it
//! takes, and reads tokio's clock where it has one of its own.

mod aws;
mod gate;
mod governor;
mod resilience;
mod retry;
mod shared;
mod throttle_net;
mod tiktok;
mod tower;
mod vector;

use crate::{
    scenario::Quota,
    server::{Sender, Server},
};

/// One way of sending writes.
///
/// A new client is a file beside this one, and a line in [`all`].
pub(crate) trait Client: Send + Sync {
    /// What it is called by `--client`, and in the table.
    fn name(&self) -> String;

    /// Whether the variations say anything new about it.
    fn varies(&self) -> bool {
        true
    }

    /// A client of this server, which is told what it may send if anybody
    /// knows. `None` if it cannot do without.
    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender>;

    /// Whether it is only for several processes, which know of each other.
    fn shares(&self) -> bool {
        false
    }

    /// One for each of so many processes.
    fn build_each(
        &self,
        server: &Server,
        configured: Option<Quota>,
        seed: u64,
        processes: usize,
    ) -> Option<Vec<Sender>> {
        let processes = (0..processes as u64).map(|process| process << 32 | seed);
        let build = |seed| self.build(server.clone(), configured, seed);
        processes.map(build).collect()
    }
}

/// All of them, worst first.
pub(crate) fn all() -> Vec<Box<dyn Client>> {
    let mut all: Vec<Box<dyn Client>> = vec![Box::new(tower::Naive), Box::new(tower::Backoff)];
    for stretch in [0, 30, 50, 80] {
        all.push(Box::new(tower::RateLimit { stretch }));
    }
    for percent in [100, 95, 90] {
        all.push(Box::new(governor::Governor { percent }));
    }
    all.push(Box::new(resilience::RateLimiter));
    all.push(Box::new(resilience::Adaptive));
    all.push(Box::new(throttle_net::SlidingWindow));
    all.push(Box::new(aws::Adaptive));
    all.push(Box::new(vector::Concurrency));
    for paced in [false, true] {
        all.push(Box::new(tiktok::TikTok { paced }));
    }
    for round_trip in [1, 5, 50] {
        all.push(Box::new(shared::Shared { round_trip }));
    }
    all
}
