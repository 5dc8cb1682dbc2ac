//! The layer alone.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    error::{DeadlineExceeded, is_unsent},
    extensions::{Deadline, Operation, Priority, RequestContext},
    timeout_brake::{
        InvalidTimeoutBrake, TimedOutTooOften, TimeoutBrake, TimeoutBrakeBuilder, TimeoutBrakeLayer,
    },
    token_refresh::{RefreshError, RefreshRequest, Token, TokenRefreshLayer, TokenUnavailable},
};

type Body = Full<Bytes>;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What a call comes to, after a second.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Well,
    InTimeout,
    InElapsed,
}

/// A server whose calls end as `ends` says by their path, and well after that.
#[derive(Clone, Debug, Default)]
struct Server {
    ends: Arc<Mutex<VecDeque<Ends>>>,
    always: Option<Ends>,
    /// When each call arrived, and when it timed out.
    arrived: Arc<Mutex<Vec<Instant>>>,
    timed_out: Arc<Mutex<Vec<Instant>>>,
}

impl Server {
    fn always(ends: Ends) -> Self {
        Self {
            always: Some(ends),
            ..Self::default()
        }
    }

    fn first(ends: impl IntoIterator<Item = Ends>) -> Self {
        Self {
            ends: Arc::new(Mutex::new(ends.into_iter().collect())),
            ..Self::default()
        }
    }

    fn calls(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }

    fn braked(&self, builder: TimeoutBrakeBuilder) -> TimeoutBrake<Self> {
        builder.build().unwrap().layer(self.clone())
    }

    /// The most timeouts within any time as long as this.
    fn most_timeouts_within(&self, time: Duration) -> usize {
        let at = self.timed_out.lock().unwrap();
        let within = |from: Instant| {
            let later = at.iter().filter(|it| **it >= from);
            later.filter(|it| **it - from < time).count()
        };
        at.iter().map(|from| within(*from)).max().unwrap_or(0)
    }
}

impl Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        self.arrived.lock().unwrap().push(Instant::now());
        let next = self.ends.lock().unwrap().pop_front();
        let ends = next.or(self.always).unwrap_or(Ends::Well);
        let timed_out = Arc::clone(&self.timed_out);
        Box::pin(async move {
            sleep(secs(1)).await;
            let mut response = Response::new(Body::default());
            if ends != Ends::Well {
                timed_out.lock().unwrap().push(Instant::now());
            }
            match ends {
                Ends::Well => {}
                Ends::InTimeout => *response.status_mut() = StatusCode::GATEWAY_TIMEOUT,
                Ends::InElapsed => {
                    return Err(tower::timeout::error::Elapsed::new().into());
                }
            }
            Ok(response)
        })
    }
}

fn builder() -> TimeoutBrakeBuilder {
    TimeoutBrakeLayer::builder(|_| true)
}

fn read(n: usize) -> Request<Body> {
    Request::get(format!("/reports/{n}"))
        .body(Body::default())
        .unwrap()
}

async fn ask(client: &TimeoutBrake<Server>, n: usize) -> Result<StatusCode, BoxError> {
    let response = client.clone().oneshot(read(n)).await?;
    Ok(response.status())
}

