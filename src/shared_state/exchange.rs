use std::{sync::Arc, time::Duration};

/// What a process says to the store, about all its scopes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Who speaks: a random number, drawn once for each [`SharedState`](super::SharedState).
    pub member: u64,
    /// Counts the exchanges of this member. The store refuses one about a scope of
    /// which it has heard that one or a newer, see
    /// [`StoreError::stale`](super::StoreError::stale). Several may be under way, no two
    /// about the same scope, and they may overtake each other.
    pub number: u64,
    /// For how long the member may use what it holds, without another exchange.
    pub lease: Duration,
    /// One for each scope.
    pub scopes: Vec<ScopeAsk>,
}

/// What a process says about one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeAsk {
    /// The name of the scope, the same in every process.
    pub name: Arc<str>,
    /// Its windows.
    pub windows: Vec<WindowAsk>,
    /// The number of the last exchange about this scope whose reply came. A
    /// store that knows an older one only has lost some of its state, and
    /// believes what the member states.
    pub acknowledged: u64,
    /// The member was on its own: what it states is in use, whatever the store
    /// knows.
    pub claim: bool,
    /// The scope is closed for so long, as a refusal told since the last
    /// exchange.
    pub hold: Option<Duration>,
}

/// What a process says about one window of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowAsk {
    /// Which window it is.
    pub span: WindowSpan,
    /// The limit as configured.
    pub limit: u32,
    /// Tokens that the member keeps.
    pub held: u32,
    /// Tokens that it gives back.
    pub returned: Vec<Tokens>,
    /// Tokens that it has a use for, those that it keeps included.
    pub want: u32,
    /// Requests that wait.
    pub queued: u32,
    /// The part of the configured limit, in millionths, that this member has
    /// learned since the last exchange. The last word counts.
    pub learned: Option<u32>,
}

/// Over which time a window counts; also its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WindowSpan {
    /// Any stretch of time of this length, in whole milliseconds. With a length
    /// of zero the tokens are permits: free as soon as they are released.
    Any(Duration),
    /// The calendar day, from 00:00 UTC to 00:00 UTC.
    DayUtc,
}

/// So many tokens, from so long after the message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// How many.
    pub count: u32,
    /// How long they still count as used.
    pub free_in: Duration,
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Names the life of this state: another number means that it was lost and
    /// began anew.
    pub epoch: u64,
    /// Members that have spoken within their lease.
    pub instances: u32,
    /// One for each scope, in the order of the exchange.
    pub scopes: Vec<ScopeReply>,
}

/// What the store answers for one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeReply {
    /// One for each window, in the order of the exchange.
    pub windows: Vec<WindowReply>,
    /// The scope is closed for so long.
    pub hold: Option<Duration>,
    /// There may be more after this time.
    pub ask_in: Option<Duration>,
    /// The member does not know of permits that it was told to have: so it has
    /// not heard the notice.
    pub missed: bool,
}

/// What the store answers for one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowReply {
    /// The member's part. It gives back what it holds beyond.
    pub target: u32,
    /// What the store knows that the member holds now, with all grants.
    pub held: u32,
    /// Tokens that this reply grants.
    pub granted: Vec<Tokens>,
    /// The limit of all together.
    pub limit: u32,
    /// The member's equal part of what nobody holds: so much more it may use
    /// should the store be lost. Of permits, all that nobody holds.
    pub spare: u32,
    /// The part of the configured limit, in millionths, that somebody has
    /// learned.
    pub learned: Option<u32>,
}

