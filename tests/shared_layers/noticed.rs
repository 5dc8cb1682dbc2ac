//! How soon it is noticed that the store is gone where requests wait for what others
//! have.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tower_tiktok::shared_state::{
    Exchange, ExchangeFuture, MemoryStore, Notice, SharedState, SharedStore, StoreStatus,
};

use crate::{
    fleet::{Fleet, ms, secs},
    permits,
};

/// A store whose connections may be lost, of which it tells, or not.
#[derive(Clone, Debug)]
struct Line {
    store: MemoryStore,
    tells: bool,
    way: Arc<watch::Sender<Way>>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// How often it was not heard for a moment.
    broken: u32,
    /// It is gone.
    lost: bool,
}

impl Line {
    fn to(store: &MemoryStore, tells: bool) -> Self {
        Self {
            store: store.clone(),
            tells,
            way: Arc::default(),
            asked: Arc::default(),
        }
    }

    fn breaks_off(&self) {
        self.way.send_modify(|way| way.broken += 1);
    }

    fn is_lost(&self) {
        self.way.send_modify(|way| way.lost = true);
    }
}

impl SharedStore for Line {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        self.asked.lock().unwrap().push(Instant::now());
        let way = self.way.subscribe();
        Box::pin(async move {
            if way.borrow().lost {
                std::future::pending::<()>().await;
            }
            self.store.exchange(exchange).await
        })
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        let (mut all, mut way) = (self.store.notices(), self.way.subscribe());
        let (says, hears) = mpsc::channel(256);
        let tells = self.tells;
        tokio::spawn(async move {
            says.send(Notice::Heard(true)).await.ok();
            while !way.borrow_and_update().lost {
                tokio::select! {
                    Some(notice) = all.recv() => drop(says.try_send(notice)),
                    _ = way.changed() => {
                        if tells {
                            says.send(Notice::Heard(false)).await.ok();
                        }
                        if !way.borrow().lost {
                            says.send(Notice::Heard(true)).await.ok();
                        }
                    }
                    () = says.closed() => return,
                }
            }
            says.closed().await;
        });
        hears
    }
}

/// Processes whose requests wait for what the others have.
struct Waiting {
    line: Line,
    states: Vec<SharedState>,
    _processes: Vec<permits::Process>,
    _fleet: Fleet,
}

#[derive(Clone, Copy, Debug)]
enum For {
    OnePermit,
    OnePermitBesideABacklog,
    TwoTokens,
}

impl Waiting {
    async fn at(what: For, tells: bool) -> Self {
        let (count, second) = match what {
            For::TwoTokens => (4, 2),
            _ => (3, 10),
        };
        Self::of(count, second, what, tells).await
    }

    async fn of(count: usize, second: u32, what: For, tells: bool) -> Self {
        let mut fleet = Fleet::new(second, 5).writes(1);
        let line = Line::to(&fleet.store, tells);
        let states: Vec<_> = (0..count)
            .map(|_| SharedState::from(line.clone()))
            .collect();
        let mut processes = Vec::new();
        for (process, state) in states.iter().enumerate() {
            // No two begin together, and so ask together.
            sleep(ms(37)).await;
            if let For::OnePermit = what {
                let mut process = permits::Fleet::new(1).process_of(state.clone());
                process.work(1, 2, ms(0));
                processes.push(process);
                continue;
            }
            fleet.processes.push(fleet.process(Some(state.clone())));
            fleet.keep_on(process, 8, move |number| 100 * process + number % 8);
            if let For::OnePermitBesideABacklog = what {
                fleet.keep_on(process, 2, |_| 1_000);
            }
        }
        sleep(secs(20)).await;
        Self {
            line,
            states,
            _processes: processes,
            _fleet: fleet,
        }
    }

    /// The longest until any notices it whose requests wait.
    async fn notices(&self) -> Duration {
        let start = Instant::now();
        self.line.is_lost();
        let waits = |state: &&SharedState| {
            let scopes = state.snapshot().scopes;
            let mut windows = scopes.iter().flat_map(|scope| &scope.windows);
            windows.any(|window| window.want > 0 && window.held == 0)
        };
        let is_down = |state: &&SharedState| {
            let store = state.snapshot().store;
            matches!(store, StoreStatus::Down { .. })
        };
        let waiting: Vec<_> = self.states.iter().filter(waits).collect();
        while !waiting.iter().all(is_down) {
            sleep(ms(1)).await;
        }
        start.elapsed()
    }
}

/// One that waits for others asks seldom, and has a share without a store.
#[tokio::test(start_paused = true)]
async fn who_waits_for_others_notices_soon_that_the_store_is_gone() {
    // The longest after which a member asks, an answer on its way when it is lost, the
    // deadline, and how often the test looks.
    let told = ms(250) + ms(5) + ms(50) + ms(1);
    for what in [For::OnePermit, For::OnePermitBesideABacklog, For::TwoTokens] {
        // Where it is not told, with its next exchange.
        for (tells, most) in [(true, told), (false, secs(3) + ms(51))] {
            let mut longest = Duration::ZERO;
            for phase in 0..12 {
                let waiting = Waiting::at(what, tells).await;
                sleep(ms(270 * phase)).await;
                longest = longest.max(waiting.notices().await);
            }
            println!("{what:?}, {tells}: {longest:?}");
            assert!(longest <= most, "{what:?}, {tells}: {longest:?}");
        }
    }
}

/// It may be the store that all have lost, and the one that comes back is new.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_hears_its_store_no_more_does_not_ask_as_one() {
    let waiting = Waiting::of(100, 200, For::TwoTokens, true).await;
    for _ in 0..10 {
        sleep(secs(5)).await;
        waiting.line.asked.lock().unwrap().clear();
        let start = Instant::now();
        waiting.line.breaks_off();
        sleep(ms(300)).await;
        let mut each = BTreeMap::<_, u32>::new();
        for at in &*waiting.line.asked.lock().unwrap() {
            *each.entry((*at - start).as_millis()).or_default() += 1;
        }
        let (all, most) = (each.values().sum::<u32>(), each.values().max());
        println!("{all} exchanges, {most:?} within a millisecond");
        // With a few that were due anyway.
        assert!(all >= 90 && most <= Some(&15), "{each:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn notices_that_break_off_again_and_again_cost_few_exchanges() {
    for what in [For::OnePermit, For::OnePermitBesideABacklog, For::TwoTokens] {
        let mut exchanges = Vec::new();
        let mut processes = 0;
        for breaks in [false, true] {
            let waiting = Waiting::at(what, true).await;
            processes = waiting.states.len();
            let asked = || waiting.line.asked.lock().unwrap().len();
            let before = asked();
            for _ in 0..200 {
                sleep(ms(300)).await;
                if breaks {
                    waiting.line.breaks_off();
                }
            }
            exchanges.push(asked() - before);
        }
        println!("{what:?}: {exchanges:?}");
        // In a minute, each about as often as a lease is renewed, 18 times, and not
        // 200: two runs differ by some without that.
        let most = exchanges[0] + 24 * processes;
        assert!(exchanges[1] <= most, "{what:?}: {exchanges:?}");
    }
}