#[tokio::test(start_paused = true)]
async fn what_timed_out_thrice_is_not_sent_for_ten_minutes() {
    for ends in [Ends::InTimeout, Ends::InElapsed] {
        let server = Server::always(ends);
        let client = server.braked(builder());
        for _ in 0..3 {
            assert!(
                !ask(&client, 1)
                    .await
                    .is_ok_and(|status| status.is_success())
            );
            sleep(secs(30)).await;
        }
        let third = *server.timed_out.lock().unwrap().last().unwrap();
        for _ in 0..100 {
            let error = ask(&client, 1).await.unwrap_err();
            let refusal = error.downcast_ref::<TimedOutTooOften>().unwrap();
            assert_eq!(refusal.earliest(), third + secs(600));
            assert_eq!(refusal.timeouts(), 3);
            assert!(is_unsent(&*error));
        }
        assert_eq!(server.calls(), 3);
        // Another one goes.
        let _ = ask(&client, 2).await;
        assert_eq!(server.calls(), 4);

        sleep(third + secs(600) - Instant::now()).await;
        let _ = ask(&client, 1).await;
        assert_eq!(server.calls(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_between_timeouts_clears_nothing() {
    use Ends::{InTimeout, Well};
    let server = Server::first([InTimeout, InTimeout, Well, InTimeout]);
    let client = server.braked(builder());
    for _ in 0..4 {
        ask(&client, 1).await.unwrap();
    }
    assert!(ask(&client, 1).await.unwrap_err().is::<TimedOutTooOften>());
    assert_eq!(server.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_timed_out_is_no_timeout_of_the_server() {
    let connector = service_fn(|_: Uri| {
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        std::future::ready(Err::<TokioIo<tokio::net::TcpStream>, _>(late))
    });
    let client = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let client = builder().build().unwrap().layer(client);
    for _ in 0..10 {
        let request = Request::get("http://localhost/reports/1");
        let request = request.body(Body::default()).unwrap();
        let error = client.clone().oneshot(request).await.unwrap_err();
        let error = error.downcast_ref::<legacy::Error>().unwrap();
        assert!(error.is_connect());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_source_that_timed_out_is_no_timeout_of_the_server() {
    let source = |_: RefreshRequest| async {
        Err::<Token, RefreshError>(tower::timeout::error::Elapsed::new().into())
    };
    let tokens = TokenRefreshLayer::builder(source).build().unwrap();
    let server = Server::default();
    let client = builder().build().unwrap().layer(tokens.layer(server));
    for _ in 0..10 {
        let error = client.clone().oneshot(read(1)).await.unwrap_err();
        assert!(error.is::<TokenUnavailable>(), "{error}");
        sleep(secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_caller_gives_up_is_no_timeout() {
    let server = Server::always(Ends::Well);
    let client = server.braked(builder());
    for _ in 0..5 {
        let hasty = client.clone().oneshot(read(1));
        assert!(tokio::time::timeout(secs(1) / 2, hasty).await.is_err());
    }
    assert_eq!(ask(&client, 1).await.unwrap(), StatusCode::OK);
    assert_eq!(server.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_to_begin_is_forgotten() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder());
    for _ in 0..10 {
        ask(&client, 1).await.unwrap();
        sleep(secs(300)).await;
    }
    assert_eq!(server.calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn copies_in_line_are_not_sent_once_it_is_blocked() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder());
    let answers = join_all((0..100).map(|_| ask(&client, 1))).await;
    let refused = answers.iter().filter(|answer| {
        let error = answer.as_ref().err();
        error.is_some_and(|error| error.is::<TimedOutTooOften>())
    });
    // Those that were under way together.
    assert_eq!(refused.count(), 91);
    assert_eq!(server.calls(), 9);
}

#[tokio::test(start_paused = true)]
async fn however_many_are_asked_for_nine_time_out_in_ten_seconds() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder());
    let start = Instant::now();
    join_all((0..100).map(|n| ask(&client, n))).await;
    assert_eq!(server.calls(), 100);
    assert_eq!(server.most_timeouts_within(secs(10)), 9);
    // Eleven times nine, each eleven seconds after the one before, and one.
    assert_eq!(start.elapsed(), secs(11 * 11 + 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_well_goes_as_fast_as_there_are_places() {
    let server = Server::default();
    let client = server.braked(builder());
    let start = Instant::now();
    join_all((0..90).map(|n| ask(&client, n))).await;
    assert_eq!(start.elapsed(), secs(10));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_to_be_known_takes_a_place_all_the_same() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder());
    let long = || {
        let context = RequestContext::new(Operation::Read);
        let request = Request::post("/reports/").extension(context);
        request.body(Body::from(vec![0; 40_000])).unwrap()
    };
    join_all((0..20).map(|_| client.clone().oneshot(long()))).await;
    assert_eq!(server.calls(), 20);
    assert_eq!(server.most_timeouts_within(secs(10)), 9);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_watched_passes() {
    let server = Server::always(Ends::InTimeout);
    let watched = |context: Option<&RequestContext>| {
        context.and_then(RequestContext::endpoint) == Some("/reports/")
    };
    let client = server.braked(TimeoutBrakeLayer::builder(watched));
    let start = Instant::now();
    join_all((0..100).map(|_| ask(&client, 1))).await;
    // A write is nobody's read, whatever its endpoint.
    let write = || {
        let context = RequestContext::new(Operation::Write).with_endpoint("/reports/");
        let request = Request::post("/reports/").extension(context);
        client
            .clone()
            .oneshot(request.body(Body::default()).unwrap())
    };
    join_all((0..100).map(|_| write())).await;
    assert_eq!(server.calls(), 200);
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn any_of_them_may_be_dropped_at_every_await() {
    for victim in 0..12 {
        for steps in 0..60 {
            let server = Server::always(Ends::InTimeout);
            let client = server.braked(builder().at_most(3, secs(4)));
            let mut reads: Vec<_> = (0..12)
                .map(|n| tokio::spawn(client.clone().oneshot(read(n))))
                .collect();
            sleep(Duration::from_millis(250) * steps).await;
            reads.remove(victim).abort();
            for read in reads {
                assert!(read.await.unwrap().is_ok());
            }
            assert!(server.most_timeouts_within(secs(4)) <= 3);
            // All places are free again.
            sleep(secs(4)).await;
            let start = Instant::now();
            join_all((20..23).map(|n| ask(&client, n))).await;
            assert_eq!(start.elapsed(), secs(1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_urgent_read_has_the_next_place() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder().at_most(1, secs(10)));
    let many: Vec<_> = (0..5)
        .map(|n| tokio::spawn(client.clone().oneshot(read(n))))
        .collect();
    sleep(secs(5)).await;
    let mut urgent = read(9);
    let context = RequestContext::new(Operation::Read).with_priority(Priority::High);
    urgent.extensions_mut().insert(context);
    let start = Instant::now();
    client.oneshot(urgent).await.unwrap();
    // The place is free eleven seconds after it was taken.
    assert_eq!(start.elapsed(), secs(6 + 1));
    for read in many {
        assert!(read.await.unwrap().is_ok());
    }
    assert_eq!(server.calls(), 6);
}

/// How many of thirty that time out go at once, and how long another one takes
/// that comes then. All of them go in the end.
async fn beside(many: RequestContext, other: RequestContext) -> (usize, Duration) {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder());
    let ask = |n, context: &RequestContext| {
        let mut read = read(n);
        read.extensions_mut().insert(context.clone());
        tokio::spawn(client.clone().oneshot(read))
    };
    let many: Vec<_> = (0..30).map(|n| ask(n, &many)).collect();
    sleep(secs(1) / 2).await;
    let (at_once, start) = (server.calls(), Instant::now());
    ask(99, &other).await.unwrap().unwrap();
    let took = start.elapsed();
    let rest = tokio::time::timeout(secs(100), join_all(many));
    assert!(
        rest.await
            .unwrap()
            .into_iter()
            .all(|it| it.unwrap().is_ok())
    );
    assert_eq!(server.calls(), 31);
    assert!(server.most_timeouts_within(secs(10)) <= 9);
    (at_once, took)
}

#[tokio::test(start_paused = true)]
async fn reads_that_nobody_waits_for_leave_places_free() {
    let of = |priority| RequestContext::new(Operation::Read).with_priority(priority);
    let met = beside(of(Priority::Low), of(Priority::High)).await;
    assert_eq!(met, (7, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn one_account_has_half_of_the_places() {
    let of = |account: &str| RequestContext::new(Operation::Read).with_account(account);
    assert_eq!(beside(of("1"), of("2")).await, (5, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_waits_no_longer_than_its_deadline() {
    let server = Server::always(Ends::InTimeout);
    let client = server.braked(builder().at_most(1, secs(100)));
    ask(&client, 1).await.unwrap();
    let start = Instant::now();
    let mut hasty = read(2);
    hasty.extensions_mut().insert(Deadline::within(secs(5)));
    let error = client.oneshot(hasty).await.unwrap_err();
    let late = error.downcast_ref::<DeadlineExceeded>().unwrap();
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!(late.earliest(), Some(start + secs(100)));
}

#[tokio::test(start_paused = true)]
async fn huge_times_overflow_nothing() {
    let server = Server::always(Ends::InTimeout);
    let huge = builder()
        .at_most(usize::MAX, Duration::MAX)
        .same_at_most(1, Duration::MAX);
    let client = server.braked(huge);
    ask(&client, 1).await.unwrap();
    assert!(ask(&client, 1).await.unwrap_err().is::<TimedOutTooOften>());
    ask(&client, 2).await.unwrap();
}

#[test]
fn senseless_settings_are_refused() {
    use InvalidTimeoutBrake::{NoTimeouts, ZeroTime};
    let of = |builder: TimeoutBrakeBuilder| builder.build().unwrap_err();
    assert_eq!(of(builder().at_most(0, secs(1))), NoTimeouts);
    assert_eq!(of(builder().same_at_most(0, secs(1))), NoTimeouts);
    assert_eq!(of(builder().at_most(1, secs(0))), ZeroTime);
    assert_eq!(of(builder().same_at_most(1, secs(0))), ZeroTime);
}
