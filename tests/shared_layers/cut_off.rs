//! One process is cut off from the store, and the others are not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};
use tower_tiktok::{
    shared_state::{
        Exchange, ExchangeFuture, Fault, MemoryStore, Notice, SharedState, SharedStore, StoreStatus,
    },
    simulator::{SimulatorBuilder, WindowKind},
};

use crate::fleet::{Fleet, secs, server};

/// A store with a way there that can be cut.
#[derive(Clone, Debug)]
pub(crate) struct Cable {
    pub(crate) store: MemoryStore,
    pub(crate) cut: Arc<AtomicBool>,
}

impl SharedStore for Cable {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        match self.cut.load(Relaxed) {
            true => Box::pin(std::future::pending()),
            false => self.store.exchange(exchange),
        }
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        let mut all = self.store.notices();
        let (says, hears) = mpsc::channel(256);
        let cut = self.cut.clone();
        tokio::spawn(async move {
            while let Some(notice) = all.recv().await {
                if !cut.load(Relaxed) && says.send(notice).await.is_err() {
                    return;
                }
            }
        });
        hears
    }
}

/// Four at work, of which so many lose the store for three minutes. What part of the
/// limit is used meanwhile, and how many are refused.
async fn cut_off(count: usize, server: SimulatorBuilder, limit: u32) -> (f64, u64) {
    let mut fleet = Fleet::at(server, limit, 5);
    let cut = Arc::new(AtomicBool::new(false));
    for process in 0..4 {
        let (store, whole) = (fleet.store.clone(), Arc::default());
        let cut = if process < count { cut.clone() } else { whole };
        let state = SharedState::from(Cable { store, cut });
        let process = fleet.process(Some(state));
        fleet.processes.push(process);
    }
    // Each of them is carried out, or the test fails.
    let done: Vec<_> = (0..4)
        .map(|process| fleet.keep_on(process, 16, |number| number % 50))
        .collect();
    sleep(secs(60)).await;
    let before = fleet.simulator.ledger().total;
    cut.store(true, Relaxed);
    sleep(secs(180)).await;
    let after = fleet.simulator.ledger().total;
    cut.store(false, Relaxed);
    sleep(secs(2)).await;
    for process in &fleet.processes {
        assert_eq!(process.handle.shared().unwrap().store, StoreStatus::Up);
        let snapshot = process.handle.snapshot();
        let held = snapshot.scopes().iter().find_map(|it| it.held_for);
        assert!(held.is_none_or(|held| held <= secs(5)), "{held:?}");
    }
    let earlier: Vec<u32> = done.iter().map(|done| done.load(Relaxed)).collect();
    sleep(secs(30)).await;
    for (done, earlier) in done.iter().zip(earlier) {
        let done = done.load(Relaxed) - earlier;
        assert!(12 * done >= 30 * limit, "{done}");
    }
    assert_eq!(fleet.simulator.ledger().suspensions.len(), 0);
    let used = (after.admitted - before.admitted) as f64 / 180.0 / f64::from(limit);
    let refused = after.refused.total() - before.refused.total();
    println!("{count} of {limit}: {used:.3} used, {refused} refused");
    (used, refused)
}

/// One that went on by its part would have 329 to 673 refused, of theirs or its own, and
/// at times take that for a suspension. How soon it notices is a matter of whom the
/// server happens to refuse: some 205, with a deviation of 80. So what counts is the mean
/// of 32.
#[tokio::test(start_paused = true)]
async fn one_that_is_cut_off_leaves_the_limit_to_the_others() {
    let mut all = 0;
    for window in [FIXED, WindowKind::Sliding] {
        for seed in 0..16 {
            let server = server(50, 3_000).window(window).seed(seed);
            let (used, refused) = cut_off(1, server, 50).await;
            assert!(used >= 0.8, "{used}");
            all += refused;
        }
    }
    println!("in the mean {}", all / 32);
    assert!(all / 32 <= 250, "{}", all / 32);
}

/// Of a limit that is known to be lower some are refused anyway.
#[tokio::test(start_paused = true)]
async fn where_all_are_cut_off_each_goes_on_by_its_part() {
    let (used, refused) = cut_off(4, server(50, 3_000), 50).await;
    assert!(used >= 0.9 && refused <= 10, "{used}, {refused}");
    let (used, refused) = cut_off(4, server(20, 100_000), 40).await;
    assert!(used >= 0.4, "{used}, {refused}");
}

/// All lose the store, and are busy only then.
#[tokio::test(start_paused = true)]
async fn where_less_is_real_than_is_known_each_goes_on_by_its_part() {
    let (real, limit) = (70, 100);
    let mut fleet = Fleet::at(server(real, 100_000), limit, 5).processes(4);
    for process in 0..4 {
        fleet.keep_on(process, 1, |number| number % 50);
    }
    sleep(secs(90)).await;
    fleet.store.set_fault(Some(Fault::Stall));
    for process in 0..4 {
        fleet.keep_on(process, 32, |number| number % 50);
    }
    let before = fleet.simulator.ledger().total;
    sleep(secs(300)).await;
    let after = fleet.simulator.ledger().total;
    let used = (after.admitted - before.admitted) as f64 / 300.0 / real as f64;
    let refused = after.refused.total() - before.refused.total();
    println!("{real} of {limit}: {used:.3} used, {refused} refused");
    assert!(used >= 0.8, "{used}");
}

const FIXED: WindowKind = WindowKind::Fixed {
    phase: Duration::ZERO,
};
