//! What sharing a limit costs, and how well the limit is used: fleets of
//! processes on one app, under paused time, over the store in memory.
//!
//! `cargo bench -p tower-tiktok-benches --bench fleet` prints a table;
//! `-- --members 100` runs one fleet. A second table is the whole stack with shared
//! permits. `-- --redis redis://127.0.0.1:6379`
//! measures the script on a real server instead: exchanges a second of eight
//! connections, and their latency, by the number of members. Fails where the limit
//! is not used, more is refused, or a request costs more exchanges than is told.

#[path = "../../../tests/shared_state/gate.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod gate;
mod script;
mod stack;

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tower_tiktok::shared_state::{MemoryStore, SharedState, WindowSpan};

use self::{
    gate::{Gate, Limiter},
    stack::Stack,
};

/// How long a fleet is watched, after it has settled.
const WATCHED: Duration = Duration::from_secs(120);
const SETTLED: Duration = Duration::from_secs(70);
const LATENCY: Duration = Duration::from_millis(120);

struct Fleet {
    members: u32,
    /// A second; sixty times that a minute.
    limit: u32,
    round_trip: Duration,
}

/// How much of the limit is used at least, and how often a request may exchange.
const USED: f64 = 0.97;
const EXCHANGES: f64 = 0.2;

struct Outcome {
    used: f64,
    refused: usize,
    fairness: f64,
    exchanges: f64,
    per_second: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(url) = value("--redis") {
        script::measure(&url);
        return;
    }
    let only: Option<u32> = value("--members").and_then(|members| members.parse().ok());
    println!(
        "| members | limit | round trip | used | refused | fairness | exchanges/request | exchanges/s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    // Where tokens go round, or each has but one a second, a request costs more.
    for (members, limit, most) in [
        (4, 10, EXCHANGES),
        (4, 50, EXCHANGES),
        (10, 50, EXCHANGES),
        (100, 75, 1.0),
        (100, 150, 0.6),
        (100, 200, EXCHANGES),
        (100, 1_000, EXCHANGES),
        (1_000, 1_000, 0.4),
    ] {
        if only.is_some_and(|only| only != members) {
            continue;
        }
        let round_trip = Duration::from_millis(5);
        let fleet = Fleet {
            members,
            limit,
            round_trip,
        };
        let Outcome {
            used,
            refused,
            fairness,
            exchanges,
            per_second,
        } = fleet.run();
        println!(
            "| {members} | {limit}/s + {}/min | 5 ms | {:.1} % | {refused} | {fairness:.3} | {exchanges:.3} | {per_second:.0} |",
            limit * 60,
            used * 100.0,
        );
        assert!(used >= USED && refused == 0 && exchanges <= most);
    }
    if only.is_none_or(|only| only == 4) {
        permits();
    }
}

/// The same with the whole stack, and shared permits.
fn permits() {
    println!("\n| limit | accounts | writes of each | used | refused | exchanges/request |");
    println!("|---|---|---|---|---|---|");
    for limit in [10, 50] {
        for (writes, apart) in [(2, true), (8, false), (2, false)] {
            let stack = Stack {
                limit,
                writes,
                apart,
            };
            let (used, refused, exchanges) = stack.run();
            println!(
                "| {limit}/s + {}/min | {} | {writes} | {:.1} % | {:.2} % | {exchanges:.3} |",
                limit * 60,
                if apart { "50 each" } else { "the same 50" },
                used * 100.0,
                refused * 100.0,
            );
            assert!(used >= USED && refused <= 0.005 && exchanges <= EXCHANGES);
        }
    }
}

/// Runs to the end what waits by the paused clock alone.
fn paused<F: Future>(watch: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(watch)
}

impl Fleet {
    /// Every member has more to do than it may, from four workers or more.
    fn run(&self) -> Outcome {
        paused(self.watch())
    }

    async fn watch(&self) -> Outcome {
        let store = MemoryStore::new().round_trip(self.round_trip);
        let quotas = [
            (WindowSpan::Any(Duration::from_secs(1)), self.limit),
            (WindowSpan::Any(Duration::from_secs(60)), self.limit * 60),
        ];
        let (limiter, start) = (Limiter::new(), Instant::now());
        let ends = start + SETTLED + WATCHED;
        let workers = (2 * self.limit / self.members).clamp(4, 40);
        let mut tasks = JoinSet::new();
        for member in 0..self.members {
            let state = SharedState::builder(store.clone())
                .build()
                .expect("defaults");
            let gate = Gate::join(&state, &quotas);
            for _ in 0..workers {
                let limiter = limiter.clone();
                tasks.spawn(worker(member, gate.clone(), limiter, ends));
            }
        }
        sleep(SETTLED).await;
        let (sent, exchanges) = (limiter.count(), store.exchanges());
        sleep_until(ends).await;
        let sent = (limiter.count() - sent) as f64;
        let exchanges = (store.exchanges() - exchanges) as f64;
        let mut of_each = vec![0.0; self.members as usize];
        while let Some(done) = tasks.join_next().await {
            let (member, count) = done.expect("no worker panics");
            of_each[member as usize] += f64::from(count);
        }
        let sum: f64 = of_each.iter().sum();
        let squares: f64 = of_each.iter().map(|count| count * count).sum();
        let seconds = WATCHED.as_secs_f64();
        let refused = quotas.map(|(span, limit)| limiter.refused(limit as usize, span.length()));
        Outcome {
            used: sent / (f64::from(self.limit) * seconds),
            refused: refused.iter().sum(),
            fairness: sum * sum / (of_each.len() as f64 * squares),
            exchanges: exchanges / sent,
            per_second: exchanges / seconds,
        }
    }
}

/// Sends one request after another; returns how many once all was settled.
async fn worker(member: u32, gate: Arc<Gate>, limiter: Limiter, ends: Instant) -> (u32, u32) {
    let mut count = 0;
    loop {
        let sent = tokio::select! {
            sent = gate.send("app") => sent,
            () = sleep_until(ends) => return (member, count),
        };
        limiter.arrive(Instant::now());
        count += u32::from(Instant::now() + WATCHED >= ends);
        sleep(LATENCY).await;
        gate.answered(&sent);
    }
}
