//! Several processes on a real Redis, and whatever may befall it. It needs
//! `redis-server`, and takes real time: so it asserts outcomes, not timings.

mod cluster;
mod cut;
mod faults;
#[path = "../shared_state/gate.rs"]
mod gate;
mod server;
#[cfg(feature = "redis-tls")]
mod tls;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower_tiktok::shared_state::{
    Exchange, RedisState, SharedState, SharedStore, StoreErrorKind, StoreStatus, WindowSpan,
};

use self::{
    cluster::Cluster,
    cut::Cable,
    gate::{Gate, Limiter},
    server::Server,
};

const SECOND: WindowSpan = WindowSpan::Any(Duration::from_secs(1));
const LIMIT: u32 = 40;

struct Process {
    state: SharedState,
    gate: Arc<Gate>,
}

fn process(store: impl SharedStore) -> Process {
    let state = SharedState::builder(store).build().expect("good settings");
    let gate = Gate::join(&state, &[(SECOND, LIMIT)]);
    Process { state, gate }
}

fn on(url: &str) -> Process {
    process(RedisState::connect(url).build().expect("good settings"))
}

impl Process {
    fn status(&self) -> StoreStatus {
        self.state.snapshot().store
    }

    fn work(&self, tasks: &mut JoinSet<()>, limiter: &Limiter) {
        for _ in 0..20 {
            let (gate, limiter) = (self.gate.clone(), limiter.clone());
            tasks.spawn(async move {
                loop {
                    let sent = gate.send("app").await;
                    limiter.arrive(sent.at);
                    sleep(Duration::from_millis(30)).await;
                    gate.answered(&sent);
                }
            });
        }
    }

    async fn becomes(&self, what: &str, within: u64, is: impl Fn(&StoreStatus) -> bool) {
        let becomes = timeout(Duration::from_millis(within), async {
            while !is(&self.status()) {
                sleep(Duration::from_millis(5)).await;
            }
        });
        let became = becomes.await.is_ok();
        assert!(
            became,
            "not {what} within {within} ms, but {:?}",
            self.status()
        );
    }

    async fn is_up(&self) {
        // Two seconds are the law, and half a one is the machine's.
        self.becomes("up", 2_500, |status| *status == StoreStatus::Up)
            .await;
    }

    async fn is_down(&self, kind: StoreErrorKind, code: Option<&str>) {
        let is = |status: &StoreStatus| match status {
            StoreStatus::Down { error, .. } => error.kind() == kind && error.code() == code,
            _ => false,
        };
        self.becomes("down", 5_000, is).await;
    }
}

/// Four processes at work for a few seconds.
async fn at_work(store: impl Fn() -> RedisState) -> (Vec<Process>, Limiter, JoinSet<()>) {
    let (limiter, mut tasks) = (Limiter::new(), JoinSet::new());
    let processes: Vec<Process> = (0..4).map(|_| process(store())).collect();
    for process in &processes {
        process.work(&mut tasks, &limiter);
    }
    for process in &processes {
        process.is_up().await;
    }
    // Until the parts of a fresh state are settled.
    sleep(Duration::from_secs(6)).await;
    for process in &processes {
        process.gate.shut.store(0, Ordering::Relaxed);
    }
    (processes, limiter, tasks)
}

async fn at_work_on(server: &Server) -> (Vec<Process>, Limiter, JoinSet<()>) {
    let url = server.url();
    at_work(|| RedisState::connect(&url).build().expect("good settings")).await
}

fn nobody_was_shut_out(processes: &[Process]) {
    for process in processes {
        let shut = process.gate.shut.load(Ordering::Relaxed);
        // The deadline, and what a busy machine adds.
        assert!(shut <= 50 + 100, "somebody was shut out for {shut} ms");
    }
}

fn overran_by_at_most(limiter: &Limiter, most: usize) {
    let refused = limiter.refused(LIMIT as usize, SECOND.length());
    assert!(refused <= most, "{refused} of {} refused", limiter.count());
}

