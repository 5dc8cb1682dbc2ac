use std::{num::NonZeroU32, time::Duration};

use tower::ServiceBuilder;
use tower_tiktok::{
    jittered_backoff::JitteredBackoffLayer,
    request_pacing::{Quota as Windows, RequestPacingLayer},
    tiktok::{
        TikTokLayer,
        quotas::{AccessLevel, Limits},
        stack::TikTokLayerBuilder,
    },
};

use super::Client;
use crate::{
    scenario::Quota,
    server::{Sender, Server, judged},
};

/// This crate's whole stack, with attempts without end and no retry budget, as
/// all of the others. It reads the answers by itself.
pub(super) struct TikTok {
    pub(super) paced: bool,
}

impl Client for TikTok {
    fn name(&self) -> String {
        let how = if self.paced { "" } else { " without pacing" };
        format!("tower-tiktok{how}")
    }

    fn varies(&self) -> bool {
        self.paced
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let stack = stack(seed);
        let stack = match configured.filter(|_| self.paced) {
            Some(quota) => stack.access_level(level(quota)),
            None if self.paced => stack.pacing(unknown()),
            None => stack.no_pacing(),
        };
        Some(client(stack, server))
    }
}

pub(super) fn stack(seed: u64) -> TikTokLayerBuilder {
    const LONG: Duration = Duration::from_secs(1_000_000);
    let backoff = JitteredBackoffLayer::builder()
        .max_attempts(u32::MAX)
        .max_elapsed(LONG)
        .no_budget()
        .seed(seed)
        .build()
        .expect("it differs from the defaults by larger bounds");
    TikTokLayer::builder().backoff(backoff)
}

pub(super) fn client(stack: TikTokLayerBuilder, server: Server) -> Sender {
    judged(ServiceBuilder::new().layer(stack.build()).service(server))
}

pub(super) fn level(quota: Quota) -> AccessLevel {
    let limit = |requests| NonZeroU32::new(requests).expect("a scenario admits something");
    AccessLevel::Custom(Limits::new(
        limit(quota.second),
        limit(quota.minute),
        NonZeroU32::MAX,
    ))
}

/// Nobody knows the level: the app's limit is learned.
fn unknown() -> RequestPacingLayer {
    let layer = RequestPacingLayer::builder(Windows::unknown()).build();
    layer.expect("a date that tokio can tell")
}
