use std::time::{Duration, SystemTime};

use super::{Alert, AlertKind, AlertScope, AlertState, Finding, Severity};

/// A longer id is not taken for one.
const MAX_ID: usize = 128;

/// What tells alerts apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) kind: AlertKind,
    pub(super) scope: AlertScope,
}

/// An alert that is up.
#[derive(Debug)]
pub(super) struct Raised {
    /// As it was told last, or will be next.
    pub(super) alert: Alert,
    /// When it is over, if nobody tells of it again. `None`: that is up to the
    /// windows.
    pub(super) until: Option<Duration>,
    /// When somebody last told of it.
    pub(super) last: Duration,
    told: Duration,
    told_severity: Severity,
    changed: bool,
}

impl Key {
    pub(super) fn new(kind: AlertKind, scope: AlertScope) -> Self {
        Self { kind, scope }
    }
}

impl Raised {
    pub(super) fn new(
        id: u64,
        finding: Finding,
        since: SystemTime,
        until: Option<Duration>,
        now: Duration,
    ) -> Self {
        let mut figures = finding.figures;
        figures.times = 1;
        let severity = finding.severity;
        let mut alert = Alert {
            id,
            kind: finding.kind,
            state: AlertState::Raised,
            severity,
            scope: finding.scope,
            since,
            figures,
            request_ids: Vec::new(),
            remedy: finding.remedy,
        };
        alert.note(finding.request_id);
        Self {
            alert,
            until,
            last: now,
            told: now,
            told_severity: severity,
            changed: false,
        }
    }

    /// It goes on.
    pub(super) fn take(&mut self, finding: Finding, until: Option<Duration>, now: Duration) {
        let times = self.alert.figures.times.saturating_add(1);
        self.alert.figures = finding.figures;
        self.alert.figures.times = times;
        self.alert.severity = self.alert.severity.max(finding.severity);
        self.alert.note(finding.request_id);
        self.alert.remedy = finding.remedy;
        self.until = self.until.max(until);
        self.last = self.last.max(now);
        self.changed = true;
    }

    /// What to tell of it, if there is news: not more often than `every`, unless
    /// it has become worse.
    pub(super) fn update(&mut self, every: Duration, now: Duration) -> Option<Alert> {
        let worse = self.alert.severity > self.told_severity;
        let due = self.changed && now.saturating_sub(self.told) >= every;
        if !worse && !due {
            return None;
        }
        self.changed = false;
        self.told = now;
        self.told_severity = self.alert.severity;
        self.alert.state = AlertState::Updated;
        Some(self.alert.clone())
    }
}

impl Alert {
    fn note(&mut self, id: Option<Box<str>>) {
        let Some(id) = id.filter(|id| id.len() <= MAX_ID) else {
            return;
        };
        // Whoever looks again sees the same one.
        if self.request_ids.last() == Some(&id) {
            return;
        }
        if self.request_ids.len() == Self::REQUEST_IDS {
            self.request_ids.remove(0);
        }
        self.request_ids.push(id);
    }
}
