//! So many requests are worked on at once, for all advertisers in turn.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::oneshot;

/// A pool of workers. Each takes a request of the advertiser that has got on
/// least, so that all get on alike, whoever was ready first.
#[derive(Debug)]
pub(crate) struct Workers {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Steps that are done for each advertiser.
    done: Vec<u64>,
    turn: u64,
    waiting: BTreeMap<(u64, u64), oneshot::Sender<()>>,
}

/// A worker that is busy until this is dropped.
#[derive(Debug)]
pub(crate) struct Worker<'a>(&'a Workers);

impl Workers {
    pub(crate) fn new(workers: usize, advertisers: usize) -> Self {
        Self {
            state: Mutex::new(State {
                free: workers,
                done: vec![0; advertisers],
                turn: 0,
                waiting: BTreeMap::new(),
            }),
        }
    }

    pub(crate) async fn take(&self, advertiser: usize) -> Worker<'_> {
        let turn = self.lock().ask(advertiser);
        if let Some(turn) = turn {
            turn.await.expect("whoever waits is called");
        }
        Worker(self)
    }

    /// One more step of an advertiser is done.
    pub(crate) fn done(&self, advertiser: usize) {
        self.lock().done[advertiser] += 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

impl State {
    /// What to wait for, if nobody is free.
    fn ask(&mut self, advertiser: usize) -> Option<oneshot::Receiver<()>> {
        if self.free > 0 {
            self.free -= 1;
            return None;
        }
        self.turn += 1;
        let (call, called) = oneshot::channel();
        let place = (self.done[advertiser], self.turn);
        self.waiting.insert(place, call);
        Some(called)
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        while let Some((_, next)) = state.waiting.pop_first() {
            if next.send(()).is_ok() {
                return;
            }
        }
        state.free += 1;
    }
}
