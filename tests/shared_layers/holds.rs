//! What a server tells one process while the store is away, the others hear when it
//! is back.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::RetryAfter,
    request_pacing::{Quota, RequestPacingHandle, RequestPacingLayer},
    shared_state::{MemoryStore, SharedState},
};

use crate::{
    cut_off::Cable,
    fleet::{ms, secs},
};

const ROUND_TRIP: u64 = 5;

/// What a refusal tells.
#[derive(Clone)]
enum Told {
    /// A header's wait.
    Wait(Duration),
    /// A limit of the application's, and how long to stay away.
    Limit(ThrottleWindow, Vec<Duration>),
}

impl Told {
    fn refuse(self) -> Response<()> {
        let mut response = Response::new(());
        let mut class = Classification::new(ErrorClass::RateLimited);
        match self {
            Self::Wait(wait) => {
                response.extensions_mut().insert(RetryAfter::new(wait));
            }
            Self::Limit(window, waits) => {
                let limit = Throttle::new(ThrottleScope::App, window).with_waits(waits);
                class = class.with_throttle(limit);
            }
        }
        response.extensions_mut().insert(class);
        response
    }
}

/// Four at work, of which the first is refused now and then.
struct Fleet {
    cut: Arc<AtomicBool>,
    refuses: Arc<Mutex<Option<Told>>>,
    handles: Vec<RequestPacingHandle>,
}

impl Fleet {
    /// Of which so many lose the store when the cable is cut.
    fn new(count: usize) -> Self {
        let (store, cut) = (
            MemoryStore::new().round_trip(ms(ROUND_TRIP)),
            Arc::default(),
        );
        let refuses: Arc<Mutex<Option<Told>>> = Arc::default();
        let handles = (0..4).map(|process| {
            let cut = if process < count {
                Arc::clone(&cut)
            } else {
                Arc::default()
            };
            let cable = Cable {
                store: store.clone(),
                cut,
            };
            let layer = RequestPacingLayer::builder(Quota::requests_per_second(20));
            let layer = layer.shared(SharedState::from(cable)).build().unwrap();
            let refuses = if process == 0 {
                refuses.clone()
            } else {
                Arc::default()
            };
            let client = layer.layer(service_fn(move |_: Request<()>| {
                let told = refuses.lock().unwrap().clone();
                async { Ok::<_, Infallible>(told.map_or_else(|| Response::new(()), Told::refuse)) }
            }));
            for _ in 0..4 {
                let client = client.clone();
                tokio::spawn(async move {
                    loop {
                        client.clone().oneshot(Request::new(())).await.unwrap();
                    }
                });
            }
            layer.handle()
        });
        Self {
            handles: handles.collect(),
            cut,
            refuses,
        }
    }

    fn held(&self, process: usize) -> Duration {
        let snapshot = self.handles[process].snapshot();
        let held = snapshot.scopes().iter().filter_map(|it| it.held_for).max();
        held.unwrap_or_default()
    }

    /// The store is away, and the first is refused for so long. It comes back so long
    /// after the last refusal.
    async fn outage(&self, told: Told, refused: Duration, back: Duration) {
        sleep(secs(10)).await;
        self.cut.store(true, Relaxed);
        sleep(secs(10)).await;
        *self.refuses.lock().unwrap() = Some(told);
        sleep(refused).await;
        *self.refuses.lock().unwrap() = None;
        assert!((1..4).all(|process| self.held(process).is_zero()));
        sleep(back).await;
        self.cut.store(false, Relaxed);
    }

    /// How soon all know.
    async fn all_hold(&self) -> Duration {
        let start = Instant::now();
        while (0..4).any(|process| self.held(process) < secs(250)) {
            assert!(start.elapsed() < secs(20), "one never hears of it");
            sleep(ms(1)).await;
        }
        start.elapsed()
    }
}

/// The requests under way, and then none.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_the_server_states_meanwhile_all_hear_when_the_store_is_back() {
    let minute = Told::Limit(ThrottleWindow::Minute, vec![secs(300)]);
    for told in [Told::Wait(secs(300)), minute] {
        for count in [1, 4] {
            for later in [0, 70, 140, 210, 280] {
                let fleet = Fleet::new(count);
                fleet
                    .outage(told.clone(), AT_ONCE, secs(10) + ms(later))
                    .await;
                let took = fleet.all_hold().await;
                println!("{count} cut off: {took:?}");
                // An exchange that was sent just before is lost, which comes out with
                // the deadline; and the next is sent within a second.
                assert!(took <= ms(50 + 1_000 + ROUND_TRIP + 1), "{took:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_by_then_closes_nothing() {
    for count in [1, 4] {
        let fleet = Fleet::new(count);
        fleet.outage(Told::Wait(secs(3)), AT_ONCE, secs(10)).await;
        for _ in 0..2_000 {
            sleep(ms(1)).await;
            assert!((1..4).all(|process| fleet.held(process).is_zero()));
        }
    }
}

/// The others had the slots.
#[tokio::test(start_paused = true)]
async fn what_one_without_the_store_guesses_it_tells_nobody() {
    let guesses = Told::Limit(ThrottleWindow::Unknown, vec![secs(1), secs(300)]);
    // After three in a row it was not the minute.
    let waits = vec![secs(300), secs(300), secs(40_000)];
    let minute = Told::Limit(ThrottleWindow::Minute, waits);
    for (told, refused, most) in [(guesses, 60, 0), (minute, 3_000, 300)] {
        let fleet = Fleet::new(1);
        fleet.outage(told, secs(refused), secs(10)).await;
        println!("{:?}", fleet.held(0));
        assert!(fleet.held(0) > secs(200.max(10 * most)));
        for _ in 0..2_000 {
            sleep(ms(1)).await;
            assert!((1..4).all(|process| fleet.held(process) <= secs(most)));
        }
    }
}
