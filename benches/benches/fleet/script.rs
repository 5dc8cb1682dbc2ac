use std::time::Duration;

use tokio::time::Instant;
use tower_tiktok::shared_state::{
    Exchange, RedisState, ScopeAsk, SharedStore, Tokens, WindowAsk, WindowSpan,
};

const ROUNDS: u32 = 5_000;

/// Times the script on a real server, with so many members in one scope.
pub(crate) fn measure(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    println!("| members | exchanges/s | p50 | p99 | longest |");
    println!("|---|---|---|---|---|");
    for members in [4, 10, 100, 1_000] {
        runtime.block_on(fleet(url, members));
    }
}

async fn fleet(url: &str, members: u64) {
    let store = RedisState::connect(url)
        .app(format!("bench-{members}"))
        .build()
        .expect("an address");
    let mut took: Vec<Duration> = Vec::new();
    let mut held = vec![(0_u32, 0_u32); members as usize];
    // Once round, so that all are there.
    for round in 0..members + u64::from(ROUNDS) {
        let number = round + 1;
        let member = round % members;
        let (mine, target) = &mut held[member as usize];
        let mut exchange = Exchange::new(member + 1, number, Duration::from_secs(60));
        let mut scope = ScopeAsk::new("app");
        for (length, limit) in [(1, members as u32), (60, 60 * members as u32)] {
            let span = WindowSpan::Any(Duration::from_secs(length));
            let mut window = WindowAsk::new(span, limit);
            (window.want, window.queued) = (limit, (round % 50) as u32);
            if length == 1 {
                let back = mine.saturating_sub(*target);
                window.held = *mine - back;
                window.returned = vec![Tokens::new(back, Duration::from_millis(700))];
            }
            scope.windows.push(window);
        }
        (scope.claim, scope.acknowledged) = (round < members, number - 1);
        exchange.scopes.push(scope);
        let start = Instant::now();
        let reply = store.exchange(exchange).await.expect("a server");
        if round >= members {
            took.push(start.elapsed());
        }
        let window = &reply.scopes[0].windows[0];
        (*mine, *target) = (window.held, window.target);
    }
    took.sort_unstable();
    let sum: Duration = took.iter().sum();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "| {members} | {:.0} | {:?} | {:?} | {:?} |",
        took.len() as f64 / sum.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
}
