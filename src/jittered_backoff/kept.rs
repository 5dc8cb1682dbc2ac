use std::{
    borrow::Cow,
    task::{Context, Poll, ready},
};

use http::{Method, Request};
use tokio::time::Instant;
use tower_service::Service;

use super::{head::Head, session::Session};
use crate::{
    body::{BodyLost, Replay},
    error::BoxError,
    extensions::{Departure, LeaveNotReady, Operation, RequestContext},
};

/// What is kept of a request while it is under way.
pub(super) enum Kept<S, B> {
    /// A copy of it, and the service to send it with.
    Copy { service: S, head: Head, body: B },
    /// It cannot be sent again, but its end can be told.
    Gone {
        method: Method,
        context: Option<RequestContext>,
    },
}

impl<S, B> Kept<S, B> {
    pub(super) fn gone(request: &Request<B>) -> Self {
        Self::Gone {
            method: request.method().clone(),
            context: request.extensions().get().cloned(),
        }
    }

    pub(super) fn method(&self) -> &Method {
        match self {
            Self::Copy { head, .. } => head.method(),
            Self::Gone { method, .. } => method,
        }
    }

    pub(super) fn context(&self) -> Option<&RequestContext> {
        match self {
            Self::Copy { head, .. } => head.extension(),
            Self::Gone { context, .. } => context.as_ref(),
        }
    }

    /// What it does: what its context says, or else what its method suggests.
    pub(super) fn operation(&self) -> Cow<'_, Operation> {
        match self.context() {
            Some(context) => Cow::Borrowed(context.operation()),
            None => Cow::Owned(Operation::from_method(self.method())),
        }
    }

    /// Whether a layer outside waits for what is not ready.
    pub(super) fn leaves_not_ready(&self) -> bool {
        match self {
            Self::Copy { head, .. } => head.extension::<LeaveNotReady>().is_some(),
            Self::Gone { .. } => false,
        }
    }

    /// Its deadline, as the caller set it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Copy { head, .. } => head.deadline(),
            Self::Gone { .. } => None,
        }
    }
}

impl<S, B: Replay> Kept<S, B> {
    pub(super) fn is_replayable(&self) -> bool {
        match self {
            Self::Copy { body, .. } => body.try_clone().is_some(),
            Self::Gone { .. } => false,
        }
    }

    /// Readies the service once more, and calls it with another copy.
    pub(super) fn poll_resend(
        &mut self,
        session: &mut Session,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Future, BoxError>>
    where
        S: Service<Request<B>>,
        S::Error: Into<BoxError>,
    {
        let Self::Copy {
            service,
            head,
            body,
        } = self
        else {
            return Poll::Ready(Err(BodyLost::new().into()));
        };
        ready!(service.poll_ready(cx)).map_err(Into::into)?;
        // The body may have outgrown its buffer since it was last asked.
        let body = body.try_clone().ok_or_else(BodyLost::new)?;
        let mut request = head.request(body);
        let operation = head.extension().map(RequestContext::operation);
        let departs = Departure::is_wanted(head.extension());
        let departure = departs.then(|| Departure::leave_in(&mut request));
        let attempt = session.resend(operation, head.extension(), departure, Instant::now());
        request.extensions_mut().insert(attempt);
        Poll::Ready(Ok(service.call(request)))
    }
}
