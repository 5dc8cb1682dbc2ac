use tower_tiktok::shared_state::StoreStatus;

use crate::fleet::Fleet;

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
