use std::{
    error::Error,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpListener;
use tower_service::Service;

use super::{
    backend::Backend,
    body::{SimBody, SimulatorError},
    build::InvalidSimulator,
    builder::SimulatorBuilder,
    clock::micros,
    future::ResponseFuture,
    latency::Latency,
    ledger::Ledger,
    level::Level,
    script::Script,
    server::Server,
};

/// A TikTok that enforces its limits. See the [module docs](super).
#[derive(Clone)]
pub struct Simulator {
    backend: Arc<Mutex<Backend>>,
}

impl std::fmt::Debug for Simulator {
    // Not the state: there are tokens in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").finish_non_exhaustive()
    }
}

impl Simulator {
    /// A simulator to be configured.
    #[must_use]
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    pub(super) fn new(backend: Backend) -> Self {
        Self {
            backend: Arc::new(Mutex::new(backend)),
        }
    }

    /// What has happened up to now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let backend = self.lock();
        Ledger {
            made: backend.world.tasks.made(),
            ..backend.recorder.snapshot(&backend.world.advertisers)
        }
    }

    /// Forces a fault on requests to come.
    pub fn script(&self, script: Script) {
        self.lock().scripts.0.push(script);
    }

    /// Raises or lowers the app's level. What was counted stays counted.
    ///
    /// A limit of nought refuses everything.
    pub fn set_level(&self, level: Level) {
        let mut backend = self.lock();
        backend.settings.sandbox = level == Level::Sandbox;
        backend.limiter.set_level(level);
    }

    /// Changes how long answers take, for requests that are sent from now on.
    ///
    /// # Errors
    ///
    /// A share or the spread is out of its range; nothing is changed.
    pub fn set_latency(&self, latency: Latency) -> Result<(), InvalidSimulator> {
        if !latency.is_sound() {
            return Err(InvalidSimulator::Latency);
        }
        self.lock().settings.latency = latency;
        Ok(())
    }

    /// Makes an access token good, for so long or for ever.
    pub fn issue_token(&self, token: &str, lifetime: Option<Duration>) {
        let mut backend = self.lock();
        let now = backend.clock.now();
        let until = lifetime.map(|time| now.saturating_add(micros(time)));
        backend.world.tokens.issue(token, until);
    }

    /// Makes an access token bad: from now on it gets 40105.
    pub fn revoke_token(&self, token: &str) {
        self.lock().world.tokens.revoke(token);
    }

    /// Serves on a socket, HTTP/1.1 and HTTP/2 with prior knowledge, until the
    /// [`Server`] is shut down or dropped.
    ///
    /// # Errors
    ///
    /// The socket has no address.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        Server::spawn(self.clone(), listener)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Service<Request<B>> for Simulator
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<SimBody>;
    type Error = SimulatorError;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SimulatorError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<B> {
        let (parts, body) = request.into_parts();
        ResponseFuture::new(self.clone(), parts, body)
    }
}
