use std::time::Duration;

use http::Response;
use tokio::time::Instant;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_tiktok::{
    classify::ErrorClass,
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::RequestPacingHandle,
    shared_state::{RedisState, SharedState},
    tiktok::{
        TikTokLayer,
        quotas::{AccessLevel, TikTokQuotas},
    },
};

use super::{
    ANSWER, Fleet,
    work::{Call, write},
};
use crate::machine::Machine;

pub(crate) struct Process {
    pub(crate) state: SharedState,
    pub(crate) pacing: RequestPacingHandle,
    pub(crate) client: BoxCloneSyncService<Call, ErrorClass, tower::BoxError>,
}

impl Fleet {
    pub(crate) fn start_process(&mut self, store: RedisState) {
        let state = SharedState::builder(store).assume_instances(self.assumed);
        let state = state
            .deadline(self.deadline)
            .build()
            .expect("good settings");
        let backoff = JitteredBackoffLayer::builder()
            .max_attempts(u32::MAX)
            .max_elapsed(Duration::from_secs(1_000_000))
            .no_budget()
            .build();
        let permits = PerAccountConcurrencyLayer::builder()
            .max_writes(self.writes)
            .shared(state.clone())
            .build();
        let quotas = TikTokQuotas::builder(AccessLevel::Custom(self.limits)).build();
        let layer = TikTokLayer::builder()
            .backoff(backoff.expect("good settings"))
            .concurrency(permits.expect("good settings"))
            .quotas(quotas.expect("good settings"))
            .shared(state.clone())
            .build();
        let (in_work, simulator) = (self.in_work.clone(), self.simulator.clone());
        let pacing = layer.pacing_handle();
        let counted = service_fn(move |call| in_work.clone().count(simulator.clone(), call));
        let client = ServiceBuilder::new()
            .map_response(|response: Response<_>| ErrorClass::of(&response))
            .service(layer.layer(counted));
        self.processes.push(Process {
            state,
            pacing,
            client: BoxCloneSyncService::new(client),
        });
    }

    /// While the store is away, one more begins: it waits no longer for it than
    /// its deadline.
    pub(crate) async fn is_joined_without_a_store(&mut self, store: RedisState) {
        let (machine, start) = (Machine::watch(), Instant::now());
        self.is_joined(store).await;
        let waited = start.elapsed();
        // Of what is late together some is refused, and sent again.
        assert!(
            machine.ran_at_most(self.deadline + ANSWER) || machine.is_late(),
            "it waited {waited:?}: {machine:?}"
        );
    }

    /// One more begins, and its first request succeeds.
    pub(crate) async fn is_joined(&mut self, store: RedisState) {
        self.start_process(store);
        let newcomer = self.processes.len() - 1;
        self.sent += 1;
        let client = self.processes[newcomer].client.clone();
        let class = client.oneshot(write(newcomer, 1_000, 0)).await;
        assert_eq!(class.expect("it goes on"), ErrorClass::Success);
    }
}
