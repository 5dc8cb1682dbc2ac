use std::{
    fmt,
    future::{Future, Pending},
};

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;

use crate::{classify::Classification, error::BoxError, extensions::RequestContext};

/// Finds out whether a write was carried out of which nobody knows it. See
/// the [module docs](super).
///
/// `S` is the service that the write was sent with, and `B` the body of its
/// requests. A closure of one argument will do for who asks elsewhere:
///
/// ```
/// use tower_tiktok::{
///     error::BoxError,
///     reconcile::{Doubt, Finding, ReconcileLayer},
/// };
///
/// let layer = ReconcileLayer::new(|doubt: Doubt| async move {
///     // Look it up in a database, say.
///     let _ = doubt.request().body();
///     Ok::<_, BoxError>(Finding::CannotTell)
/// });
/// # let _ = layer;
/// ```
pub trait Reconcile<S, B> {
    /// Finds it out.
    type Future: Future<Output = Result<Finding, BoxError>>;

    /// Whether writes with this context can be asked about. Of all others no
    /// copy is kept. The default is all of them.
    fn covers(&self, context: Option<&RequestContext>) -> bool {
        let _ = context;
        true
    }

    /// Whether an answer with this meaning leaves open if the write was
    /// carried out, such as one that says it came twice. It is then asked
    /// about, and never sent again. The default is `false`.
    fn doubts(&self, found: &Classification) -> bool {
        let _ = found;
        false
    }

    /// Asks. The service is a clone that is not ready; what is sent with it is
    /// sent like any other request. An error says that asking failed, and it is
    /// asked again.
    fn did_it_happen(&self, doubt: Doubt, service: S) -> Self::Future;
}

impl<S, B, F, A> Reconcile<S, B> for F
where
    F: Fn(Doubt) -> A,
    A: Future<Output = Result<Finding, BoxError>>,
{
    type Future = A;

    fn did_it_happen(&self, doubt: Doubt, _: S) -> A {
        self(doubt)
    }
}

/// Asks about nothing: a write in doubt stays so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReconcile;

impl<S, B> Reconcile<S, B> for NoReconcile {
    type Future = Pending<Result<Finding, BoxError>>;

    #[inline]
    fn covers(&self, _: Option<&RequestContext>) -> bool {
        false
    }

    fn did_it_happen(&self, _: Doubt, _: S) -> Self::Future {
        std::future::pending()
    }
}

/// What is known of a write in doubt.
#[derive(Clone)]
pub struct Doubt {
    pub(super) request: Request<Bytes>,
    pub(super) since: Instant,
    pub(super) classification: Option<Classification>,
}

impl Doubt {
    /// The write as it was sent, with its extensions.
    #[must_use]
    pub fn request(&self) -> &Request<Bytes> {
        &self.request
    }

    /// When it was first handed in to be sent. It may have queued since.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// What the last answer meant, if there was one.
    #[must_use]
    pub fn classification(&self) -> Option<&Classification> {
        self.classification.as_ref()
    }
}

impl fmt::Debug for Doubt {
    // Not the request: there is a token in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doubt")
            .field("method", self.request.method())
            .field(
                "context",
                &self.request.extensions().get::<RequestContext>(),
            )
            .field("since", &self.since)
            .field("classification", &self.classification)
            .finish_non_exhaustive()
    }
}

/// What asking found out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding {
    /// The write was carried out. The caller gets this answer.
    Happened(Response<Bytes>),
    /// It was not carried out, and will not be any more.
    NotHappened,
    /// Nobody can tell. It ends as an unknown outcome.
    CannotTell,
}
