//! The end of a process that shares.

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    request_pacing::{Quota, RequestPacingHandle, RequestPacingLayer},
    shared_state::{MemoryStore, SharedState},
};

use crate::fleet::{ms, secs};

const MINUTE: u32 = 600;

/// A process in which so many requests wait.
fn process(store: &MemoryStore, requests: u32) -> (SharedState, RequestPacingHandle, JoinSet<()>) {
    let state = SharedState::from(store.clone());
    let quota = Quota::requests_per_second(20).and_requests_per_minute(MINUTE);
    let layer = RequestPacingLayer::builder(quota).shared(state.clone());
    let layer = layer.build().unwrap();
    let client = layer.layer(service_fn(|_: Request<()>| async {
        sleep(Duration::from_millis(120)).await;
        Ok::<_, Infallible>(Response::new(()))
    }));
    let mut tasks = JoinSet::new();
    for _ in 0..requests {
        let client = client.clone();
        tasks.spawn(async move {
            client.oneshot(Request::new(())).await.unwrap();
        });
    }
    (state, layer.handle(), tasks)
}

fn limits(handle: &RequestPacingHandle) -> Vec<u32> {
    let snapshot = handle.snapshot();
    let scopes = snapshot.scopes().iter();
    let windows = scopes.flat_map(|scope| scope.windows.iter());
    windows.map(|window| window.requests).collect()
}

/// What waits goes first, by its part; then the other has all of it, with its next
/// exchange. With the lease it would be five seconds and a window later.
#[tokio::test(start_paused = true)]
async fn who_has_drained_and_left_leaves_all_to_the_others() {
    let store = MemoryStore::new().round_trip(ms(5));
    let (state, ending, tasks) = process(&store, 60);
    let (_state, stays, _tasks) = process(&store, 10_000);
    sleep(secs(2)).await;
    assert!(limits(&ending)[0] > 0 && limits(&stays)[0] <= 15);
    let start = Instant::now();
    ending.drain().await;
    assert!(start.elapsed() < secs(10), "{:?}", start.elapsed());
    tasks.join_all().await;
    let start = Instant::now();
    state.leave().await.unwrap();
    assert!(start.elapsed() <= ms(15), "{:?}", start.elapsed());
    let scopes = state.snapshot().scopes;
    let windows = scopes.iter().flat_map(|scope| &scope.windows);
    assert_eq!(windows.map(|window| window.held).sum::<u32>(), 0);
    drop((state, ending));
    sleep(secs(4)).await;
    assert_eq!(limits(&stays), [20, MINUTE - 60]);
}