/// What a store tells everybody at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A scope is closed for so long.
    Hold {
        /// Its name.
        scope: Arc<str>,
        /// For how long, from now on.
        wait: Duration,
    },
    /// A member has learned what part of the configured limit of a window, in
    /// millionths, is real.
    Learned {
        /// The scope.
        scope: Arc<str>,
        /// The window.
        span: WindowSpan,
        /// The part.
        ratio: u32,
    },
    /// Somebody waits for what these members hold beyond their part.
    Wanted {
        /// The scope.
        scope: Arc<str>,
        /// Who should give back.
        members: Vec<u64>,
    },
    /// Whether what follows will come: of a store that may be cut off from whoever
    /// listens. One that never says so is listened to until its channel ends.
    Heard(bool),
    /// Permits have changed hands, or somebody waits for one.
    Permits {
        /// The scope.
        scope: Arc<str>,
        /// What these members have of it now.
        parts: Vec<PermitPart>,
    },
}

/// What a member has of a scope's permits, though it has not asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PermitPart {
    /// Who.
    pub member: u64,
    /// Its last exchange about the scope. Should it have sent another since, then
    /// only the reply to that one counts.
    pub number: u64,
    /// Permits that it holds from now on.
    pub held: u32,
    /// Its part. What it holds beyond, others wait for.
    pub target: u32,
}

// ===== impl Exchange =====

impl Exchange {
    /// An exchange about no scope yet.
    #[must_use]
    pub fn new(member: u64, number: u64, lease: Duration) -> Self {
        Self {
            member,
            number,
            lease,
            scopes: Vec::new(),
        }
    }
}

// ===== impl ScopeAsk =====

impl ScopeAsk {
    /// A scope without windows yet.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            windows: Vec::new(),
            acknowledged: 0,
            claim: false,
            hold: None,
        }
    }
}

// ===== impl WindowAsk =====

impl WindowAsk {
    /// A window of which the member holds nothing and wants nothing.
    #[must_use]
    pub fn new(span: WindowSpan, limit: u32) -> Self {
        Self {
            span,
            limit,
            held: 0,
            returned: Vec::new(),
            want: 0,
            queued: 0,
            learned: None,
        }
    }
}

// ===== impl WindowSpan =====

impl WindowSpan {
    /// Its length in whole milliseconds, rounded up; of a day: -1.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Any(length) => i64::try_from(millis(length)).unwrap_or(i64::MAX),
            Self::DayUtc => -1,
        }
    }

    /// The one that is told by this number.
    #[cfg(feature = "redis")]
    pub(crate) fn of_code(code: i64) -> Option<Self> {
        match u64::try_from(code) {
            Ok(length) => Some(Self::Any(Duration::from_millis(length))),
            Err(_) => (code == -1).then_some(Self::DayUtc),
        }
    }

    /// Its length; a day is taken for a whole one.
    #[must_use]
    pub fn length(self) -> Duration {
        match self {
            Self::Any(length) => length,
            Self::DayUtc => Duration::from_secs(86_400),
        }
    }
}

// ===== impl Tokens =====

impl Tokens {
    /// So many, which are free after so long.
    #[must_use]
    pub fn new(count: u32, free_in: Duration) -> Self {
        Self { count, free_in }
    }
}

// ===== impl Reply =====

impl Reply {
    /// A reply about no scope yet.
    #[must_use]
    pub fn new(epoch: u64, instances: u32) -> Self {
        Self {
            epoch,
            instances,
            scopes: Vec::new(),
        }
    }
}

// ===== impl PermitPart =====

impl PermitPart {
    /// So many are held, of a part of so many.
    #[must_use]
    pub fn new(member: u64, number: u64, held: u32, target: u32) -> Self {
        Self {
            member,
            number,
            held,
            target,
        }
    }
}

// ===== impl WindowReply =====

impl WindowReply {
    /// A part, and what is held of it.
    #[must_use]
    pub fn new(target: u32, held: u32, limit: u32) -> Self {
        Self {
            target,
            held,
            granted: Vec::new(),
            limit,
            spare: 0,
            learned: None,
        }
    }
}

/// Whole milliseconds, rounded up: a wait is never cut short.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000))
        .unwrap_or(u64::MAX)
        .min(MAX_MILLIS)
}

/// Beyond this, nothing is told apart: some 30 years.
pub(crate) const MAX_MILLIS: u64 = 1_000_000_000_000;
