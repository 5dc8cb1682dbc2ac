use std::time::Duration;

use http::{Request, Response};
use smol_str::SmolStr;

use super::{AlertKind, AlertScope, Finding};
use crate::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::{AccountId, RequestContext, RetryAfter},
};

/// A longer name is not kept: its request counts for the application only.
const MAX_NAME: usize = 256;
/// Whoever is told to stay away for so long has been shut out.
const SUSPENSION: Duration = Duration::from_secs(60);
/// A longer suspension is looked at again after that.
const LONGEST: Duration = Duration::from_secs(2 * 86_400);

/// What is kept of a request until it is answered.
#[derive(Clone, Debug)]
pub(super) struct Note {
    account: Option<AccountId>,
    endpoint: Option<SmolStr>,
}

/// An attempt that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    note: &'a Note,
    /// When it was sent.
    pub(super) sent: Duration,
    pub(super) verdict: Verdict,
    found: Option<&'a Classification>,
    /// How long the answer asks to stay away.
    wait: Option<Duration>,
}

/// What an answer means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted,
    Throttled,
    TokenExpired,
    TokenInvalid,
    /// It tells nothing of limits and tokens.
    Unclear,
}

// ===== impl Note =====

impl Note {
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let context = request.extensions().get::<RequestContext>();
        Self {
            account: context.and_then(RequestContext::account).cloned(),
            endpoint: context.and_then(RequestContext::endpoint_name).cloned(),
        }
    }
}

// ===== impl Seen =====

impl<'a> Seen<'a> {
    #[inline]
    pub(super) fn of<R>(note: &'a Note, sent: Duration, response: &'a Response<R>) -> Self {
        let verdict = Verdict::of(ErrorClass::of(response));
        let mut seen = Self {
            note,
            sent,
            verdict,
            found: None,
            wait: None,
        };
        if verdict != Verdict::Admitted {
            seen.found = response.extensions().get();
            let header = response.extensions().get().map(RetryAfter::delay);
            let own = seen.throttle().and_then(|throttle| throttle.wait(0));
            seen.wait = header.max(own);
        }
        seen
    }

    fn throttle(&self) -> Option<&'a Throttle> {
        self.found.and_then(Classification::throttle)
    }

    /// The scopes that it counts in, but for the application.
    pub(super) fn scopes(&self) -> impl Iterator<Item = AlertScope> + use<'a> {
        let note = self.note;
        let kinds = [
            ThrottleScope::AccountEndpoint,
            ThrottleScope::FieldValue,
            ThrottleScope::AppEndpoint,
        ];
        kinds.into_iter().filter_map(|kind| note.scope(kind))
    }

    /// The scope that refused it, if it is not the application.
    pub(super) fn refused_by(&self) -> Option<AlertScope> {
        if self.verdict != Verdict::Throttled {
            return None;
        }
        self.note.scope(self.throttle()?.scope())
    }

    /// For how long it was shut out, if it was: by a limit that counts over a
    /// minute or more, or with a long wait. `unsaid` stands for a time that
    /// nobody tells.
    pub(super) fn suspension(&self, unsaid: Duration) -> Option<Duration> {
        let window = self.throttle().map(Throttle::window);
        let long = matches!(window, Some(ThrottleWindow::Minute | ThrottleWindow::Day));
        let wait = self
            .wait
            .unwrap_or(if long { unsaid } else { Duration::ZERO });
        (long || wait >= SUSPENSION).then_some(wait.min(LONGEST))
    }

    /// That this is wrong, as the answer tells.
    pub(super) fn finding(&self, kind: AlertKind, scope: AlertScope) -> Finding {
        let mut finding = Finding::new(kind, scope);
        let Some(found) = self.found else {
            return finding;
        };
        finding.request_id = found.request_id().map(Into::into);
        match found.remedy() {
            "" => finding,
            remedy => finding.with_remedy(remedy.to_owned()),
        }
    }
}

impl Note {
    /// Whom a limit of this kind counts. `None`: the application, or somebody
    /// who has no name.
    fn scope(&self, kind: ThrottleScope) -> Option<AlertScope> {
        let endpoint = self.endpoint.clone().filter(|it| it.len() <= MAX_NAME)?;
        match kind {
            ThrottleScope::AppEndpoint | ThrottleScope::FieldValue => {
                Some(AlertScope::new(kind, None, Some(endpoint)))
            }
            ThrottleScope::AccountEndpoint => {
                let account = self.account.clone();
                let account = account.filter(|it| it.as_str().len() <= MAX_NAME)?;
                Some(AlertScope::new(kind, Some(account), Some(endpoint)))
            }
            ThrottleScope::App | ThrottleScope::Unknown => None,
        }
    }
}

// ===== impl Verdict =====

impl Verdict {
    #[inline]
    fn of(class: ErrorClass) -> Self {
        match class {
            ErrorClass::RateLimited => Self::Throttled,
            ErrorClass::TokenExpired => Self::TokenExpired,
            ErrorClass::TokenInvalid => Self::TokenInvalid,
            ErrorClass::Transient | ErrorClass::Maintenance | ErrorClass::Unknown => Self::Unclear,
            _ => Self::Admitted,
        }
    }
}
