//! What is noted while a run goes on: by this side, beside the server's ledger.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::{task::JoinHandle, time::Instant};
use tower::Service;
use tower_tiktok::{classify::ErrorClass, request_pacing::RequestPacingHandle};

/// How often the queue is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Counts attempts, and how long they were on the wire.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Calls>,
    queue: Vec<Queued>,
}

/// Calls of one second, and what the limits said to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
}

/// The most that was in the queue at once in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) requests: usize,
    /// Scopes that a refusal kept closed.
    pub(crate) held: usize,
}

/// For how long all attempts of one request were on the wire, in microseconds.
/// It travels in the request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnTheWire(Arc<AtomicU64>);

impl OnTheWire {
    pub(crate) fn total(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            state: Mutex::default(),
        })
    }

    /// Looks at the queue until what it returns is dropped.
    pub(crate) fn watch(self: &Arc<Self>, pacing: RequestPacingHandle) -> Watch {
        let recorder = self.clone();
        Watch(tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                let seen = pacing.snapshot();
                let now = Queued {
                    requests: seen.queued(),
                    held: seen
                        .scopes()
                        .iter()
                        .filter(|scope| scope.held_for.is_some())
                        .count(),
                };
                let second = recorder.began.elapsed().as_secs() as usize;
                let queue = &mut recorder.lock().queue;
                let worst = at(queue, second);
                worst.requests = worst.requests.max(now.requests);
                worst.held = worst.held.max(now.held);
            }
        }))
    }

    /// Calls in each second, by when they were sent.
    pub(crate) fn calls(&self) -> Vec<Calls> {
        self.lock().calls.clone()
    }

    pub(crate) fn queue(&self) -> Vec<Queued> {
        self.lock().queue.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

/// The entry of a second, with empty ones before it where there were none.
fn at<T: Clone + Default>(entries: &mut Vec<T>, second: usize) -> &mut T {
    if entries.len() <= second {
        entries.resize(second + 1, T::default());
    }
    &mut entries[second]
}

/// Ends the looking when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The innermost layer: it sees each attempt, and no wait.
#[derive(Clone, Debug)]
pub(crate) struct Recorded<S> {
    inner: S,
    recorder: Arc<Recorder>,
}

impl<S> Recorded<S> {
    pub(crate) fn new(inner: S, recorder: Arc<Recorder>) -> Self {
        Self { inner, recorder }
    }
}

impl<S, B, R> Service<Request<B>> for Recorded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let trip = Trip {
            on_the_wire: request.extensions().get().cloned().unwrap_or_default(),
            recorder: self.recorder.clone(),
            sent: Instant::now(),
            refused: false,
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut trip = trip;
            let answer = answer.await;
            trip.refused = answer
                .as_ref()
                .is_ok_and(|answer| ErrorClass::of(answer) == ErrorClass::RateLimited);
            answer
        })
    }
}

/// An attempt that is under way until this is dropped.
#[derive(Debug)]
struct Trip {
    on_the_wire: OnTheWire,
    recorder: Arc<Recorder>,
    sent: Instant,
    refused: bool,
}

impl Drop for Trip {
    fn drop(&mut self) {
        let took = self.sent.elapsed().as_micros() as u64;
        self.on_the_wire.0.fetch_add(took, Ordering::Relaxed);
        let second = self.sent.duration_since(self.recorder.began).as_secs();
        let calls = &mut self.recorder.lock().calls;
        let calls = at(calls, second as usize);
        match self.refused {
            true => calls.refused += 1,
            false => calls.admitted += 1,
        }
    }
}
