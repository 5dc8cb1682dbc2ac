//! Whatever is dropped, wherever it stands, leaves nothing behind.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{runtime::Handle, time::sleep};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tiktok::{
    body::{Replay, ReplayBody},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::{PerAccountConcurrencyHandle, PerAccountConcurrencyLayer, Release},
    simulator::{Fault, Faults, Latency, Level, Simulator},
    tiktok::TikTokLayer,
};

use crate::support::{Alive, Counted, FAILED, OK, REFUSED, create, get, post};

const REQUESTS: usize = 10_000;

fn layer(release: Release) -> (TikTokLayer, PerAccountConcurrencyHandle) {
    let concurrency = PerAccountConcurrencyLayer::builder()
        .release(release)
        .max_reads(2)
        .build()
        .unwrap();
    let handle = concurrency.handle();
    let backoff = JitteredBackoffLayer::builder().no_budget().seed(3);
    let layer = TikTokLayer::builder()
        .concurrency(concurrency)
        .backoff(backoff.build().unwrap())
        .access_level("100/1000000/1000000".parse().unwrap())
        .build();
    (layer, handle)
}

/// Gives up on a future after so many polls.
struct Fickle<F> {
    polls: u32,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Fickle<F> {
    /// Whether it was waited for to the end.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(polls) = self.polls.checked_sub(1) else {
            self.future = None;
            return Poll::Ready(false);
        };
        self.polls = polls;
        let future = self.future.as_mut().unwrap();
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        if polls == 0 {
            // Nobody may be left to wake it.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Sends `REQUESTS` requests, 100 at a time, each dropped after a few polls
/// unless it ends before. Returns how many ended.
async fn drop_at_random<S, B, R>(client: S, request: impl Fn(usize) -> Request<B>) -> usize
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body + Unpin,
{
    let mut rng = StdRng::seed_from_u64(11);
    let calls = (0..REQUESTS).map(|number| {
        let (client, request) = (client.clone(), request(number));
        let polls = rng.random_range(0..12);
        // Some callers lose patience instead.
        let patience = Duration::from_millis(rng.random_range(0..60_000));
        let whole = async move {
            let Ok(response) = client.oneshot(request).await else {
                return;
            };
            let mut body = response.into_body();
            while let Some(Ok(_)) = body.frame().await {
                tokio::task::yield_now().await;
            }
        };
        let fickle = Fickle {
            polls,
            future: Some(Box::pin(whole)),
        };
        async move { tokio::time::timeout(patience, fickle).await == Ok(true) }
    });
    let ended = stream::iter(calls).buffer_unordered(100);
    ended
        .filter(|ended| std::future::ready(*ended))
        .count()
        .await
}

fn account(number: usize) -> String {
    format!("{}", 7_000 + number % 17)
}

async fn over_the_simulator(release: Release) {
    let faults = Faults::none()
        .with(Fault::BadGateway, 0.1)
        .with(Fault::LostAnswer, 0.1)
        .with(Fault::CutBody, 0.1)
        .with(Fault::Stall(Duration::from_secs(5)), 0.1);
    let simulator = Simulator::builder()
        .level(Level::custom(100, 1_000_000, 1_000_000))
        .latency(Latency::lognormal(Duration::from_millis(50), 1.0))
        .faults(faults)
        .build()
        .unwrap();
    let (requests, responses) = (Alive::default(), Alive::default());
    let (layer, handle) = layer(release);
    let pacing = layer.pacing_handle();
    let counted = responses.clone();
    let client = ServiceBuilder::new()
        .layer(layer)
        .map_response(move |response: Response<_>| {
            response.map(|body| Counted::new(body, &counted))
        })
        .service(simulator.clone());

    let tasks = Handle::current().metrics().num_alive_tasks();
    let ended = drop_at_random(client.clone(), |number| {
        let account = account(number);
        let request = match number % 3 {
            0 => get(&account),
            _ => create(&account),
        };
        request.map(|body| Counted::new(body, &requests))
    })
    .await;
    assert!((1_000..9_000).contains(&ended), "{ended} ended");

    assert_eq!(handle.snapshot().accounts(), []);
    assert_eq!(pacing.snapshot().queued(), 0);
    let scopes = pacing.snapshot();
    assert!(scopes.scopes().iter().all(|scope| scope.in_flight == 0));
    assert_eq!((requests.count(), responses.count()), (0, 0));
    // What was on its way arrives all the same; nothing else goes on.
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    assert!(simulator.ledger().total.abandoned > 100);
    assert_eq!(simulator.ledger().total.received, {
        sleep(Duration::from_secs(3_600)).await;
        simulator.ledger().total.received
    });
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_dropped_over_the_simulator_leave_nothing_behind() {
    over_the_simulator(Release::OnHead).await;
}

#[tokio::test(start_paused = true)]
async fn nor_do_they_where_permits_are_held_to_the_last_byte() {
    over_the_simulator(Release::OnBodyEnd).await;
}

/// Pends once wherever it can: to be ready, before its answer, before and
/// after each frame.
#[derive(Clone)]
struct Slow {
    asked: bool,
    alive: Arc<[Alive; 2]>,
    count: usize,
}

/// Yields its pieces, each after a pause.
struct Pieces {
    left: Vec<Bytes>,
    paused: bool,
}

impl Pieces {
    fn new(text: &str) -> Self {
        let pieces = text.as_bytes().chunks(20).rev();
        Self {
            left: pieces.map(Bytes::copy_from_slice).collect(),
            paused: false,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.paused = !self.paused;
        if self.paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.left.pop().map(|piece| Ok(Frame::data(piece))))
    }
}

impl<B> Service<Request<B>> for Slow
where
    B: Body + Send + Unpin + 'static,
{
    type Response = Response<Counted<Pieces>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked = !self.asked;
        if self.asked {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.count += 1;
        let [calls, bodies] = self.alive.as_ref();
        let (call, bodies) = (calls.one(), bodies.clone());
        let turn = rand::random_range(0..4);
        Box::pin(async move {
            let _call = call;
            let mut body = request.into_body();
            while body.frame().await.is_some() {
                tokio::task::yield_now().await;
            }
            let text = match turn {
                0 => OK,
                1 => REFUSED,
                2 => FAILED,
                _ => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()),
            };
            Ok(Response::new(Counted::new(Pieces::new(text), &bodies)))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_dropped_where_everything_pends_leave_nothing_behind() {
    for release in [Release::OnHead, Release::OnBodyEnd] {
        let requests = Alive::default();
        let alive: Arc<[Alive; 2]> = Arc::default();
        let (layer, handle) = layer(release);
        let slow = Slow {
            asked: false,
            alive: Arc::clone(&alive),
            count: 0,
        };
        let client = layer.layer(slow);
        let tasks = Handle::current().metrics().num_alive_tasks();
        let ended = drop_at_random(client, |number| {
            let account = account(number);
            let text = format!(r#"{{"advertiser_id":"{account}","campaign_name":"a"}}"#);
            let body = Counted::new(Pieces::new(&text), &requests);
            post("/campaign/create/", ReplayBody::new(body, 1_024))
        })
        .await;
        // Few polls are enough to come to an end here.
        assert!((10..9_900).contains(&ended), "{ended} ended");
        assert_eq!(handle.snapshot().accounts(), []);
        assert_eq!(requests.count(), 0);
        assert_eq!(alive.each_ref().map(Alive::count), [0, 0]);
        // Whoever keeps the time hears of the last one's end when it is polled.
        tokio::task::yield_now().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    }
}

#[test]
fn the_counted_body_is_one_that_may_be_sent_again() {
    let alive = Alive::default();
    let body = Counted::new(Full::new(Bytes::from("{}")), &alive);
    let copy = body.try_clone();
    assert_eq!(alive.count(), 2);
    drop((body, copy));
    assert_eq!(alive.count(), 0);
}
