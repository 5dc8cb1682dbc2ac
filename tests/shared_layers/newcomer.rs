//! A process begins while the store is away and the others use all that there is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use tower_tiktok::{
    classify::ErrorClass,
    request_pacing::ScopeUse,
    shared_state::Fault,
    simulator::{Latency, WindowKind},
};

use crate::fleet::{Fleet, ms, secs, server, write};

/// Each second is full when it comes, and again when it comes again: so it takes the
/// limit for one a second, or for closed. Whoever believed that would send one a
/// second, for minutes.
#[tokio::test(start_paused = true)]
async fn what_a_newcomer_met_without_a_store_is_forgotten_with_its_return() {
    let (mut met, mut longest, mut least) = (0, Duration::ZERO, u32::MAX);
    for phase in 0..20 {
        let server = server(40, 2_400).latency(Latency::fixed(ms(20)));
        let mut fleet = Fleet::at(server.window(WindowKind::Sliding), 40, 2).processes(4);
        let done: Vec<_> = (0..4)
            .map(|process| fleet.keep_on(process, 16, |number| number % 50))
            .collect();
        sleep(secs(6) + ms(50 * phase)).await;
        fleet.store.set_fault(Some(Fault::Stall));
        fleet.start_process();
        let newcomer = &fleet.processes[4];
        // It goes again and again, or waits for its backoff.
        tokio::spawn(newcomer.client.clone().oneshot(write(4, 1_000, 0)));
        sleep(secs(20)).await;
        let learned = |it: &ScopeUse| it.windows.iter().any(|window| window.learned);
        met += u32::from(newcomer.handle.snapshot().scopes().iter().any(learned));
        // Nor is it kept for another time.
        assert_eq!(newcomer.handle.learned(), [], "{phase}");

        fleet.store.set_fault(None);
        let back = Instant::now();
        let another = newcomer.client.clone().oneshot(write(4, 1_000, 1));
        assert_eq!(another.await.unwrap(), ErrorClass::Success);
        // The store is heard within a second or so, and gives a part within a lease.
        assert!(back.elapsed() <= secs(5), "{phase}: {:?}", back.elapsed());
        longest = longest.max(back.elapsed());
        let before = sum(&done);
        sleep(secs(10)).await;
        let rate = (sum(&done) - before) / 10;
        least = least.min(rate);
        assert!(rate >= 34, "{phase}: {rate}");
        for process in &fleet.processes {
            assert_eq!(process.handle.learned(), [], "{phase}");
        }
    }
    println!("{met} of 20 met it; after {longest:?} all had a part, at {least} a second");
    // Or nothing was there to be forgotten.
    assert!(met >= 10, "{met}");
}

fn sum(done: &[Arc<AtomicU32>]) -> u32 {
    done.iter().map(|done| done.load(Relaxed)).sum()
}
