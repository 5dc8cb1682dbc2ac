//! What alerts must not do: keep requests, grow, or outlive the layer.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::{Operation, RequestContext},
    throttle_alert::{
        AlertKind, AlertScope, AlertState, Finding, InvalidThrottleAlert, ThrottleAlertLayer,
    },
};

use crate::support::{record, secs, taken};

fn finding() -> Finding {
    Finding::new(AlertKind::TokenRefused, AlertScope::app())
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_or_panics_keeps_no_request_and_no_other_sink() {
    let (go, hangs) = mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let (heard, hears) = mpsc::channel();
    let layer = ThrottleAlertLayer::builder()
        .on_alert(move |_| hangs.lock().unwrap().recv().unwrap_or_default())
        .on_alert(|_| panic!("a careless sink"))
        .on_alert(move |alert| heard.send(alert.state).unwrap())
        .build()
        .unwrap();
    let handle = layer.handle();
    let alerts = record(&handle);
    let begin = Instant::now();
    for _ in 0..100 {
        handle.report(finding());
        tokio::task::yield_now().await;
        handle.clear(AlertKind::TokenRefused, AlertScope::app());
        tokio::task::yield_now().await;
        assert_eq!(taken(&alerts).len(), 2);
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // On a thread of its own, so in real time.
    let first = hears.recv_timeout(secs(60)).unwrap();
    assert_eq!(first, AlertState::Raised);
    // Of 200 that the first sink did not take, 64 wait for it at most.
    assert!(handle.lost() >= 200 - 64 - 1);
    drop(go);
}

#[tokio::test(start_paused = true)]
async fn what_looks_may_panic() {
    let layer = ThrottleAlertLayer::builder().no_log().build().unwrap();
    let handle = layer.handle();
    let alerts = record(&handle);
    handle.watch(|| panic!("a careless look"));
    handle.watch(|| vec![Finding::new(AlertKind::QueueOld, AlertScope::app())]);
    handle.report(finding());
    sleep(secs(1)).await;
    let mut kinds: Vec<_> = taken(&alerts).iter().map(|alert| alert.kind).collect();
    kinds.sort();
    assert_eq!(kinds, [AlertKind::QueueOld, AlertKind::TokenRefused]);
}

#[tokio::test(start_paused = true)]
async fn names_without_end_raise_no_more_alerts_than_may_be_up() {
    let layer = ThrottleAlertLayer::builder().max_scopes(10).no_log();
    let layer = layer.build().unwrap();
    let handle = layer.handle();
    let server = service_fn(|_: Request<()>| async {
        let throttle = Throttle::new(ThrottleScope::AppEndpoint, ThrottleWindow::Minute);
        let found = Classification::new(ErrorClass::RateLimited).with_throttle(throttle);
        let mut response = Response::new(());
        response.extensions_mut().insert(found);
        Ok::<_, Infallible>(response)
    });
    let client = layer.layer(server);
    for n in 0..10_000 {
        let mut request = Request::new(());
        let context = RequestContext::new(Operation::Read).with_endpoint(format!("/{n}/"));
        request.extensions_mut().insert(context);
        client.clone().oneshot(request).await.unwrap();
    }
    let alerts = handle.alerts();
    assert_eq!(alerts.len(), 10);
    assert!(alerts.iter().all(|alert| alert.request_ids.len() <= 8));
    assert!(handle.lost() > 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_is_let_go_with_the_last_handle() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let gone = Arc::new(AtomicUsize::new(0));
    let counted = Counted(gone.clone());
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    layer.handle().watch(move || {
        let _ = &counted;
        Vec::new()
    });
    layer.handle().report(finding());
    sleep(secs(1)).await;
    assert_eq!(gone.load(Ordering::SeqCst), 0);
    drop(layer);
    assert_eq!(gone.load(Ordering::SeqCst), 1);
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 0, "no task is left either");
}

#[tokio::test(start_paused = true)]
async fn when_all_is_well_no_task_runs() {
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let handle = layer.handle();
    let client = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(()))
    }));
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    client.clone().oneshot(Request::new(())).await.unwrap();
    assert_eq!(tasks(), 0);
    handle.report(finding());
    assert_eq!(tasks(), 1);
    sleep(secs(700)).await;
    assert_eq!(tasks(), 0, "the alert was cleared");

    // Where something is watched, it is looked at while requests are sent.
    handle.watch(Vec::new);
    client.clone().oneshot(Request::new(())).await.unwrap();
    assert_eq!(tasks(), 1);
    sleep(secs(700)).await;
    assert_eq!(tasks(), 0);
}

#[test]
fn a_runtime_that_ends_takes_no_alert_with_it() {
    let layer = ThrottleAlertLayer::builder().no_log().build().unwrap();
    let handle = layer.handle();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    // Nobody can tell of it here.
    handle.report(finding());
    assert_eq!(handle.alerts().len(), 1);
    runtime().block_on(async { handle.report(finding()) });
    runtime().block_on(async {
        let mut alerts = handle.subscribe();
        handle.report(Finding::new(AlertKind::QueueOld, AlertScope::app()));
        let mut kinds = Vec::new();
        for _ in 0..2 {
            kinds.push(alerts.recv().await.unwrap().kind);
        }
        assert_eq!(kinds, [AlertKind::TokenRefused, AlertKind::QueueOld]);
    });
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let builder = ThrottleAlertLayer::builder;
    let windows = |short, long| builder().windows(short, long).build().unwrap_err();
    for (short, long) in [
        (Duration::ZERO, secs(1)),
        (Duration::from_millis(999), secs(1)),
        (secs(2), secs(2)),
        (secs(1), Duration::MAX),
    ] {
        assert_eq!(windows(short, long), InvalidThrottleAlert::Windows);
    }
    for share in [0.0, -1.0, 1.1, f64::NAN, f64::INFINITY] {
        let error = builder().threshold(share).build().unwrap_err();
        assert_eq!(error, InvalidThrottleAlert::Threshold);
    }
    for share in [0.0, 0.05, 0.1, f64::NAN] {
        let error = builder().clear_below(share).build().unwrap_err();
        assert_eq!(error, InvalidThrottleAlert::ClearAboveThreshold);
    }
    let error = builder().min_attempts(0).build().unwrap_err();
    assert_eq!(error, InvalidThrottleAlert::Zero);
    let error = builder().max_scopes(0).build().unwrap_err();
    assert_eq!(error, InvalidThrottleAlert::Zero);
}

#[tokio::test(start_paused = true)]
async fn the_largest_settings_do_no_harm() {
    let layer = ThrottleAlertLayer::builder()
        .windows(secs(86_399), secs(86_400))
        .min_attempts(u64::MAX)
        .max_scopes(usize::MAX)
        .queue_age(Duration::MAX)
        .build()
        .unwrap();
    let handle = layer.handle();
    let lasting = finding()
        .with_lasting(Duration::MAX)
        .with_time(Duration::MAX);
    handle.report(lasting);
    tokio::task::yield_now().await;
    assert_eq!(handle.alerts().len(), 1);
    handle.clear(AlertKind::TokenRefused, AlertScope::app());
    assert_eq!(handle.alerts(), []);
}
