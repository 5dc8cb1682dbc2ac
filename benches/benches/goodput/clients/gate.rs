use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt, retry::RetryLayer, util::BoxCloneSyncService,
};

use super::retry::Again;
use crate::server::{Call, Sender, Server, Verdict};

/// A limiter that is asked before every attempt, and told what came of it.
pub(super) trait Gate: Send + Sync + 'static {
    /// What an attempt holds while it is under way.
    type Pass: Send;

    fn enter(&self) -> impl Future<Output = Self::Pass> + Send;

    fn left(&self, pass: Self::Pass, verdict: Verdict, took: Duration) {
        let _ = (pass, verdict, took);
    }
}

/// Waits at the gate with every attempt, the first and all resends.
pub(super) fn gated<G: Gate>(server: Server, gate: G, again: Again) -> Sender {
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(again))
        .service(Gated {
            gate: Arc::new(gate),
            inner: server.judged(),
        });
    BoxCloneSyncService::new(service)
}

struct Gated<G> {
    gate: Arc<G>,
    inner: Sender,
}

impl<G> Clone for Gated<G> {
    fn clone(&self) -> Self {
        Self {
            gate: self.gate.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<G: Gate> Service<Call> for Gated<G> {
    type Response = Verdict;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Verdict, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        Box::pin(async move {
            let pass = gate.enter().await;
            let sent = Instant::now();
            let verdict = inner.oneshot(call).await?;
            gate.left(pass, verdict, sent.elapsed());
            Ok(verdict)
        })
    }
}
