use std::{fmt, time::Duration};

use http::Response;
use tokio::time::{sleep, timeout};
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
    Fleet,
    work::{Call, write},
};
use crate::machine::Machine;

/// Nothing here takes so long: what does, never ends.
pub(super) const HANGS: Duration = Duration::from_secs(300);

/// Nobody else works on this account.
const NEWCOMER: u64 = 1_000;

type Client = BoxCloneSyncService<Call, ErrorClass, tower::BoxError>;

pub(crate) struct Process {
    pub(crate) state: SharedState,
    pub(crate) pacing: RequestPacingHandle,
    pub(crate) client: Client,
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

    /// While the store is away, one more begins: its first request waits no longer
    /// for the store than its deadline. Where the others use all that there is, it may
    /// be refused for a while, which is no matter of the store.
    pub(crate) async fn is_joined_without_a_store(&mut self, store: RedisState) {
        let machine = Machine::watch();
        let client = self.newcomer(store);
        let call = write(self.processes.len() - 1, NEWCOMER, 0);
        self.tasks.spawn(async move {
            let class = client.oneshot(call).await;
            assert_eq!(class.expect("it goes on"), ErrorClass::Success);
        });
        while !self.in_work.has_seen(NEWCOMER) {
            assert!(machine.ran_at_most(self.deadline), "{machine:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// One more begins, and its first request succeeds.
    pub(crate) async fn is_joined(&mut self, store: RedisState) {
        let client = self.newcomer(store);
        let newcomer = self.processes.len() - 1;
        let class = client.oneshot(write(newcomer, NEWCOMER, 0));
        let class = timeout(HANGS, class).await;
        let class = class.unwrap_or_else(|_| panic!("it hangs: {:?}", self.processes[newcomer]));
        assert_eq!(class.expect("it goes on"), ErrorClass::Success);
    }

    fn newcomer(&mut self, store: RedisState) -> Client {
        self.start_process(store);
        self.sent += 1;
        self.processes[self.processes.len() - 1].client.clone()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, pacing) = (self.state.snapshot(), self.pacing.snapshot());
        write!(f, "{state:#?}, {pacing:#?}")
    }
}
