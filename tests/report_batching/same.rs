//! Identical reads under way are one.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{
    future::join_all,
    stream::{self, StreamExt},
};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{sleep, timeout};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    error::{DeadlineExceeded, WaitTooLong},
    extensions::{Deadline, Operation, Priority, RequestContext},
    report_batching::{InvalidReportBatching, SharedError},
    simulator::{Latency, Simulator},
};

use crate::support::{Body, Server, builder, get, report, secs, text, world};

#[tokio::test(start_paused = true)]
async fn five_hundred_identical_reads_are_one_call() {
    let slow = Simulator::builder().latency(Latency::fixed(secs(1)));
    let world = world(slow, Some(builder()));
    let answers = join_all((0..500).map(|_| world.ask(report(7, "")))).await;
    assert_eq!(world.reports(), 1);
    assert!(answers[0].starts_with(b"{"));
    // Not only are they the same: they are one.
    let place = answers[0].as_ptr();
    assert!(answers.iter().all(|answer| answer.as_ptr() == place));
}

#[tokio::test(start_paused = true)]
async fn reads_one_after_another_are_each_sent() {
    let server = Server::default();
    let client = server.batched(builder());
    for call in 1..=3 {
        let response = client.clone().oneshot(report(1, "")).await.unwrap();
        assert_eq!(text(response).await, format!("answer {call}"));
    }
}

