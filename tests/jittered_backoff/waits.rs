//! How long it waits.

use tokio::time::Instant;
use tower_tiktok::{
    classify::{Classification, ErrorClass as Class, Throttle, ThrottleScope, ThrottleWindow},
    extensions::Operation,
    jittered_backoff::Jitter,
};

use crate::support::{Server, Step, layer, ok, refused, request, secs, send};

fn limited() -> Classification {
    Classification::new(Class::RateLimited).with_refused(true)
}

fn throttled(waits: [u64; 2]) -> Step {
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown);
    Step::Answer(limited().with_throttle(throttle.with_waits(waits.map(secs))))
}

#[tokio::test(start_paused = true)]
async fn the_servers_wait_is_a_floor_with_jitter_above() {
    let server = Server::new([Step::Wait(limited(), secs(20)), ok()]);
    send(layer(), &server, request(Operation::Write))
        .await
        .unwrap();
    let wait = server.waits()[0];
    assert!((secs(20)..=secs(30)).contains(&wait), "{wait:?}");

    let server = Server::new([Step::Wait(limited(), secs(300)), ok()]);
    send(layer(), &server, request(Operation::Write))
        .await
        .unwrap();
    let wait = server.waits()[0];
    assert!((secs(300)..=secs(330)).contains(&wait), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_waits_the_longer_one_counts() {
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Minute).with_waits([secs(60)]);
    let step = Step::Wait(limited().with_throttle(throttle), secs(2));
    let server = Server::new([step, ok()]);
    send(layer(), &server, request(Operation::Write))
        .await
        .unwrap();
    assert!(server.waits()[0] >= secs(60));
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_row_wait_as_the_throttle_says() {
    let step = throttled([1, 300]);
    let script = [
        step.clone(),
        step.clone(),
        refused(Class::NotReady),
        step,
        ok(),
    ];
    let server = Server::new(script);
    let builder = layer().base(secs(1) / 1000).cap(secs(1) / 1000);
    send(builder, &server, request(Operation::Read))
        .await
        .unwrap();

    let waits = server.waits();
    assert!(waits[0] >= secs(1) && waits[0] < secs(2), "{waits:?}");
    assert!(waits[1] >= secs(300), "{waits:?}");
    assert!(waits[2] < secs(1), "{waits:?}");
    // The row was broken, so it begins anew.
    assert!(waits[3] >= secs(1) && waits[3] < secs(2), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_beats_a_guess() {
    // Of a limit without a name the waits are guessed: half a day after five.
    let throttle = Throttle::new(ThrottleScope::App, ThrottleWindow::Unknown);
    let guess = throttle.with_waits([1, 5, 300, 300, 43_200].map(secs));
    let step = Step::Wait(limited().with_throttle(guess), secs(1));
    let server = Server::new([vec![step; 8], vec![ok()]].concat());
    let builder = layer().max_attempts(9).base(secs(1)).cap(secs(4));
    send(builder, &server, request(Operation::Write))
        .await
        .unwrap();
    let waits = server.waits();
    assert_eq!(waits.len(), 8);
    for wait in waits {
        assert!((secs(1)..=secs(5)).contains(&wait), "{wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_is_left_to_the_backoff() {
    let server = Server::new([Step::Wait(limited(), secs(0)), ok()]);
    let builder = layer().jitter(Jitter::Equal);
    send(builder, &server, request(Operation::Write))
        .await
        .unwrap();
    assert!(server.waits()[0] >= secs(1) / 2);
}

#[tokio::test(start_paused = true)]
async fn the_backoff_doubles_up_to_its_cap() {
    let server = Server::new([refused(Class::RateLimited)]);
    let builder = layer().jitter(Jitter::Equal).cap(secs(4)).max_attempts(6);
    send(builder, &server, request(Operation::Write))
        .await
        .unwrap();
    let waits = server.waits();
    assert_eq!(waits.len(), 5);
    for (wait, step) in waits.into_iter().zip([1, 2, 4, 4, 4]) {
        // The timer ticks in milliseconds.
        let range = secs(step) / 2..=secs(step) + secs(1) / 1000;
        assert!(range.contains(&wait), "{wait:?} of {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_requests_wait_differently_and_one_seed_repeats_both() {
    let run = |seed| async move {
        let service = layer().seed(seed).build().unwrap();
        let mut waits = Vec::new();
        for _ in 0..2 {
            let server = Server::new([refused(Class::RateLimited)]);
            let service = tower_layer::Layer::layer(&service, server.clone());
            tower::ServiceExt::oneshot(service, request(Operation::Write))
                .await
                .unwrap();
            waits.push(server.waits());
        }
        waits
    };
    let first = run(1).await;
    assert_ne!(first[0], first[1]);
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_success_does_not_wait() {
    let server = Server::new([ok()]);
    let start = Instant::now();
    send(layer(), &server, request(Operation::Write))
        .await
        .unwrap();
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(server.attempts(), 1);
}
