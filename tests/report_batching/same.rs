//! Identical reads under way are one.

use futures_util::future::join_all;
use http::Request;
use tokio::time::sleep;
use tower::ServiceExt;
use tower_tiktok::{
    error::DeadlineExceeded,
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
