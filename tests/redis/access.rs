use std::time::Duration;

use tokio::time::{sleep, timeout};
use tower_tiktok::shared_state::{Exchange, RedisState, SharedStore, StoreErrorKind};

use tracing::Level;

use crate::{
    fleet::{Process, ms, redis, shares_a_hold},
    log::Log,
    machine::Machine,
    server::Server,
};

#[tokio::test]
async fn a_user_with_few_rights_is_enough_and_stays_secret() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let server = Server::start(&[]).await;
    let rights = "+evalsha +eval +subscribe +ping +get +set +pexpire +zadd +zremrangebyscore \
                  +zcard +hmget +hgetall +hset +hdel +del +hlen +hexists +publish +time";
    let made = server
        .tell(&format!(
            "ACL SETUSER pacer on >s3cret ~{{pacing:7011}}:* &{{pacing:7011}}:notices {rights}"
        ))
        .await;
    assert!(made.contains("OK"), "{made}");
    let state = |password| {
        let url = format!("redis://pacer:{password}@127.0.0.1:{}", server.port);
        let redis = RedisState::connect(url).app("7011");
        redis.build().expect("good settings")
    };
    assert!(!format!("{:?}", state("s3cret")).contains("s3cret"));
    let (good, other) = (Process::on(state("s3cret")), Process::on(state("s3cret")));
    for process in [&good, &other] {
        process.send_one().await;
        process.is_up().await;
    }
    server.is_heard_by("7011", 2).await;
    shares_a_hold(&[&good, &other]).await;

    let bad = Process::on(state("wr0ng"));
    bad.send_one().await;
    bad.is_shut_out().await;
    assert!(!format!("{:?}{:?}", bad.state, bad.status()).contains("wr0ng"));

    let broken = RedisState::connect("redis://pacer:s3cret@:port").build();
    let said = format!("{:?}{}", broken, broken.as_ref().expect_err("no address"));
    let building = RedisState::connect("redis://pacer:s3cret@127.0.0.1");
    let text = log.take();
    assert!(text.contains("the store"), "{text}");
    for text in [text, said, format!("{building:?}")] {
        assert!(
            !text.contains("s3cret") && !text.contains("wr0ng"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn who_was_shut_out_and_is_let_in_again_returns() {
    let server = Server::start(&[]).await;
    server
        .tell("ACL SETUSER pacer on >s3cret ~* &* +@all")
        .await;
    let url = format!("redis://pacer:s3cret@127.0.0.1:{}", server.port);
    let process = Process::on(redis(&url));
    process.send_one().await;
    process.is_up().await;
    server.tell("ACL SETUSER pacer resetpass >0ther").await;
    server.tell("CLIENT KILL USER pacer").await;
    process.is_down(StoreErrorKind::Unreachable, None).await;
    // Long enough to be turned away.
    sleep(ms(2_000)).await;
    server.tell("ACL SETUSER pacer >s3cret").await;
    process.is_up().await;
}

#[tokio::test]
async fn every_key_expires() {
    let server = Server::start(&[]).await;
    let process = Process::on(redis(&server.url()));
    process.send_one().await;
    process.is_up().await;
    let keys = server.tell("KEYS *").await;
    let keys: Vec<&str> = keys.lines().filter(|it| it.starts_with('{')).collect();
    assert!(keys.len() >= 3, "{keys:?}");
    for key in keys {
        let left = server.tell(&format!("TTL {key}")).await;
        let left: i64 = left
            .trim()
            .trim_start_matches(':')
            .parse()
            .expect("a number");
        // Ten minutes, the lease and the window.
        assert!((1..=620).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn who_has_another_prefix_shares_nothing() {
    let server = Server::start(&[]).await;
    let store = |prefix: &str| {
        let redis = RedisState::connect(server.url()).prefix(prefix);
        redis.app("7011").build().expect("good settings")
    };
    let found = [("blue", 1), ("green", 1), ("blue", 2)];
    let processes = found.map(|(prefix, _)| Process::on(store(prefix)));
    for (process, (prefix, instances)) in processes.iter().zip(found) {
        process.send_one().await;
        process.is_up().await;
        let state = process.state.snapshot();
        assert_eq!(state.instances, instances, "{prefix}");
    }
    let keys = server.tell("KEYS *").await;
    let keys: Vec<&str> = keys.lines().filter(|it| it.contains(':')).collect();
    for prefix in ["{blue:7011}:", "{green:7011}:"] {
        let own = keys.iter().filter(|key| key.starts_with(prefix)).count();
        assert_eq!(2 * own, keys.len(), "{keys:?}");
    }
}

#[tokio::test]
async fn a_state_that_was_dropped_leaves_no_connection() {
    let server = Server::start(&[]).await;
    let process = Process::on(redis(&server.url()));
    process.send_one().await;
    process.is_up().await;
    let machine = Machine::watch();
    drop(process);
    // The one that asks is the only one.
    while server.tell("CLIENT LIST").await.matches("addr=").count() > 2 {
        sleep(ms(20)).await;
        let all = server.tell("CLIENT LIST").await;
        assert!(machine.ran_at_most(ms(2_000)), "{all}");
    }
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
    let store = redis(&server.url());
    let exchange = |number| Exchange::new(1, number, Duration::from_secs(5));
    server.signal("STOP");
    let ends = runtime();
    let wait = ms(100);
    let silent = ends.block_on(async { timeout(wait, store.exchange(exchange(1))).await });
    assert!(silent.is_err());
    ends.shutdown_timeout(Duration::from_secs(5));
    server.signal("CONT");
    keeps.block_on(async {
        let answers = timeout(Duration::from_secs(20), async {
            let mut number = 2;
            while store.exchange(exchange(number)).await.is_err() {
                number += 1;
                sleep(ms(20)).await;
            }
        });
        assert!(answers.await.is_ok());
    });
}
