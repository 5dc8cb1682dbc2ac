use std::time::Duration;

use tower_tiktok::shared_state::{MemoryStore, SharedState};

use super::{Client, tiktok};
use crate::{
    scenario::Quota,
    server::{Sender, Server},
};

/// This crate's whole stack in each process, with a store that is so many
/// milliseconds away.
pub(super) struct Shared {
    pub(super) round_trip: u64,
}

impl Client for Shared {
    fn name(&self) -> String {
        format!("tower-tiktok, shared, {} ms", self.round_trip)
    }

    fn shares(&self) -> bool {
        true
    }

    fn build(&self, server: Server, configured: Option<Quota>, seed: u64) -> Option<Sender> {
        self.build_each(&server, configured, seed, 1)?.pop()
    }

    fn build_each(
        &self,
        server: &Server,
        configured: Option<Quota>,
        seed: u64,
        processes: usize,
    ) -> Option<Vec<Sender>> {
        let store = MemoryStore::new().round_trip(Duration::from_millis(self.round_trip));
        let quota = configured?;
        let process = |process: u64| {
            // As one would set it where the store is that far away.
            let deadline = Duration::from_millis(50.max(3 * self.round_trip));
            let state = SharedState::builder(store.clone())
                .deadline(deadline)
                .build();
            let state = state.expect("the defaults are sound");
            let stack = tiktok::stack(process << 32 | seed).access_level(tiktok::level(quota));
            tiktok::client(stack.shared(state), server.clone())
        };
        Some((0..processes as u64).map(process).collect())
    }
}
