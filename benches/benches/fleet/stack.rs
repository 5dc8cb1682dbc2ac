//! The whole stack, whose accounts' permits are shared as well.

use std::{num::NonZeroU32, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_tiktok::{
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    shared_state::{MemoryStore, SharedState},
    simulator::{Latency, Level, Sharing, Simulator},
    tiktok::{
        TikTokLayer,
        quotas::{AccessLevel, Limits, TikTokQuotas},
    },
};

use crate::{SETTLED, WATCHED};

const PROCESSES: u32 = 4;
const WORKERS: u32 = 16;
const ACCOUNTS: u32 = 50;

/// Four processes with more to do than they may.
pub(crate) struct Stack {
    pub(crate) limit: u32,
    /// Of each account, at once.
    pub(crate) writes: u32,
    /// Each process has accounts of its own.
    pub(crate) apart: bool,
}

impl Stack {
    /// What part of the limit is used, what part refused, and exchanges a request.
    pub(crate) fn run(&self) -> (f64, f64, f64) {
        super::paused(self.watch())
    }

    async fn watch(&self) -> (f64, f64, f64) {
        let store = MemoryStore::new().round_trip(Duration::from_millis(5));
        let limit = u64::from(self.limit);
        let simulator = Simulator::builder()
            .level(Level::custom(limit, 60 * limit, 100_000_000))
            .sharing(Sharing::AppWide)
            .advertiser_qps(None)
            .latency(Latency::lognormal(Duration::from_millis(120), 0.5).before_limiter(0.25))
            .seed(7)
            .remember_answers(0)
            .build()
            .expect("a server");
        for process in 0..PROCESSES {
            let state = SharedState::from(store.clone());
            let client = self.stack(state, process).layer(simulator.clone());
            let first = if self.apart { process * ACCOUNTS } else { 0 };
            for worker in 0..WORKERS {
                let client = client.clone();
                tokio::spawn(async move {
                    for number in (worker..).step_by(WORKERS as usize) {
                        let call = write(first + number % ACCOUNTS, process, number);
                        client.clone().oneshot(call).await.ok();
                    }
                });
            }
        }
        sleep(SETTLED).await;
        let (before, exchanges) = (simulator.ledger().total, store.exchanges());
        let start = Instant::now();
        sleep(WATCHED).await;
        let after = simulator.ledger().total;
        let sent = (after.received - before.received) as f64;
        let refused = (after.refused.total() - before.refused.total()) as f64;
        let most = f64::from(self.limit) * start.elapsed().as_secs_f64();
        (
            (sent - refused) / most,
            refused / sent,
            (store.exchanges() - exchanges) as f64 / (sent - refused),
        )
    }

    fn stack(&self, state: SharedState, seed: u32) -> TikTokLayer {
        let limit = |n| NonZeroU32::new(n).expect("a limit");
        let limits = Limits::new(limit(self.limit), limit(60 * self.limit), NonZeroU32::MAX);
        let quotas = TikTokQuotas::builder(AccessLevel::Custom(limits)).build();
        let backoff = JitteredBackoffLayer::builder()
            .max_attempts(u32::MAX)
            .max_elapsed(Duration::from_secs(1_000_000))
            .no_budget()
            .seed(seed.into())
            .build();
        let permits = PerAccountConcurrencyLayer::builder()
            .max_writes(self.writes)
            .shared(state.clone())
            .build();
        TikTokLayer::builder()
            .backoff(backoff.expect("sound"))
            .quotas(quotas.expect("sound"))
            .concurrency(permits.expect("sound"))
            .shared(state)
            .build()
    }
}

fn write(account: u32, process: u32, number: u32) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"advertiser_id":"70{account}","campaign_name":"{process}-{number}","objective_type":"TRAFFIC"}}"#
    );
    Request::post("/open_api/v1.3/campaign/create/")
        .header("access-token", "token")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .expect("a request")
}
