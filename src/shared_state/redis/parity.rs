//! The script does what the ledger does: the same exchanges at the same times
//! get the same replies, and everybody hears the same notices. It needs a real `redis-server`.

use std::time::Duration;

use futures_util::StreamExt;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};
use redis::aio::{MultiplexedConnection, PubSub};

use self::server::Server;
use super::{keys::Keys, script::Script, wire};
use crate::shared_state::{Exchange, Ledger, ScopeAsk, StoreError, Tokens, WindowAsk, WindowSpan};

#[path = "../../../tests/redis/server.rs"]
mod server;

const CLOCK: &str = "local now = tonumber(redis.call('GET', '{test}:clock'))";
const START: u64 = 1_767_225_600_000;

/// Anything that a member may say, honest or not.
#[derive(Clone, Debug)]
struct Said {
    after: i64,
    member: u64,
    /// How much newer than the last: 0 is stale.
    newer: u64,
    scopes: Vec<(usize, ScopeAsk)>,
}

fn window() -> impl Strategy<Value = WindowAsk> {
    let span = prop_oneof![
        Just(WindowSpan::Any(Duration::ZERO)),
        Just(WindowSpan::Any(Duration::from_secs(1))),
        Just(WindowSpan::Any(Duration::from_secs(60))),
        Just(WindowSpan::DayUtc),
    ];
    let limit = prop_oneof![4 => Just(10_u32), 1 => 1_u32..30, 1 => Just(u32::MAX)];
    let back = (0_u32..5, 0_u64..70_000)
        .prop_map(|(count, wait)| Tokens::new(count, Duration::from_millis(wait)));
    let backs = prop::collection::vec(back, 0..4);
    let learned = prop::option::weighted(0.1, 0_u32..1_200_000);
    (
        span,
        limit,
        0_u32..12,
        0_u32..40,
        0_u32..1_000,
        backs,
        learned,
    )
        .prop_map(|(span, limit, held, want, queued, returned, learned)| {
            let mut window = WindowAsk::new(span, limit);
            (window.held, window.want, window.queued) = (held, want, queued);
            (window.returned, window.learned) = (returned, learned);
            window
        })
}

fn scope() -> impl Strategy<Value = (usize, ScopeAsk)> {
    let windows = prop::collection::vec(window(), 1..4);
    let hold = prop::option::weighted(0.1, (0_u64..300_000).prop_map(Duration::from_millis));
    (
        0_usize..3,
        windows,
        0_u64..3,
        prop::bool::weighted(0.1),
        hold,
    )
        .prop_map(|(at, mut windows, behind, claim, hold)| {
            windows.sort_by_key(|window| window.span);
            windows.dedup_by_key(|window| window.span);
            let mut scope = ScopeAsk::new(["app", "a scope", "endpoint:/x"][at]);
            (scope.windows, scope.acknowledged) = (windows, behind);
            (scope.claim, scope.hold) = (claim, hold);
            (at, scope)
        })
}

fn said(members: u64) -> impl Strategy<Value = Said> {
    // The server's clock may be set back, a little or a lot.
    let after = prop_oneof![24 => 0_i64..600, 4 => 0_i64..20_000, 1 => -1_000_i64..0, 1 => -90_000_i64..-1_000];
    let newer = prop_oneof![1 => Just(0_u64), 12 => 1_u64..3];
    let scopes = prop::collection::vec(scope(), 0..4);
    (after, 1..=members, newer, scopes).prop_map(|(after, member, newer, mut scopes)| {
        scopes.sort_by_key(|(at, _)| *at);
        scopes.dedup_by_key(|(at, _)| *at);
        Said {
            after,
            member: member.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            newer,
            scopes,
        }
    })
}

async fn same(
    connection: &mut MultiplexedConnection,
    notices: &mut PubSub,
    script: &Script,
    story: Vec<Said>,
) {
    let keys = keys();
    redis::cmd("FLUSHALL").exec_async(connection).await.unwrap();
    let (mut ledger, mut now) = (Ledger::new(), START);
    let mut numbers = std::collections::HashMap::new();
    for (at, said) in story.into_iter().enumerate() {
        now = now.saturating_add_signed(said.after);
        let number = numbers.entry(said.member).or_insert(10_u64);
        *number += said.newer;
        let mut exchange = Exchange::new(said.member, *number, Duration::from_secs(5));
        for (_, mut scope) in said.scopes {
            // How far the member is behind itself, mostly not at all.
            scope.acknowledged = (*number - 1).saturating_sub(scope.acknowledged * 8);
            exchange.scopes.push(scope);
        }
        let mut clock = redis::cmd("SET");
        clock
            .arg("{test}:clock")
            .arg(now)
            .exec_async(connection)
            .await
            .unwrap();
        let mut told = Vec::new();
        let ours = ledger.exchange(&exchange, Duration::from_millis(now), &mut told);
        let theirs = script.run(connection, &exchange, &keys).await;
        assert_eq!(theirs, ours, "exchange {at}: {exchange:?}");
        // What comes after the last one is one too many.
        publish(connection, &keys.channel(), END).await;
        let mut messages = notices.on_message();
        for notice in told.into_iter().map(Some).chain([None]) {
            let message = messages.next().await.expect("the server is there");
            let text: String = message.get_payload().expect("a text");
            assert_eq!(wire::notice(&text), notice, "exchange {at}: {exchange:?}");
            assert_eq!(text == END, notice.is_none(), "exchange {at}: {text}");
        }
        assert!(ours.is_ok() || said.newer == 0 || ours == Err(StoreError::stale()));
    }
}

const END: &str = "end";

fn keys() -> Keys {
    Keys::new("test", "parity")
}

async fn publish(connection: &mut MultiplexedConnection, channel: &str, text: &str) {
    let mut publish = redis::cmd("PUBLISH");
    let publish = publish.arg(channel).arg(text);
    publish.exec_async(connection).await.expect("a server");
}

async fn compare(cases: u32, length: usize, members: u64) {
    let server = Server::start(&[]).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut notices = client.get_async_pubsub().await.unwrap();
    notices.subscribe(keys().channel()).await.unwrap();
    let script = Script::with_clock(CLOCK);
    let rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let stories = prop::collection::vec(said(members), length);
    for _ in 0..cases {
        let story = stories.new_tree(&mut runner).unwrap().current();
        same(&mut connection, &mut notices, &script, story).await;
    }
}

#[tokio::test]
async fn a_few_members_get_the_same_from_both() {
    compare(150, 60, 5).await;
}

/// Enough that their parts are not computed at each exchange.
#[tokio::test]
async fn many_members_get_the_same_from_both() {
    compare(10, 300, 60).await;
}
