use std::{env, io, process::Stdio, time::Duration};

use http::{Request, Response};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    per_account_concurrency::PerAccountConcurrencyLayer,
    shared_state::SharedState,
};

use super::fleet::WRITES;
use crate::{
    fleet::{ms, redis},
    machine::{DEADLINE, Machine},
    server::Server,
};

const LEASE: Duration = Duration::from_secs(5);

/// Where the Redis and the server are of a process that holds permits until it is
/// killed.
const HOLDER: &str = "HOLDS_PERMITS_AT";

#[tokio::test]
async fn a_killed_ones_permits_come_back_with_its_lease() {
    // The one that is killed is this program, too.
    if let Ok(ports) = env::var(HOLDER) {
        return holds(&ports).await;
    }
    let redis = Server::start(&[]).await;
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut holder = holder(&redis, &server);
    let mut held = Vec::new();
    for _ in 0..WRITES {
        let request = timeout(Duration::from_secs(20), server.accept());
        held.push(request.await.expect("it sends within 20 seconds"));
    }
    let (state, permits) = permits(redis.port);
    let client = permits.layer(service_fn(async |_| {
        Ok::<_, io::Error>(Response::new(String::new()))
    }));
    let next = tokio::spawn(client.oneshot(write()));
    // Longer than a lease: each is renewed.
    sleep(LEASE + ms(2_000)).await;
    assert!(!next.is_finished(), "there are no more permits than that");
    holder.kill().await.expect("it is there");
    let (killed, machine) = (Instant::now(), Machine::watch());
    let left = left_to_others(&redis, state.snapshot().member).await;
    next.await.expect("no panic").expect("it goes on");
    let took = killed.elapsed();
    assert!(took >= left, "after {took:?}, with {left:?} left");
    assert!(
        machine.ran_at_most(left + ms(2_000)),
        "{took:?}: {machine:?}"
    );
}

/// Another process, which works on as many requests as it may until it is killed.
fn holder(redis: &Server, server: &TcpListener) -> Child {
    let server = server.local_addr().expect("it is bound").port();
    let itself = env::current_exe().expect("it runs");
    let test = "stack::holder::a_killed_ones_permits_come_back_with_its_lease";
    Command::new(itself)
        .args(["--exact", test])
        .env(HOLDER, format!("{} {server}", redis.port))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it was started before")
}

async fn holds(ports: &str) {
    let (redis, server) = ports.split_once(' ').expect("two ports");
    let [redis, server] = [redis, server].map(|port| port.parse::<u16>().expect("a port"));
    let client = permits(redis).1.layer(service_fn(move |_| async move {
        let mut stream = TcpStream::connect(("127.0.0.1", server)).await?;
        // It never answers.
        stream.read_u8().await.map(|_| Response::new(String::new()))
    }));
    let calls = (0..WRITES).map(|_| client.clone().oneshot(write()));
    futures_util::future::join_all(calls).await;
}

fn permits(redis_port: u16) -> (SharedState, PerAccountConcurrencyLayer) {
    let store = redis(&format!("redis://127.0.0.1:{redis_port}"));
    let state = SharedState::builder(store).lease(LEASE).deadline(DEADLINE);
    let state = state.build().expect("good settings");
    let layer = PerAccountConcurrencyLayer::builder().max_writes(WRITES);
    let layer = layer.shared(state.clone()).build();
    (state, layer.expect("good settings"))
}

fn write() -> Request<()> {
    let context = RequestContext::new(Operation::Write).with_account("1");
    let request = Request::post("/").extension(context).body(());
    request.expect("a good request")
}

/// How long the lease of the other one lasts yet, by the server's clock.
async fn left_to_others(redis: &Server, member: u64) -> Duration {
    let time = redis.tell("TIME").await;
    let [seconds, micros] = words(&time)[..] else {
        panic!("no time: {time}")
    };
    let now = number(seconds) * 1_000 + number(micros) / 1_000;
    let members = redis
        .tell("ZRANGE {pacing:default}:members 0 -1 WITHSCORES")
        .await;
    let (ours, members) = (format!("{member:016x}"), words(&members));
    let other = members.chunks(2).find(|it| it[0] != ours);
    let ends = number(other.expect("it is known yet")[1]);
    ms(ends.saturating_sub(now))
}

/// What is in an answer beside its lengths.
fn words(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter(|it| !it.starts_with(['*', '$']))
        .collect()
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}
