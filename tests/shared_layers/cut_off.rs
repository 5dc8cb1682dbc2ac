//! One process is cut off from the store, and the others are not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};
use tower::ServiceExt;
use tower_tiktok::{
    shared_state::{
        Exchange, ExchangeFuture, Fault, MemoryStore, Notice, SharedState, SharedStore, StoreStatus,
    },
    simulator::{Simulator, SimulatorBuilder, WindowKind},
};

use crate::fleet::{Fleet, ms, secs, server, write};

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

/// What a server saw for three minutes.
#[derive(Debug)]
struct Seen {
    /// What part of the limit.
    used: f64,
    refused: u64,
    /// In the five seconds with the most.
    at_once: u64,
}

/// Whether the refusals go on, or only tell, now and then, that others are there.
async fn three_minutes(simulator: &Simulator, limit: u32) -> Seen {
    let before = simulator.ledger().total;
    let (mut refused, mut at_once) = (before.refused.total(), 0);
    for _ in 0..36 {
        sleep(secs(5)).await;
        let now = simulator.ledger().total.refused.total();
        at_once = at_once.max(now - refused);
        refused = now;
    }
    let admitted = simulator.ledger().total.admitted - before.admitted;
    let seen = Seen {
        used: admitted as f64 / 180.0 / f64::from(limit),
        refused: refused - before.refused.total(),
        at_once,
    };
    println!("of {limit}: {seen:?}");
    seen
}

/// Four at work, of which so many lose the store for three minutes.
async fn cut_off(count: usize, server: SimulatorBuilder, limit: u32) -> Seen {
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
    cut.store(true, Relaxed);
    let seen = three_minutes(&fleet.simulator, limit).await;
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
    seen
}

/// How soon it is noticed is a matter of whom the server happens to refuse, so the mean
/// of 32 counts. The refusals of one second are never passed at once, but where three
/// go on: those send three quarters of the limit beside the whole.
async fn in_the_mean(count: usize, limit: u32) -> (f64, u64) {
    let (mut used, mut refused) = (0.0, 0);
    let at_once = u64::from(limit) * if count == 1 { 2 } else { 3 } / 2;
    for window in [FIXED, WindowKind::Sliding] {
        for seed in 0..16 {
            let server = server(limit.into(), u64::from(limit) * 60);
            let server = server.window(window).seed(seed);
            let seen = cut_off(count, server, limit).await;
            assert!(seen.used >= 0.8, "{seen:?}");
            assert!(seen.at_once <= at_once, "{seen:?}");
            used += seen.used;
            refused += seen.refused;
        }
    }
    println!("{count} of {limit}: {:.3}, {}", used / 32.0, refused / 32);
    (used / 32.0, refused / 32)
}

/// It goes on by its part, and the others find what it leaves: with what each had, a
/// fifth would be refused.
#[tokio::test(start_paused = true)]
async fn the_others_leave_one_that_is_cut_off_its_part() {
    let (used, refused) = in_the_mean(1, 50).await;
    assert!(used >= 0.92 && refused <= 75, "{used}, {refused}");
}

#[tokio::test(start_paused = true)]
async fn the_others_leave_one_that_is_cut_off_its_part_of_little() {
    let (used, refused) = in_the_mean(1, 10).await;
    assert!(used >= 0.9 && refused <= 35, "{used}, {refused}");
}

#[tokio::test(start_paused = true)]
async fn one_leaves_three_that_are_cut_off_their_parts() {
    let (used, refused) = in_the_mean(3, 50).await;
    assert!(used >= 0.92 && refused <= 90, "{used}, {refused}");
}

/// A script that nobody knows of sends a fifth of the limit, and paces nothing.
#[tokio::test(start_paused = true)]
async fn a_fleet_leaves_a_stranger_what_it_has() {
    let (mut used, mut refused) = (0.0, 0);
    for seed in 0..16 {
        let mut fleet = Fleet::at(server(50, 3_000).seed(seed), 50, 5).processes(4);
        for process in 0..4 {
            fleet.keep_on(process, 16, |number| number % 50);
        }
        sleep(secs(60)).await;
        let script = fleet.simulator.clone();
        let script = tokio::spawn(async move {
            for number in 0.. {
                tokio::spawn(script.clone().oneshot(write(4, number % 50, number)));
                sleep(ms(100)).await;
            }
        });
        let seen = three_minutes(&fleet.simulator, 50).await;
        script.abort();
        assert!(seen.at_once <= 50, "{seen:?}");
        used += seen.used / 16.0;
        refused += seen.refused;
    }
    println!("beside a stranger: {used:.3}, {}", refused / 16);
    assert!(used >= 0.92 && refused <= 16 * 130, "{used}, {refused}");
}

/// Of a limit that is known to be lower some are refused anyway.
#[tokio::test(start_paused = true)]
async fn where_all_are_cut_off_each_goes_on_by_its_part() {
    let seen = cut_off(4, server(50, 3_000), 50).await;
    assert!(seen.used >= 0.9 && seen.refused <= 10, "{seen:?}");
    let seen = cut_off(4, server(20, 100_000), 40).await;
    assert!(seen.used >= 0.4, "{seen:?}");
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
