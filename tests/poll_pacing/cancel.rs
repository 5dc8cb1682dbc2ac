//! Whoever waits may go away at any time.

use tokio::time::{Instant, advance, sleep};
use tokio_test::task;
use tower::ServiceExt;
use tower_tiktok::{
    poll_pacing::{Progress, poll_until},
    simulator::Simulator,
    tiktok::{AccessLevel, jobs::Task},
};

use crate::support::{Server, builder, get, poll, secs, text, world};

#[tokio::test(start_paused = true)]
async fn a_leader_that_goes_away_leaves_its_place_to_a_follower() {
    let server = Server::default();
    let client = server.paced(&builder().build().unwrap());
    let leader = tokio::spawn(client.clone().oneshot(poll("1")));
    let followers: Vec<_> = (0..10)
        .map(|_| tokio::spawn(client.clone().oneshot(poll("1"))))
        .collect();
    sleep(secs(1) / 2).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    for follower in followers {
        assert_eq!(text(follower.await.unwrap().unwrap()).await, "an answer");
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_poll_may_be_dropped_at_every_await() {
    let server = Server::not_ready(2);
    let layer = builder().build().unwrap();
    let client = server.paced(&layer);
    for steps in 0..40 {
        let mut leader = task::spawn(client.clone().oneshot(poll("1")));
        let mut follower = task::spawn(client.clone().oneshot(poll("1")));
        for _ in 0..steps {
            if leader.poll().is_ready() {
                break;
            }
            let _ = follower.poll();
            advance(secs(1) / 2).await;
        }
        drop(leader);
        let start = Instant::now();
        assert!(follower.await.is_ok());
        assert!(start.elapsed() <= secs(80));
    }
}

#[tokio::test(start_paused = true)]
async fn progress_may_be_dropped_at_every_await() {
    let world = world(Simulator::builder(), AccessLevel::Basic);
    let task = world.report(1).await;
    let mut polls = poll_until(world.client.clone(), Task::report("1", task, get));
    let mut done = false;
    for _ in 0..1_000 {
        // A future that is polled once, and dropped.
        let mut next = task::spawn(polls.next());
        if let std::task::Poll::Ready(Some(told)) = next.poll() {
            done = matches!(told.unwrap(), Progress::Done(_));
        }
        drop(next);
        if done {
            break;
        }
        advance(secs(1) / 10).await;
    }
    assert!(done);
    let made = &world.tiktok.ledger().made[0];
    assert!(made.polls <= 10, "{made:?}");
    assert_eq!(u64::from(polls.polls()), made.polls);
}

#[tokio::test(start_paused = true)]
async fn progress_is_a_stream() {
    use futures_util::StreamExt;

    let world = world(Simulator::builder(), AccessLevel::Basic);
    let task = world.report(1).await;
    let mut polls = poll_until(world.client.clone(), Task::report("1", task, get));
    let stream = futures_util::stream::poll_fn(move |cx| polls.poll_next(cx));
    let told: Vec<_> = stream.map(Result::unwrap).collect().await;
    let (last, before) = told.split_last().unwrap();
    assert!(matches!(last, Progress::Done(_)));
    assert!(
        before
            .iter()
            .all(|told| matches!(told, Progress::Running(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_leader_is_not_the_end_of_all() {
    let server = Server::default();
    let layer = builder().build().unwrap();
    let inner = server.clone();
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let service = tower::service_fn(move |request| {
        let first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let call = inner.clone().oneshot(request);
        async move {
            let answer = call.await;
            assert!(!first, "the first call panics");
            answer
        }
    });
    let client = tower::Layer::layer(&layer, service);
    let leader = tokio::spawn(client.clone().oneshot(poll("1")));
    tokio::task::yield_now().await;
    let follower = tokio::spawn(client.clone().oneshot(poll("1")));
    assert!(leader.await.unwrap_err().is_panic());
    assert!(follower.await.unwrap().is_ok());
}
