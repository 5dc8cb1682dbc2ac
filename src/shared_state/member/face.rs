use std::{fmt, sync::Arc};

use tokio::time::Instant;

use crate::{extensions::RequestContext, shared_state::WindowSpan};

/// A layer whose limits are shared: what a [`SharedState`](super::SharedState)
/// asks it, and tells it.
///
/// The layer's own windows go on as they are, only with a limit that changes:
/// the tokens that this process holds. A layer that has joined starts each
/// scope with a limit of 0, and [calls](super::Membership::call) when somebody
/// waits there.
///
/// All methods but [`foresee`](Self::foresee) are called from one task; all must be
/// quick.
pub trait Sharer: fmt::Debug + Send + Sync + 'static {
    /// Adds what is used and wanted now in these scopes to `demands`.
    ///
    /// A scope that is named must come, even if nothing is used there. With
    /// [`Which::Changed`], the ones that were used since the last time.
    fn demand(&self, which: Which<'_>, now: Instant, demands: &mut Vec<ScopeDemand>);

    /// Sets limits, and closes what others found closed. What was sent stays
    /// counted, even beyond a limit that is lower now. Scopes of other layers
    /// are among them too.
    fn apply(&self, shares: &[ScopeShare], now: Instant);

    /// A request with this context waits for another layer to hear from the store.
    /// Where it would come here next, its scopes may tell that it is
    /// [coming](ScopeDemand::coming) for some seconds, so that the store is asked about
    /// all at once. The default is to wait until it is here.
    fn foresee(&self, context: Option<&RequestContext>, now: Instant) {
        let _ = (context, now);
    }
}

/// Which scopes a [`Sharer`] should tell of.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Which<'a> {
    /// Those with something new since the last time.
    Changed,
    /// These.
    Named(&'a [Arc<str>]),
}

/// What is used and wanted in one scope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeDemand {
    /// The same in every process.
    pub name: Arc<str>,
    /// Requests that wait.
    pub queued: u32,
    /// Requests that wait for another layer, and come here next.
    pub coming: u32,
    /// Whether every request of this process passes it. As long as some wait
    /// there, none is held up by a permit that comes later than it might.
    pub common: bool,
    /// Its windows.
    pub windows: Vec<WindowDemand>,
    /// Requests that were sent since the last time.
    pub sent: u32,
    /// Requests that were refused since the last time.
    pub refused: u32,
    /// Closed until then, by a refusal since the last time.
    pub hold: Option<Instant>,
    /// Of that, what the server said itself. The rest follows from refusals in a row,
    /// and nobody is told of it by one who has lost the store: others may have been
    /// the reason.
    pub stated: Option<Instant>,
}

/// What is used in one window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WindowDemand {
    /// Which one it is.
    pub span: WindowSpan,
    /// The configured limit of all processes together.
    pub limit: u32,
    /// Requests under way, which hold their tokens for no one knows how long.
    pub in_flight: u32,
    /// How many used tokens are free when, soonest first.
    pub busy: Vec<(Instant, u32)>,
    /// The part of the limit, in millionths, that was learned since the last
    /// time, or of which the store no longer knows.
    pub learned: Option<u32>,
}

/// What a layer may do in one scope from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeShare {
    /// Which one it is.
    pub name: Arc<str>,
    /// The limit of each window, for this process alone. Empty: nothing of it is
    /// held or wanted any more, so all are 0, and it may be forgotten until
    /// somebody waits there again.
    pub limits: Vec<(WindowSpan, u32)>,
    /// Until then the limits hold, and from then on they are 0, until there are
    /// others. A process that was stopped, and goes on, must not send by what
    /// is another's by now.
    pub valid_until: Instant,
    /// It goes on without the store, and the lease is over: others may send what is not
    /// known here. What it then learns, or concludes from refusals, counts until that is
    /// over.
    pub alone: bool,
    /// Closed until then.
    pub hold: Option<Instant>,
    /// The part of the configured limit, in millionths, of each window of which
    /// it is known. Whoever knows another should tell it anew.
    pub learned: Vec<(WindowSpan, u32)>,
}

// ===== impl ScopeDemand =====

impl ScopeDemand {
    /// A scope in which so many wait.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, queued: u32) -> Self {
        Self {
            name: name.into(),
            queued,
            coming: 0,
            common: false,
            windows: Vec::new(),
            sent: 0,
            refused: 0,
            hold: None,
            stated: None,
        }
    }

    /// Adds a window.
    #[must_use]
    pub fn with_window(mut self, window: WindowDemand) -> Self {
        self.windows.push(window);
        self
    }
}

// ===== impl WindowDemand =====

impl WindowDemand {
    /// A window in which nothing is used.
    #[must_use]
    pub fn new(span: WindowSpan, limit: u32) -> Self {
        Self {
            span,
            limit,
            in_flight: 0,
            busy: Vec::new(),
            learned: None,
        }
    }

    /// The tokens in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        let busy = self.busy.iter().map(|(_, count)| *count);
        busy.fold(self.in_flight, u32::saturating_add)
    }
}
