use std::time::Duration;

use tower::ServiceBuilder;
use tower_tiktok::{jittered_backoff::JitteredBackoffLayer, tiktok::TikTokLayer};

use super::Client;
use crate::{
    scenario::Quota,
    server::{Sender, Server, judged},
};

/// This crate's whole stack but for pacing, with attempts without end and no
/// retry budget, as all of the others. It reads the answers by itself.
pub(super) struct TikTok;

impl Client for TikTok {
    fn name(&self) -> String {
        "tower-tiktok".to_owned()
    }

    fn build(&self, server: Server, _: Option<Quota>, seed: u64) -> Option<Sender> {
        let backoff = JitteredBackoffLayer::builder()
            .max_attempts(u32::MAX)
            .max_elapsed(Duration::from_secs(1_000_000))
            .no_budget()
            .seed(seed)
            .build()
            .expect("it differs from the defaults by larger bounds");
        let service = ServiceBuilder::new()
            .layer(TikTokLayer::builder().backoff(backoff).no_pacing().build())
            .service(server);
        Some(judged(service))
    }
}
