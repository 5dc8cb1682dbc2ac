//! Requests that wait for a permit, and for their turn next.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use http::{Request, Response};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::{Quota, RequestPacingLayer, Scope, Scopes, Touched},
    shared_state::{Fault, MemoryStore, SharedState},
    simulator::Latency,
};

use crate::fleet::{Fleet, ms, secs, server, write};

/// Of an account and of the app this process holds nothing yet, and it waits for the
/// permit first.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_and_its_turn_waits_for_one_deadline() {
    for (round_trip, stalls_after) in [(5, 1_000), (30, 1_000), (45, 1_000), (45, 25), (45, 50)] {
        let server = server(10, 600).latency(Latency::none());
        let fleet = Fleet::at(server, 10, round_trip).writes(2).processes(1);
        let (client, store) = (fleet.processes[0].client.clone(), fleet.store.clone());
        tokio::spawn(async move {
            sleep(ms(stalls_after)).await;
            store.set_fault(Some(Fault::Stall));
        });
        let start = Instant::now();
        client.oneshot(write(0, 0, 0)).await.unwrap();
        println!("{round_trip} ms, {stalls_after} ms: {:?}", start.elapsed());
        assert!(start.elapsed() <= ms(51), "{:?}", start.elapsed());
    }
}

/// While it waits for its permit, its turn is asked for as well. When it gives up,
/// that goes back.
#[tokio::test(start_paused = true)]
async fn who_does_not_come_keeps_nothing_from_others() {
    let slow = server(10, 600).latency(Latency::fixed(secs(60)));
    let fleet = Fleet::at(slow, 10, 2).writes(1).processes(2);
    tokio::spawn(fleet.processes[0].client.clone().oneshot(write(0, 1, 0)));
    sleep(secs(1)).await;
    let waits = tokio::spawn(fleet.processes[1].client.clone().oneshot(write(1, 1, 1)));
    sleep(ms(100)).await;
    let held = || {
        let shared = fleet.processes[1].handle.shared().unwrap();
        let app = shared.scopes.into_iter().find(|it| &*it.name == "app");
        app.map(|it| it.windows[0].held)
    };
    assert!(held() >= Some(1), "{:?}", held());
    waits.abort();
    sleep(secs(7)).await;
    assert_eq!(held(), None);
}

/// This process has been idle for longer than a lease.
#[tokio::test(start_paused = true)]
async fn many_that_come_at_once_wait_for_one_deadline() {
    for round_trip in [5, 40] {
        let server = server(10, 600).latency(Latency::none());
        let fleet = Fleet::at(server, 10, round_trip).writes(2).processes(1);
        let client = fleet.processes[0].client.clone();
        client.clone().oneshot(write(0, 0, 0)).await.unwrap();
        sleep(secs(20)).await;
        let mut tasks = JoinSet::new();
        for number in 1..=8 {
            let client = client.clone();
            tasks.spawn(async move {
                let start = Instant::now();
                client.oneshot(write(0, number, number)).await.unwrap();
                start.elapsed()
            });
        }
        let longest = tasks.join_all().await.into_iter().max();
        println!("{round_trip} ms: {longest:?}");
        assert!(longest <= Some(ms(51)), "{longest:?}");
    }
}

/// Panics once.
#[derive(Debug, Default)]
struct Fragile(AtomicBool);

impl Scopes for Fragile {
    fn touched<'a>(&'a self, _: Option<&'a RequestContext>) -> Touched<'a> {
        assert!(self.0.swap(true, Relaxed), "the first time");
        Touched::default().app()
    }

    fn quota(&self, _: &Scope) -> Option<Quota> {
        Some(Quota::requests_per_second(10))
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_foreseen_for_a_panic_leaves_its_place() {
    let state = SharedState::from(MemoryStore::new());
    let permits = PerAccountConcurrencyLayer::builder().max_writes(1);
    let pacing = RequestPacingLayer::builder(Fragile::default()).shared(state.clone());
    let mut client = ServiceBuilder::new()
        .layer(permits.shared(state).build().unwrap())
        .layer(pacing.build().unwrap())
        .service(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let call = || {
        let context = RequestContext::new(Operation::Write).with_account("7");
        Request::post("/").extension(context).body(()).unwrap()
    };
    client.ready().await.unwrap();
    let called = catch_unwind(AssertUnwindSafe(|| drop(client.call(call()))));
    assert!(called.is_err());
    let answer = timeout(secs(1), client.oneshot(call())).await;
    answer.expect("nobody holds its permit").unwrap();
}
