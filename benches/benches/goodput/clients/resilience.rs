use std::{fmt, time::Duration};

use tower::{BoxError, ServiceBuilder, retry::RetryLayer, util::BoxCloneSyncService};
use tower_resilience_adaptive::{AdaptiveLimiterLayer, Aimd};
use tower_resilience_ratelimiter::{RateLimiterLayer, WindowType};

use super::{Client, retry::Again};
use crate::{
    scenario::Quota,
    server::{Sender, Server, Verdict},
};

/// tower-resilience's rate limiter, with the exact of its windows (a log of
/// the trailing period), one for each limit; it waits instead of rejecting.
pub(super) struct RateLimiter;

/// tower-resilience's AIMD on the number of requests in flight, at its
/// defaults. It takes every `Ok` for a success, so refusals are errors here;
/// its latencies are the wall clock's, under paused time all but nothing, so
/// that only refusals make it shrink.
pub(super) struct Adaptive;

/// Longer than any run.
const PATIENCE: Duration = Duration::from_secs(1_000_000);

impl Client for RateLimiter {
    fn name(&self) -> String {
        "tower-resilience limiter".to_owned()
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let quota = configured?;
        let limiter = |limit: u32, seconds| {
            RateLimiterLayer::builder()
                .limit_for_period(limit as usize)
                .refresh_period(Duration::from_secs(seconds))
                .timeout_duration(PATIENCE)
                .window_type(WindowType::SlidingLog)
                .build()
                .expect("no quota is nought")
        };
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(Again::usual(seed)))
            .map_err(Into::into)
            .layer(limiter(quota.minute, 60))
            .layer(limiter(quota.second, 1))
            .service(server.judged());
        Some(BoxCloneSyncService::new(service))
    }
}

impl Client for Adaptive {
    fn name(&self) -> String {
        "tower-resilience AIMD".to_owned()
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        let aimd = Aimd::builder().build().expect("its defaults");
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(Again::usual(seed)))
            .map_err(Into::into)
            .layer(AdaptiveLimiterLayer::new(aimd))
            .map_result(refusals_are_errors)
            .service(server.judged());
        Some(BoxCloneSyncService::new(service))
    }
}

fn refusals_are_errors(result: Result<Verdict, BoxError>) -> Result<Verdict, BoxError> {
    match result {
        Ok(Verdict::Refused) => Err(Refused.into()),
        other => other,
    }
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused by a limit")
    }
}

impl std::error::Error for Refused {}
