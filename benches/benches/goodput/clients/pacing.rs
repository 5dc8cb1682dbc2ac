use tower::{ServiceBuilder, retry::RetryLayer, util::BoxCloneSyncService};
use tower_tiktok::{
    request_pacing::{Quota as Windows, Quotas, RequestPacingLayer},
    tiktok::{TikTokErrorClassifierLayer, TikTokRequestContextLayer},
};

use super::{
    Client,
    retry::{Again, Waits},
};
use crate::{
    scenario::Quota,
    server::{Sender, Server, judged},
};

/// This crate's pacing alone, with what it needs to read an answer. What is
/// refused goes back to it at once: it knows how long to keep it.
pub(super) struct Pacing;

impl Client for Pacing {
    fn name(&self) -> String {
        "pacing".to_owned()
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        let windows = configured.map_or_else(Windows::unknown, |quota| {
            Windows::requests_per_second(quota.second).and_requests_per_minute(quota.minute)
        });
        let quotas = Quotas::none().with_app(windows);
        let pacing = RequestPacingLayer::builder(quotas).build();
        let classifier = TikTokErrorClassifierLayer::builder().build();
        let paced = ServiceBuilder::new()
            .layer(TikTokRequestContextLayer::default())
            .layer(pacing.expect("the scenarios make sense"))
            .layer(classifier.expect("the defaults make sense"))
            .service(server);
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(Again::new(Waits::None, seed)))
            .service(judged(paced));
        Some(BoxCloneSyncService::new(service))
    }
}
