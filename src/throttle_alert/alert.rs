use std::{borrow::Cow, fmt, time::SystemTime};

#[cfg(feature = "serde")]
use super::figures::millis;
use super::{AlertScope, Figures};

/// Something that a person should know of, and what to do about it.
///
/// The same alert comes several times: raised, updated as its figures change,
/// and cleared, always under the same [`id`](Self::id). With the feature `serde`
/// it can be serialised; times are then in milliseconds.
///
/// # Example
/// ```
/// use tower_tiktok::throttle_alert::{Alert, AlertState, Severity};
///
/// fn page(alert: &Alert) -> Option<String> {
///     let is_news = alert.state == AlertState::Raised && alert.severity == Severity::Critical;
///     is_news.then(|| alert.to_string())
/// }
/// # let _ = page;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Alert {
    /// The same from raised to cleared, and of no other alert of this layer.
    pub id: u64,
    /// What it is about.
    pub kind: AlertKind,
    /// Whether it is new, goes on, or is over.
    pub state: AlertState,
    /// How bad it is. It may grow as long as the alert is up.
    pub severity: Severity,
    /// Where it is so.
    pub scope: AlertScope,
    /// When it began, by the clock of this machine.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_unix_millis"))]
    pub since: SystemTime,
    /// The numbers behind it.
    pub figures: Figures,
    /// The ids of the last requests that were refused, the newest last, for
    /// whom you ask for help. No more than [eight](Self::REQUEST_IDS).
    pub request_ids: Vec<Box<str>>,
    /// What a person should do.
    pub remedy: Cow<'static, str>,
}

/// What an [`Alert`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AlertKind {
    /// A lasting share of attempts is refused because a limit was reached.
    Throttled,
    /// The server has shut out a scope for a minute or more.
    Suspended,
    /// Requests wait for longer than they should.
    QueueOld,
    /// Requests are not sent again because the retry budget is empty.
    BudgetEmpty,
    /// The store of the shared state is away.
    SharedStateLost,
    /// The server refuses the token.
    TokenRefused,
}

/// Whether an [`Alert`] is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AlertState {
    /// It was not there before.
    Raised,
    /// It goes on, with other figures.
    Updated,
    /// It is over.
    Cleared,
}

/// How bad an [`Alert`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Severity {
    /// It goes on, but more slowly, or at a risk. Look at it today.
    Warning,
    /// Next to nothing goes on. Look at it now.
    Critical,
}

// ===== impl Alert =====

impl Alert {
    /// How many [request ids](Self::request_ids) are kept.
    pub const REQUEST_IDS: usize = 8;
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kind, self.scope)?;
        if let Some(share) = self.figures.short {
            write!(f, ": {} of {}", share.throttled, share.attempts)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

impl AlertKind {
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 6] = [
        Self::Throttled,
        Self::Suspended,
        Self::QueueOld,
        Self::BudgetEmpty,
        Self::SharedStateLost,
        Self::TokenRefused,
    ];

    /// A short, stable name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Suspended => "suspended",
            Self::QueueOld => "queue_old",
            Self::BudgetEmpty => "budget_empty",
            Self::SharedStateLost => "shared_state_lost",
            Self::TokenRefused => "token_refused",
        }
    }

    /// What to do, where the answers tell nothing better.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Throttled => {
                "Send less, or ask for a higher limit; look whether others use the same application."
            }
            Self::Suspended => {
                "Wait until it is over: requests that are sent meanwhile prolong it."
            }
            Self::QueueOld => {
                "More is asked for than the limits admit: ask for less, or for more room."
            }
            Self::BudgetEmpty => "Look why so many requests fail: they are not sent again for now.",
            Self::SharedStateLost => {
                "Look after the store: each process goes on with its part of the limits."
            }
            Self::TokenRefused => "Get a new token: with this one nothing is answered.",
        }
    }

    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Suspended | Self::TokenRefused => Severity::Critical,
            _ => Severity::Warning,
        }
    }
}

impl AlertState {
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 3] = [Self::Raised, Self::Updated, Self::Cleared];

    /// A short, stable name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Cleared => "cleared",
        }
    }
}

impl Severity {
    /// A short, stable name for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
fn as_unix_millis<S: serde::Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    to.serialize_u64(since.map_or(0, millis))
}
