//! Limits of a day, without a store.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    request_pacing::{Quota, Quotas, RequestPacingLayer},
    shared_state::{Fault, MemoryStore, SharedState},
};

use crate::fleet::secs;

const DAY: Duration = Duration::from_secs(86_400);

/// So many a day, where an endpoint is called that has never been asked about while
/// the store was there. How many of it were sent after so many seconds.
async fn without_a_store<const N: usize>(per_day: u32, after: [u64; N]) -> [u32; N] {
    let store = MemoryStore::new();
    store.set_fault(Some(Fault::Stall));
    let each = Quota::requests_per_second(10).and_requests_per_minute(600);
    let quotas = Quotas::none().with_app(each.and_requests_in_any(per_day, DAY));
    let state = SharedState::builder(store).assume_instances(2);
    let layer = RequestPacingLayer::builder(quotas).shared(state.build().unwrap());
    let layer = layer.build().unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let count = sent.clone();
    let client = layer.layer(service_fn(move |_: Request<()>| {
        count.fetch_add(1, Relaxed);
        async { Ok::<_, Infallible>(Response::new(())) }
    }));
    for _ in 0..10_000 {
        let context = RequestContext::new(Operation::Write).with_endpoint("/create/");
        let call = Request::post("/").extension(context).body(()).unwrap();
        tokio::spawn(client.clone().oneshot(call));
    }
    let (mut before, mut counts) = (0, [0; N]);
    for (after, count) in after.into_iter().zip(&mut counts) {
        sleep(secs(after - before)).await;
        (before, *count) = (after, sent.load(Relaxed));
    }
    counts
}

/// Its part of a day would be used up in a second, and then it would wait for the
/// store until midnight.
#[tokio::test(start_paused = true)]
async fn who_begins_without_a_store_goes_on_all_day() {
    // Of 5 a second and 300 a minute, a half of 10 and 600.
    let [first, minute, later] = without_a_store(864_000, [60, 130, 600]).await;
    assert!((1..=5).contains(&first), "{first}");
    assert!((200..=400).contains(&minute), "{minute}");
    assert!((2_400..=2_800).contains(&later), "{later}");
}

/// Of a thousand a day, half of which are its own, one goes in 173 seconds.
#[tokio::test(start_paused = true)]
async fn a_day_of_few_goes_evenly_without_a_store() {
    let [first, hour, day] = without_a_store(1_000, [60, 3_600, 36_000]).await;
    assert_eq!(first, 1);
    assert!((19..=22).contains(&hour), "{hour}");
    assert!((205..=209).contains(&day), "{day}");
}
