use std::{borrow::Cow, time::Duration};

use super::{AlertKind, AlertScope, Figures, Severity};

/// Something that is wrong now, told by whoever sees it. An alert is raised for
/// it, and cleared when nobody has told of it for a while.
///
/// # Example
/// ```
/// use tower_tiktok::throttle_alert::{AlertKind, AlertScope, Finding, Severity};
///
/// let finding = Finding::new(AlertKind::TokenRefused, AlertScope::app())
///     .with_severity(Severity::Warning)
///     .with_remedy("renew the token in the vault");
/// assert_eq!(finding.kind(), AlertKind::TokenRefused);
/// ```
#[derive(Clone, Debug)]
pub struct Finding {
    pub(super) kind: AlertKind,
    pub(super) scope: AlertScope,
    pub(super) severity: Severity,
    pub(super) figures: Figures,
    pub(super) request_id: Option<Box<str>>,
    pub(super) remedy: Cow<'static, str>,
    pub(super) lasts: Option<Duration>,
}

impl Finding {
    /// What is wrong, and where.
    #[must_use]
    pub fn new(kind: AlertKind, scope: AlertScope) -> Self {
        Self {
            kind,
            scope,
            severity: kind.severity(),
            figures: Figures::default(),
            request_id: None,
            remedy: Cow::Borrowed(kind.remedy()),
            lasts: None,
        }
    }

    /// Sets how bad it is. The default is that of the kind.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets how many requests wait.
    #[must_use]
    pub fn with_queued(mut self, queued: u64) -> Self {
        self.figures.queued = Some(queued);
        self
    }

    /// Sets how long it has been so.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.figures.time = Some(time);
        self
    }

    /// Sets the id of the request that showed it.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Sets what a person should do. The default is that of the kind.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Sets for how long it is so, if nobody tells of it again. The default is
    /// the long window, and for what is [watched](super::ThrottleAlertHandle::watch)
    /// the short one. A shorter time clears the alert sooner, and raises the
    /// next one sooner.
    #[must_use]
    pub fn with_lasting(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> AlertKind {
        self.kind
    }
}