async fn used_of(limiter: &Limiter, seconds: u64) -> f64 {
    let before = limiter.count();
    sleep(Duration::from_secs(seconds)).await;
    (limiter.count() - before) as f64 / (seconds * u64::from(LIMIT)) as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_use_one_limit_and_no_more() {
    let server = Server::start(&[]).await;
    let (processes, limiter, _tasks) = at_work_on(&server).await;
    let used = used_of(&limiter, 6).await;
    assert!(used > 0.8, "{used}");
    overran_by_at_most(&limiter, 0);
    for process in &processes {
        assert_eq!(process.state.snapshot().instances, 4);
        assert_eq!(process.state.snapshot().failures, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_anew() {
    let mut server = Server::start(&[]).await;
    let (processes, limiter, _tasks) = at_work_on(&server).await;
    server.kill();
    let used = used_of(&limiter, 3).await;
    assert!(used > 0.6, "{used}");
    server.restart().await;
    for process in &processes {
        process.is_up().await;
    }
    sleep(Duration::from_secs(2)).await;
    nobody_was_shut_out(&processes);
    overran_by_at_most(&limiter, LIMIT as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_for_twenty_seconds() {
    let server = Server::start(&[]).await;
    let (processes, limiter, _tasks) = at_work_on(&server).await;
    server.signal("STOP");
    let used = used_of(&limiter, 20).await;
    server.signal("CONT");
    assert!(used > 0.8, "{used}");
    for process in &processes {
        process.is_up().await;
    }
    sleep(Duration::from_secs(2)).await;
    nobody_was_shut_out(&processes);
    overran_by_at_most(&limiter, LIMIT as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_and_flushed_scripts_and_all() {
    let server = Server::start(&[]).await;
    let (processes, limiter, _tasks) = at_work_on(&server).await;
    for _ in 0..3 {
        server.tell("FLUSHALL").await;
        server.tell("SCRIPT FLUSH").await;
        sleep(Duration::from_secs(2)).await;
    }
    nobody_was_shut_out(&processes);
    overran_by_at_most(&limiter, 0);
    for process in &processes {
        assert_eq!(process.status(), StoreStatus::Up);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_read_only_slow_and_garbled() {
    let server = Server::start(&["--enable-debug-command", "yes"]).await;
    let other = Server::start(&[]).await;
    let url = server.url();
    let (processes, limiter, _tasks) = at_work_on(&server).await;
    let refused = StoreErrorKind::Refused;
    let replica = format!("REPLICAOF 127.0.0.1 {}", other.port);
    let key = "{pacing:default}:scope:app";
    let [set, unset] = [format!("SET {key} garbage"), format!("DEL {key}")];
    let faults = [
        (&*replica, "REPLICAOF NO ONE", "READONLY"),
        (&*set, &*unset, "WRONGTYPE"),
    ];
    for (breaks, mends, code) in faults {
        server.tell(breaks).await;
        for process in &processes {
            process.is_down(refused, Some(code)).await;
        }
        server.tell(mends).await;
        for process in &processes {
            process.is_up().await;
        }
    }
    // A state that is there can still be changed, but none be made.
    server.tell("CONFIG SET maxmemory 1").await;
    let new = process(
        RedisState::connect(&url)
            .app("new")
            .build()
            .expect("good settings"),
    );
    let sent = new.gate.send("app").await;
    new.gate.answered(&sent);
    new.is_down(refused, Some("OOM")).await;
    server.tell("CONFIG SET maxmemory 0").await;
    new.is_up().await;
    // What it cannot read is not there.
    server.tell(&format!("HSET {key} s garbage")).await;
    sleep(Duration::from_secs(1)).await;
    let slow = server.tell("DEBUG SLEEP 5");
    let timeouts = async {
        for process in &processes {
            process.is_down(StoreErrorKind::Timeout, None).await;
        }
    };
    tokio::join!(slow, timeouts);
    for process in &processes {
        process.is_up().await;
    }
    nobody_was_shut_out(&processes);
    overran_by_at_most(&limiter, LIMIT as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_few_rights_is_enough_and_stays_secret() {
    let server = Server::start(&[]).await;
    let rights = "+evalsha +eval +subscribe +ping +get +set +pexpire +zadd +zremrangebyscore \
                  +zcard +hmget +hgetall +hset +hdel +del +hlen +hexists +publish +time";
    let made = server
        .tell(&format!(
            "ACL SETUSER pacer on >s3cret ~{{pacing:7011}}:* &{{pacing:7011}}:notices {rights}"
        ))
        .await;
    assert!(made.contains("OK"), "{made}");
    let url = |password| format!("redis://pacer:{password}@127.0.0.1:{}", server.port);
    let redis = RedisState::connect(url("s3cret"))
        .app("7011")
        .build()
        .expect("good settings");
    assert!(!format!("{redis:?}").contains("s3cret"));
    let good = process(redis);
    let sent = good.gate.send("app").await;
    good.gate.answered(&sent);
    good.is_up().await;

    let other = process(
        RedisState::connect(url("s3cret"))
            .app("7011")
            .build()
            .unwrap(),
    );
    let sent = other.gate.send("app").await;
    other.gate.answered(&sent);
    sleep(Duration::from_millis(300)).await;
    let until = Instant::now() + Duration::from_secs(60);
    good.gate.close("app", until);
    sleep(Duration::from_millis(250)).await;
    assert!(
        other.gate.hold("app").is_some(),
        "a hold reaches all within 250 ms"
    );

    let bad = process(
        RedisState::connect(url("wr0ng"))
            .app("7011")
            .build()
            .unwrap(),
    );
    let sent = bad.gate.send("app").await;
    bad.gate.answered(&sent);
    let is = |status: &StoreStatus| matches!(status, StoreStatus::Down { .. });
    bad.becomes("down", 2_000, is).await;
    assert!(!format!("{:?}{:?}", bad.state, bad.status()).contains("wr0ng"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_on_a_cluster_of_three() {
    let cluster = Cluster::start().await;
    let store = || {
        RedisState::cluster(cluster.urls())
            .app("7011")
            .build()
            .unwrap()
    };
    let (processes, limiter, _tasks) = at_work(store).await;
    let used = used_of(&limiter, 6).await;
    assert!(used > 0.8, "{used}");
    overran_by_at_most(&limiter, 0);
    let until = Instant::now() + Duration::from_secs(60);
    processes[0].gate.close("app", until);
    sleep(Duration::from_millis(250)).await;
    for process in &processes {
        assert!(process.gate.hold("app").is_some());
        assert_eq!(process.state.snapshot().failures, 0);
    }
}

#[tokio::test]
async fn a_state_that_was_dropped_leaves_no_connection() {
    let server = Server::start(&[]).await;
    let process = on(&server.url());
    let sent = process.gate.send("app").await;
    process.gate.answered(&sent);
    process.is_up().await;
    drop(process);
    let gone = timeout(Duration::from_secs(2), async {
        // The one that asks is the only one.
        while server.tell("CLIENT LIST").await.matches("addr=").count() > 2 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(gone.await.is_ok(), "{}", server.tell("CLIENT LIST").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_and_joined_again() {
    let server = Server::start(&[]).await;
    let cable = Cable::to(server.port).await;
    let url = format!("redis://127.0.0.1:{}", cable.port);
    let (processes, limiter, _tasks) =
        at_work(|| RedisState::connect(&url).build().expect("good settings")).await;
    cable.cut(true);
    for process in &processes {
        process.is_down(StoreErrorKind::Timeout, None).await;
    }
    let used = used_of(&limiter, 10).await;
    assert!(used > 0.8, "{used}");
    cable.cut(false);
    for process in &processes {
        process.is_up().await;
    }
    sleep(Duration::from_secs(2)).await;
    nobody_was_shut_out(&processes);
    overran_by_at_most(&limiter, LIMIT as usize);
}

/// A state may outlive the runtime in which it was first used.
#[test]
fn a_runtime_that_ends_while_it_connects_takes_nothing_with_it() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let keeps = runtime();
    let server = keeps.block_on(Server::start(&[]));
    let store = RedisState::connect(server.url())
        .build()
        .expect("good settings");
    let exchange = |number| Exchange::new(1, number, Duration::from_secs(5));
    server.signal("STOP");
    let ends = runtime();
    let wait = Duration::from_millis(100);
    let silent = ends.block_on(async { timeout(wait, store.exchange(exchange(1))).await });
    assert!(silent.is_err());
    ends.shutdown_timeout(Duration::from_secs(5));
    server.signal("CONT");
    keeps.block_on(async {
        let answers = timeout(Duration::from_secs(5), async {
            let mut number = 2;
            while store.exchange(exchange(number)).await.is_err() {
                number += 1;
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(answers.await.is_ok());
    });
}

#[cfg(feature = "redis-tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_and_only_with_a_certificate_that_is_known() {
    let certificate = tls::Certificate::make();
    let port = server::free_port();
    let server = certificate.server(port).await;
    let url = format!("rediss://127.0.0.1:{port}");
    let known = |root: Vec<u8>| RedisState::connect(&url).root_certificate(root).build();
    let root = std::fs::read(certificate.file("cert.pem")).expect("it was made");
    let store = || known(root.clone()).expect("good settings");
    let (processes, limiter, _tasks) = at_work(store).await;
    // To make the connection may take longer than a deadline, but only that.
    let failures = || processes.iter().map(|one| one.state.snapshot().failures);
    let before: u64 = failures().sum();
    assert!(used_of(&limiter, 3).await > 0.6);
    assert_eq!(failures().sum::<u64>(), before);
    let until = Instant::now() + Duration::from_secs(60);
    processes[0].gate.close("app", until);
    sleep(Duration::from_millis(250)).await;
    for process in &processes {
        assert!(process.gate.hold("app").is_some());
    }
    // Nobody of this system has signed it.
    let stranger = on(&url);
    let sent = stranger.gate.send("app").await;
    stranger.gate.answered(&sent);
    let is = |status: &StoreStatus| matches!(status, StoreStatus::Down { .. });
    stranger.becomes("down", 2_000, is).await;
    sleep(Duration::from_secs(3)).await;
    assert!(matches!(stranger.status(), StoreStatus::Down { .. }));
    drop(server);
}
