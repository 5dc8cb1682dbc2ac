use tokio::time::sleep;
use tower_tiktok::shared_state::StoreStatus;

use crate::fleet::{Fleet, secs};

async fn share(round_trip: u64, requests: &[usize]) {
    let mut fleet = Fleet::new(10, round_trip).processes(requests.len());
    for (process, requests) in requests.iter().enumerate() {
        fleet.work(process, 16, *requests);
    }
    let outcome = fleet.finish().await;
    println!("{requests:?} at {round_trip} ms: {outcome:?}");
    assert_eq!(outcome.done, requests.iter().sum::<usize>());
    assert_eq!(outcome.suspensions, 0);
    assert!(outcome.refused <= 0.005, "{outcome:?}");
    // NOTE: one run; the goodput benchmark holds the median to 1.05.
    assert!(outcome.ratio <= 1.08, "{outcome:?}");
    assert!(outcome.exchanges <= 0.2, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn four_processes_are_as_quick_as_one_and_overrun_nothing() {
    for round_trip in [1, 5, 50] {
        share(round_trip, &[750; 4]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn unequal_processes_end_together() {
    for round_trip in [1, 5, 50] {
        share(round_trip, &[1_500, 750, 500, 250]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_changes_for_one_that_does_not_share() {
    let mut fleet = Fleet::new(10, 5);
    let alone = fleet.process(None);
    fleet.processes.push(alone);
    fleet.work(0, 16, 300);
    let outcome = fleet.finish().await;
    assert_eq!((outcome.done, outcome.exchanges), (300, 0.0));
    assert!(fleet.processes[0].handle.shared().is_none());
    assert!(outcome.ratio < 1.05, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_shares_with_nobody_has_all_of_it() {
    let mut fleet = Fleet::new(10, 5).processes(1);
    fleet.work(0, 16, 300);
    let outcome = fleet.finish().await;
    assert!(outcome.ratio < 1.06 && outcome.refusals <= 2, "{outcome:?}");
    let shared = fleet.processes[0].handle.shared().unwrap();
    assert_eq!((shared.store, shared.instances), (StoreStatus::Up, 1));
}

/// What part of the limit all use in the 30 seconds after one more has come, who
/// finds so many others that have been at work for so long.
async fn while_one_joins(others: usize, after: u64, round_trip: u64) -> f64 {
    let mut fleet = Fleet::new(10, round_trip).processes(others);
    (0..others).for_each(|process| fleet.work(process, 16, 1_000));
    sleep(secs(after)).await;
    let before = fleet.outcome();
    fleet.start_process();
    fleet.work(others, 16, 1_000);
    sleep(secs(30)).await;
    let outcome = fleet.outcome();
    let part = (outcome.done - before.done) as f64 / 300.0;
    let refusals = outcome.refusals - before.refusals;
    println!("{others} and one after {after} s, {round_trip} ms: {part:.3}, {refusals} refused");
    assert!(refusals <= 3, "{refusals}");
    part
}

/// It gets of the minute what the others have not used yet, and must not hold
/// more of it than it can send.
#[tokio::test(start_paused = true)]
async fn one_that_joins_slows_nobody_down() {
    for others in [1, 2, 3] {
        for after in [15, 30, 45] {
            for round_trip in [1, 5, 50] {
                let part = while_one_joins(others, after, round_trip).await;
                assert!(part >= 0.9, "{part} with {others} after {after} s");
            }
        }
    }
}
