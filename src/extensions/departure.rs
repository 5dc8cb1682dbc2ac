use std::sync::{Arc, OnceLock};

#[cfg(feature = "request-pacing")]
use http::Extensions;
#[cfg(feature = "jittered-backoff")]
use http::Request;
use tokio::time::Instant;

#[cfg(feature = "jittered-backoff")]
use super::{Operation, RequestContext};

/// When an attempt left the queue that it waited in.
///
/// A server remembers a write from when it came, not from when somebody wanted
/// it; so backoff leaves this in each attempt of a write that is remembered,
/// and a layer that keeps requests back notes when it let the first copy go.
#[derive(Clone, Debug)]
pub(crate) struct Departure(Arc<OnceLock<Instant>>);

impl Departure {
    /// Whether the request with this context asks for one.
    #[cfg(feature = "jittered-backoff")]
    #[inline]
    pub(crate) fn is_wanted(context: Option<&RequestContext>) -> bool {
        let operation = context.map(RequestContext::operation);
        matches!(operation, Some(Operation::IdempotentWrite { .. }))
    }

    /// Leaves one in a request.
    #[cfg(feature = "jittered-backoff")]
    pub(crate) fn leave_in<B>(request: &mut Request<B>) -> Self {
        let departure = Self(Arc::new(OnceLock::new()));
        request.extensions_mut().insert(departure.clone());
        departure
    }

    /// That of a request, whoever asked for it first.
    #[cfg(feature = "token-refresh")]
    pub(crate) fn of<B>(request: &mut http::Request<B>) -> Self {
        let new = || Self(Arc::new(OnceLock::new()));
        request.extensions_mut().get_or_insert_with(new).clone()
    }

    /// The request goes now. Should a layer between have made copies of it,
    /// the first one counts.
    #[cfg(feature = "request-pacing")]
    pub(crate) fn note(extensions: &Extensions) {
        if let Some(Self(at)) = extensions.get() {
            at.get_or_init(Instant::now);
        }
    }

    /// When it went. `None`: nobody said.
    #[cfg(any(feature = "jittered-backoff", feature = "token-refresh"))]
    pub(crate) fn at(&self) -> Option<Instant> {
        self.0.get().copied()
    }
}
