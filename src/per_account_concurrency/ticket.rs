use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    Release,
    limits::Kind,
    permits::Permits,
    shard::{At, Place},
};
#[cfg(feature = "shared-state")]
use crate::extensions::RequestContext;
use crate::queueing::Queueing;

/// One request's way to its permit: in the queue, then with the permit.
///
/// Dropping it gives up what it has: its place, or its permit, which goes to
/// the next in the queue.
pub(super) struct Ticket {
    permits: Arc<Permits>,
    kind: Kind,
    release: Release,
    state: State,
}

#[derive(Debug)]
enum State {
    Queued(At, crate::slab::At, Queueing),
    Held(At),
}

impl Ticket {
    #[inline]
    pub(super) fn new(permits: Arc<Permits>, place: Place, kind: Kind, release: Release) -> Self {
        Self {
            permits,
            kind,
            release,
            state: match place {
                Place::Held { at } => State::Held(at),
                Place::Queued { at, slot } => State::Queued(at, slot, Queueing::begin()),
            },
        }
    }

    /// Whether it is held to the end of the body.
    #[inline]
    pub(super) fn is_for_body(&self) -> bool {
        self.release == Release::OnBodyEnd
    }

    #[inline]
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    /// Asks the store, if it waits for more than this process has.
    #[cfg(feature = "shared-state")]
    #[cold]
    pub(super) fn call(&self, context: Option<&RequestContext>) {
        if let State::Queued(at, ..) = self.state {
            self.permits.call_for(at, self.kind, context);
        }
    }

    /// Ready once it has the permit.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Queued(at, slot, queueing) = self.state {
            ready!(self.permits.poll(at, slot, cx));
            queueing.end("permit");
            self.state = State::Held(at);
        }
        Poll::Ready(())
    }
}

impl Drop for Ticket {
    #[inline]
    fn drop(&mut self) {
        match self.state {
            State::Held(at) => self.permits.release(at, self.kind),
            State::Queued(at, slot, _) => self.permits.leave(at, self.kind, slot),
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("kind", &self.kind)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