#[tokio::test(start_paused = true)]
async fn two_tokens_share_nothing() {
    let server = Server::default();
    let client = server.batched(builder().keep_for(secs(60)));
    let mut other = report(1, "");
    let token = "another".parse().unwrap();
    other.headers_mut().insert("access-token", token);
    let both = [report(1, ""), other].map(|read| client.clone().oneshot(read));
    assert!(join_all(both).await.iter().all(Result::is_ok));
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn writes_share_nothing() {
    let server = Server::default();
    let client = server.batched(builder().keep_for(secs(60)));
    let write = || {
        let request = Request::post("/open_api/v1.3/report/task/create/");
        request.body(Body::from("{}")).unwrap()
    };
    let writes = (0..3).map(|_| client.clone().oneshot(write()));
    assert!(join_all(writes).await.iter().all(Result::is_ok));
    assert_eq!(server.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared() {
    let server = Server::failing();
    let client = server.batched(builder());
    let alone = client.clone().oneshot(report(1, "")).await.unwrap_err();
    assert_eq!(alone.to_string(), "the line is dead");
    let reads = (0..10).map(|_| client.clone().oneshot(report(1, "")));
    for error in join_all(reads).await {
        assert!(error.unwrap_err().is::<SharedError>());
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_for_whoever_asked() {
    let server = Server::default();
    let client = server.batched(builder().max_shared_bytes(3).keep_for(secs(60)));
    let reads = (0..3).map(|_| client.clone().oneshot(report(1, "")));
    let mut answers = Vec::new();
    for response in join_all(reads).await {
        answers.push(text(response.unwrap()).await);
    }
    answers.sort();
    assert_eq!(answers, ["answer 1", "answer 2", "answer 3"]);
}

#[tokio::test(start_paused = true)]
async fn long_answers_do_not_queue_up() {
    let server = Server::default();
    let client = server.batched(builder().max_shared_bytes(3));
    let start = tokio::time::Instant::now();
    let reads = (0..50).map(|_| client.clone().oneshot(report(1, "")));
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(server.calls(), 50);
    // The first shows that it is long, and the others go together.
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_read_does_not_wait_behind_one_that_can() {
    let server = Server::default();
    let client = server.batched(builder());
    let ask = |priority| {
        let mut read = report(1, "");
        let context = RequestContext::new(Operation::Read).with_priority(priority);
        read.extensions_mut().insert(context);
        client.clone().oneshot(read)
    };
    use Priority::{High, Low, Normal};
    let reads = [Low, High, Low, Normal, High, Normal].map(ask);
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(server.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_goes_away_leaves_its_place_to_a_follower() {
    let server = Server::default();
    let client = server.batched(builder());
    let leader = tokio::spawn(client.clone().oneshot(report(1, "")));
    let followers: Vec<_> = (0..10)
        .map(|_| tokio::spawn(client.clone().oneshot(report(1, ""))))
        .collect();
    sleep(secs(1) / 2).await;
    leader.abort();
    for follower in followers {
        assert_eq!(text(follower.await.unwrap().unwrap()).await, "answer 2");
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn any_of_them_may_be_dropped_at_every_await() {
    for merge_within in [secs(0), secs(1)] {
        for (victim, steps) in (0..4).flat_map(|n| (0..12).map(move |steps| (n, steps))) {
            let server = Server::default();
            let client = server.batched(builder().merge_within(merge_within));
            let mut reads: Vec<_> = [1, 1, 2, 3]
                .map(|n| tokio::spawn(client.clone().oneshot(report(n, ""))))
                .into();
            sleep(secs(1) / 4 * steps).await;
            reads.remove(victim).abort();
            for read in reads {
                assert!(read.await.unwrap().is_ok());
            }
            assert!(server.calls() <= 7, "{}", server.calls());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_no_longer_than_its_deadline() {
    let server = Server::default();
    let client = server.batched(builder());
    let leader = tokio::spawn(client.clone().oneshot(report(1, "")));
    tokio::task::yield_now().await;
    let mut hasty = report(1, "");
    hasty.extensions_mut().insert(Deadline::within(secs(1) / 2));
    let error = client.oneshot(hasty).await.unwrap_err();
    assert!(error.is::<DeadlineExceeded>());
    assert!(leader.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn too_many_reads_are_each_sent() {
    let server = Server::default();
    let client = server.batched(builder().max_reads(1));
    let reads = [1, 2, 2].map(|n| {
        client
            .clone()
            .oneshot(get(&format!("/campaign/get/?n={n}")))
    });
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(server.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_would_keep_all_from_being_sent_is_shared() {
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |_: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            sleep(secs(1)).await;
            let error = BoxError::from(WaitTooLong::new(secs(600), None));
            Err::<Response<Body>, _>(error)
        }
    });
    let client = builder().build().unwrap().layer(inner);
    let reads = (0..50).map(|_| client.clone().oneshot(report(1, "")));
    for error in join_all(reads).await {
        assert!(error.err().unwrap().is::<SharedError>());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_the_first_ones_own() {
    let inner = service_fn(|request: Request<Body>| async move {
        sleep(secs(1)).await;
        match request.extensions().get::<Deadline>() {
            Some(_) => Err(BoxError::from(DeadlineExceeded::new(None, None))),
            None => Ok(Response::new(Body::default())),
        }
    });
    let client = builder().build().unwrap().layer(inner);
    let mut hasty = report(1, "");
    hasty.extensions_mut().insert(Deadline::within(secs(60)));
    let reads = [hasty, report(1, ""), report(1, "")];
    let answers = join_all(reads.map(|read| client.clone().oneshot(read))).await;
    let good: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_shares_is_handed_on_as_it_comes() {
    let inner = service_fn(|_: Request<Body>| async {
        let first = Ok::<_, Infallible>(Frame::data(Bytes::from("begins")));
        let endless = stream::iter([first]).chain(stream::pending());
        Ok::<_, BoxError>(Response::new(StreamBody::new(Box::pin(endless))))
    });
    let client = builder().max_reads(0).build().unwrap().layer(inner);
    let response = timeout(secs(1), client.oneshot(report(1, ""))).await;
    let mut body = response.unwrap().unwrap().into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "begins");
}

#[test]
fn a_read_can_be_called_before_there_is_a_runtime() {
    let mut client = Server::default().batched(builder());
    let mut read = report(1, "");
    read.extensions_mut().insert(Deadline::within(secs(60)));
    let response = client.call(read);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    assert!(runtime.unwrap().block_on(response).is_ok());
}

#[test]
fn senseless_settings_are_refused() {
    let one = builder().max_merged(1).build().unwrap_err();
    assert_eq!(one, InvalidReportBatching::NothingMerged);
    let none = builder().keep_for(secs(1)).max_kept_answers(0);
    assert_eq!(
        none.build().unwrap_err(),
        InvalidReportBatching::NothingKept
    );
}
