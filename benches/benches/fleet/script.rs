use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};
use tower_tiktok::shared_state::{
    Exchange, RedisState, Reply, ScopeAsk, SharedStore, Tokens, WindowAsk, WindowSpan,
};

/// How long all members exchange: each part of what is done once a second is
/// done several times.
const WATCHED: Duration = Duration::from_secs(8);

/// And about permits alone.
const PERMITS: u64 = 600;

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
    println!("| members | accounts in an exchange | of the server's | p50 | p99 | longest |");
    println!("|---|---|---|---|---|---|");
    for members in [4, 16, 100] {
        for accounts in [16, 64] {
            runtime.block_on(permits(url, members, accounts));
        }
    }
    println!("\n| members | exchanges/s | p50 | p99 | longest |");
    println!("|---|---|---|---|---|");
    for members in [8, 16, 100, 1_000, 2_000] {
        runtime.block_on(fleet(url, members));
    }
}

/// Another state than the last run's.
fn app(of: &str) -> String {
    let began = std::time::UNIX_EPOCH.elapsed().expect("it is later");
    format!("bench-{of}-{}", began.as_millis())
}

/// How long an exchange takes that is about the permits of so many accounts, all
/// of them used by all members. Nothing else is under way.
async fn permits(url: &str, members: u64, accounts: usize) {
    let app = app(&format!("{members}-{accounts}"));
    let store = RedisState::connect(url).app(app).build();
    let store = store.expect("an address");
    let ours = (1..=members).map(|id| Permits::new(id, members as u32, accounts));
    let mut ours: Vec<Permits> = ours.collect();
    let (mut took, mut before) = (Vec::new(), 0.0);
    for round in 0..(PERMITS + members) {
        if round == members {
            before = worked(url).await;
        }
        let member = &mut ours[(round % members) as usize];
        let exchange = member.ask(round + 1);
        let start = Instant::now();
        let reply = store.exchange(exchange).await.expect("a server");
        if round >= members {
            took.push(start.elapsed());
        }
        member.hear(&reply, round + 1);
    }
    let each = (worked(url).await - before) * 1e3 / PERMITS as f64;
    say(&format!("{members} | {accounts} | {each:.2} ms"), took);
}

/// For how many seconds the server has had a core.
async fn worked(url: &str) -> f64 {
    let stats = ask(url, "INFO cpu").await;
    let of = |name: &str| -> Option<f64> {
        let line = stats.lines().find_map(|it| it.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    let seconds = ["used_cpu_user:", "used_cpu_sys:"].map(of);
    seconds.into_iter().flatten().sum()
}

/// What the server answers to a command of one line.
async fn ask(url: &str, command: &str) -> String {
    let place = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(place).await.expect("a server");
    let command = format!("{command}\r\n");
    let sent = stream.write_all(command.as_bytes()).await;
    sent.expect("a server");
    let mut answer = vec![0; 65_536];
    let length = stream.read(&mut answer).await.expect("a server");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

fn say(row: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!("| {row} | {:?} | {:?} | {:?} |", at(0.5), at(0.99), at(1.0));
}

async fn fleet(url: &str, members: u64) {
    let app = app(&members.to_string());
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let store = RedisState::connect(url).app(&app).build();
        let ours = (0..members).filter(|id| id % CONNECTIONS == connection);
        let ours = ours.map(|id| Member::new(id + 1, members as u32)).collect();
        tasks.spawn(some(store.expect("an address"), ours));
    }
    let took = tasks.join_all().await.concat();
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    say(&format!("{members} | {rate:.0}"), took);
}

/// The members of one connection, in turn.
async fn some(store: RedisState, mut members: Vec<Member>) -> Vec<Duration> {
    let mut took = Vec::new();
    let ends = Instant::now() + WATCHED;
    for round in 0.. {
        let start = Instant::now();
        if start > ends {
            break;
        }
        let at = (round % members.len() as u64) as usize;
        let exchange = members[at].ask(round + 1);
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

/// Says what a member says that uses many accounts now and then.
struct Permits {
    id: u64,
    limit: u32,
    /// Of each account, what it holds and what is its part.
    held: Vec<(u32, u32)>,
    acknowledged: u64,
}

impl Permits {
    /// For each member there is one of each account, and it wants three at most.
    fn new(id: u64, limit: u32, accounts: usize) -> Self {
        Self {
            id,
            limit,
            held: vec![(0, 0); accounts],
            acknowledged: 0,
        }
    }

    fn ask(&self, number: u64) -> Exchange {
        let mut exchange = Exchange::new(self.id, number, Duration::from_secs(60));
        for (account, (held, target)) in self.held.iter().enumerate() {
            let mut scope = ScopeAsk::new(format!("writes:{account}"));
            let mut window = WindowAsk::new(WindowSpan::Any(Duration::ZERO), self.limit);
            window.want = (number as usize + account) as u32 % 4;
            window.queued = window.want;
            window.held = *held.min(&window.want).min(target);
            if *held > window.held {
                window.returned = vec![Tokens::new(held - window.held, Duration::ZERO)];
            }
            scope.windows.push(window);
            scope.acknowledged = self.acknowledged;
            exchange.scopes.push(scope);
        }
        exchange
    }

    fn hear(&mut self, reply: &Reply, number: u64) {
        for (held, scope) in self.held.iter_mut().zip(&reply.scopes) {
            *held = (scope.windows[0].held, scope.windows[0].target);
        }
        self.acknowledged = number;
    }
}
