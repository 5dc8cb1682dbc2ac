use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use tower_tiktok::shared_state::{
    Exchange, RedisState, Reply, ScopeAsk, SharedStore, Tokens, WindowAsk, WindowSpan,
};

/// Exchanges of all members together.
const EXCHANGES: u64 = 8_000;

/// Each has its own connection and one exchange under way, so that the server
/// is never idle.
const CONNECTIONS: u64 = 8;

/// Times the script on a real server, with so many members in one scope.
pub(crate) fn measure(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    println!("| members | exchanges/s | p50 | p99 | longest |");
    println!("|---|---|---|---|---|");
    for members in [8, 16, 100, 1_000, 2_000] {
        runtime.block_on(fleet(url, members));
    }
}

async fn fleet(url: &str, members: u64) {
    // Another state than the last run's.
    let began = std::time::UNIX_EPOCH.elapsed().expect("it is later");
    let app = format!("bench-{members}-{}", began.as_millis());
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let store = RedisState::connect(url).app(&app).build();
        let ours = (0..members).filter(|id| id % CONNECTIONS == connection);
        let ours = ours.map(|id| Member::new(id + 1, members as u32)).collect();
        tasks.spawn(some(store.expect("an address"), ours));
    }
    let mut took = tasks.join_all().await.concat();
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "| {members} | {rate:.0} | {:?} | {:?} | {:?} |",
        at(0.5),
        at(0.99),
        at(1.0),
    );
}

/// The members of one connection, in turn.
async fn some(store: RedisState, mut members: Vec<Member>) -> Vec<Duration> {
    let mut took = Vec::new();
    for round in 0..EXCHANGES / CONNECTIONS {
        let at = (round % members.len() as u64) as usize;
        let exchange = members[at].ask(round + 1);
        let start = Instant::now();
        let reply = store.exchange(exchange).await.expect("a server");
        took.push(start.elapsed());
        members[at].hear(&reply);
    }
    took
}

/// Says what a member says that has more to do than it may.
struct Member {
    id: u64,
    limit: u32,
    held: [u32; 2],
    target: [u32; 2],
    acknowledged: u64,
}

impl Member {
    /// For each member there is one token a second.
    fn new(id: u64, limit: u32) -> Self {
        Self {
            id,
            limit,
            held: [0; 2],
            target: [0; 2],
            acknowledged: 0,
        }
    }

    fn ask(&self, number: u64) -> Exchange {
        let mut scope = ScopeAsk::new("app");
        for (at, seconds) in [1, 60].into_iter().enumerate() {
            let length = Duration::from_secs(seconds);
            let limit = self.limit * seconds as u32;
            let mut window = WindowAsk::new(WindowSpan::Any(length), limit);
            let back = self.held[at].saturating_sub(self.target[at]);
            window.held = self.held[at] - back;
            if back > 0 {
                window.returned = vec![Tokens::new(back, length / 2)];
            }
            (window.want, window.queued) = (limit.min(40), (number % 50) as u32);
            scope.windows.push(window);
        }
        scope.acknowledged = self.acknowledged;
        let mut exchange = Exchange::new(self.id, number, Duration::from_secs(60));
        exchange.scopes.push(scope);
        exchange
    }

    fn hear(&mut self, reply: &Reply) {
        for (at, window) in reply.scopes[0].windows.iter().enumerate() {
            (self.held[at], self.target[at]) = (window.held, window.target);
        }
        self.acknowledged += 1;
    }
}
