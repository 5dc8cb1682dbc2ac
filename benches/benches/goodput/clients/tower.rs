use std::time::Duration;

use tower::{ServiceBuilder, retry::RetryLayer, util::BoxCloneSyncService};

use super::{
    Client,
    retry::{Again, Waits},
};
use crate::{
    scenario::Quota,
    server::{Sender, Server},
};

/// Again at once, until it is let in. What bounds it is the number of workers
/// and the time that a refusal takes, and in the end the server's patience.
pub(super) struct Naive;

/// tower's retry with exponential backoff, and nothing that counts.
pub(super) struct Backoff;

/// tower's rate limits for both windows behind its buffer (they cannot be
/// cloned, and every attempt is to be counted), and its retry around them.
pub(super) struct RateLimit {
    /// Milliseconds by which each period is longer than the server's.
    pub(super) stretch: u64,
}

impl Client for Naive {
    fn name(&self) -> String {
        "naive".to_owned()
    }

    // Fifty calls for each write, everywhere: they take most of the time.
    fn varies(&self) -> bool {
        false
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        Some(retried(server, Again::new(Waits::None, seed)))
    }
}

impl Client for Backoff {
    fn name(&self) -> String {
        "tower retry".to_owned()
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        Some(retried(server, Again::usual(seed)))
    }
}

fn retried(server: Server, again: Again) -> Sender {
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(again))
        .service(server.judged());
    BoxCloneSyncService::new(service)
}

impl Client for RateLimit {
    fn name(&self) -> String {
        match self.stretch {
            0 => "tower rate_limit".to_owned(),
            stretch => format!("tower rate_limit +{stretch} ms"),
        }
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let quota = configured?;
        let stretch = Duration::from_millis(self.stretch);
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(Again::usual(seed)))
            .buffer(1_024)
            .rate_limit(quota.minute.into(), Duration::from_secs(60) + stretch)
            .rate_limit(quota.second.into(), Duration::from_secs(1) + stretch)
            .service(server.judged());
        Some(BoxCloneSyncService::new(service))
    }
}
