use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use tokio::time::sleep;
use tower::{Service, ServiceExt};
use tower_tiktok::simulator::Simulator;

/// How many requests of each account are at the server, and were at most.
#[derive(Clone, Debug, Default)]
pub(super) struct InWork {
    accounts: Arc<Mutex<HashMap<String, (u32, u32)>>>,
    /// How much longer each takes.
    pub(super) longer: Duration,
}

impl InWork {
    pub(super) async fn count<B>(
        self,
        simulator: Simulator,
        call: Request<B>,
    ) -> Result<
        <Simulator as Service<Request<B>>>::Response,
        <Simulator as Service<Request<B>>>::Error,
    >
    where
        Simulator: Service<Request<B>>,
    {
        let account = call.headers()["x-account"]
            .to_str()
            .expect("a number")
            .to_owned();
        let with = |change: fn(&mut (u32, u32))| {
            let mut accounts = self.accounts.lock().expect("nobody panics with it");
            change(accounts.entry(account.clone()).or_default());
        };
        with(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        let answer = simulator.oneshot(call).await;
        sleep(self.longer).await;
        with(|(now, _)| *now -= 1);
        answer
    }

    /// Whether any request of this account has come.
    pub(super) fn has_seen(&self, account: u64) -> bool {
        let accounts = self.accounts.lock().expect("nobody panics with it");
        accounts.contains_key(&account.to_string())
    }

    /// The most that any account had at once.
    pub(super) fn most(&self) -> u32 {
        let accounts = self.accounts.lock().expect("nobody panics with it");
        accounts.values().map(|(_, most)| *most).max().unwrap_or(0)
    }
}
