//! What a fleet asks of a server that takes its time for each scope, one exchange
//! after another: as much as Redis 7.0 takes on one core.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};
use tower_tiktok::shared_state::{
    Exchange, ExchangeFuture, Fault, MemoryStore, Notice, SharedState, SharedStore,
};

use crate::{
    fleet::{ms, secs},
    permits::Fleet,
};

#[derive(Clone, Debug)]
struct Server {
    store: MemoryStore,
    hears: bool,
    members: u32,
    load: Arc<Mutex<Load>>,
}

#[derive(Debug)]
struct Load {
    free_at: Instant,
    busy: Duration,
    longest: Duration,
    exchanges: u32,
}

impl Server {
    fn new(store: &MemoryStore, members: u32, hears: bool) -> Self {
        let load = Load {
            free_at: Instant::now(),
            busy: Duration::ZERO,
            longest: Duration::ZERO,
            exchanges: 0,
        };
        Self {
            store: store.clone(),
            hears,
            members,
            load: Arc::new(Mutex::new(load)),
        }
    }

    /// See the table of what an exchange costs.
    fn cost(&self, scopes: usize) -> Duration {
        let each = Duration::from_micros(85 + 10 * u64::from(self.members));
        Duration::from_micros(100) + each * u32::try_from(scopes).unwrap()
    }

    /// Also for one that waits no longer.
    fn done_at(&self, exchange: &Exchange) -> Instant {
        let mut load = self.load.lock().unwrap();
        let (now, cost) = (Instant::now(), self.cost(exchange.scopes.len()));
        load.free_at = load.free_at.max(now) + cost;
        load.busy += cost;
        load.longest = load.longest.max(load.free_at - now);
        load.exchanges += 1;
        load.free_at
    }

    /// Since it was asked last: what part of a core, the longest queue, exchanges.
    fn load(&self) -> (Duration, Duration, u32) {
        let mut load = self.load.lock().unwrap();
        let was = (load.busy, load.longest, load.exchanges);
        (load.busy, load.longest, load.exchanges) = (Duration::ZERO, Duration::ZERO, 0);
        was
    }
}

impl SharedStore for Server {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        Box::pin(async move {
            let done_at = self.done_at(&exchange);
            sleep_until(done_at).await;
            self.store.exchange(exchange).await
        })
    }

    fn notices(&self) -> tokio::sync::mpsc::Receiver<Notice> {
        match self.hears {
            true => self.store.notices(),
            false => tokio::sync::mpsc::channel(1).1,
        }
    }
}

/// More requests than most apps may send, no two of one account at once, and nothing
/// spaces them out. Its exchanges may all come at once.
#[tokio::test(start_paused = true)]
async fn a_fleet_with_many_accounts_does_not_overload_its_server() {
    for (members, accounts, hears) in [(16, 50, true), (16, 50, false), (4, 200, false)] {
        let fleet = Fleet::new(8);
        let server = Server::new(&fleet.store, members, hears);
        let state = || SharedState::from(server.clone());
        let mut processes: Vec<_> = (0..members).map(|_| fleet.process_of(state())).collect();
        for account in 0..accounts {
            for process in &mut processes {
                process.work(account, 1, ms(900 + u64::from(account)));
            }
            sleep(secs(1) / accounts).await;
        }
        let failures = || -> u64 {
            let each = processes.iter().map(|it| it.state.snapshot().failures);
            each.sum()
        };
        for phase in ["settles", "goes on", "stalls", "returns", "goes on"] {
            match phase {
                "stalls" => fleet.store.set_fault(Some(Fault::Stall)),
                "returns" => {
                    fleet.store.set_fault(None);
                    // All try again each second.
                    sleep(secs(2)).await;
                }
                _ => {}
            }
            let before = failures();
            server.load();
            sleep(secs(5)).await;
            let (busy, longest, exchanges) = server.load();
            let (core, failed) = (busy.as_secs_f64() / 5.0, failures() - before);
            println!(
                "{members} x {accounts}, {hears}, {phase}: {core:.2} of a core, \
                 {longest:?} at most, {exchanges} exchanges, {failed} failed"
            );
            assert!(phase == "stalls" || failed == 0, "{phase}: {failed}");
        }
    }
}
