use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;
use tower_service::Service;

use super::{Doubt, builder::Settings};
use crate::{
    body::{BodyLost, Replay},
    classify::Classification,
    error::{BoxError, OutcomeUnknown},
    extensions::{Attempt, Lookup, RequestContext},
    jittered_backoff::{Chance, Head},
};

/// What is kept of a write while it is under way: a copy, and the service to
/// send it with.
pub(super) struct Kept<S, B> {
    service: S,
    head: Head,
    pub(super) body: B,
    since: Instant,
    pub(super) resends: u32,
    /// The body, once it was read.
    text: Option<Bytes>,
    open: Option<Open>,
}

/// A doubt that is not cleared up.
struct Open {
    /// How it ends if that stays so.
    error: BoxError,
    classification: Option<Classification>,
    /// When the attempt was given up.
    given_up: Instant,
    /// The server says that it came before, so it is not sent again.
    never_resend: bool,
    failures: u32,
    backoff: Option<Duration>,
}

/// What follows from a "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterNo {
    /// It came too early to count: ask again after this time.
    Wait(Duration),
    Resend,
    /// It may not be sent again.
    End,
}

impl<S, B> Kept<S, B> {
    pub(super) fn new(service: S, request: &Request<B>, found: Lookup<'_>, body: B) -> Self {
        Self {
            service,
            head: Head::of(request, found),
            body,
            since: Instant::now(),
            resends: 0,
            text: None,
            open: None,
        }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn context(&self) -> Option<&RequestContext> {
        self.head.extension()
    }

    /// Opens a doubt: the attempt ended in this error.
    pub(super) fn open(&mut self, error: BoxError, now: Instant) {
        let unknown = error.downcast_ref::<OutcomeUnknown>();
        let classification = unknown.and_then(OutcomeUnknown::classification).cloned();
        self.open = Some(Open {
            error,
            classification,
            given_up: now,
            never_resend: false,
            failures: 0,
            backoff: None,
        });
    }

    /// Opens a doubt: the answer leaves open whether it was carried out.
    pub(super) fn open_by_answer(&mut self, found: Classification, now: Instant) {
        self.open(OutcomeUnknown::new(Some(found), None).into(), now);
        if let Some(open) = &mut self.open {
            open.never_resend = true;
        }
    }

    /// Ends the doubt as it is.
    pub(super) fn end(&mut self) -> BoxError {
        match self.open.take() {
            Some(open) => open.error,
            None => OutcomeUnknown::new(None, None).into(),
        }
    }

    pub(super) fn is_read(&self) -> bool {
        self.text.is_some()
    }

    pub(super) fn set_text(&mut self, text: Bytes) {
        self.text = Some(text);
    }

    /// Whether anybody still wants to know after this time.
    pub(super) fn is_wanted_after(&self, delay: Duration, now: Instant) -> bool {
        match (self.head.deadline(), now.checked_add(delay)) {
            (Some(deadline), Some(then)) => then < deadline,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// How long a question may take.
    pub(super) fn time_to_ask(&self, settings: &Settings, now: Instant) -> Duration {
        let deadline = self.head.deadline();
        let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
        left.min(settings.ask_timeout)
    }

    /// What follows from a "no" that was asked for at `asked`.
    pub(super) fn after_no(&self, settings: &Settings, asked: Instant, now: Instant) -> AfterNo {
        let Some(open) = &self.open else {
            return AfterNo::End;
        };
        let age = asked.saturating_duration_since(open.given_up);
        if age < settings.settle {
            let since = now.saturating_duration_since(open.given_up);
            return AfterNo::Wait(settings.settle.saturating_sub(since));
        }
        if open.never_resend || self.resends >= settings.max_resends {
            return AfterNo::End;
        }
        AfterNo::Resend
    }

    /// How long to wait after asking has failed; `None` if that is enough.
    pub(super) fn after_failure(
        &mut self,
        settings: &Settings,
        chance: &Chance,
    ) -> Option<Duration> {
        let open = self.open.as_mut()?;
        let number = open.failures;
        open.failures = number.saturating_add(1);
        if open.failures >= settings.attempts {
            return None;
        }
        let wait = settings.backoff.wait(number, open.backoff, chance.draw());
        open.backoff = Some(wait);
        Some(wait)
    }
}

impl<S: Clone, B> Kept<S, B> {
    /// What the hook is given.
    pub(super) fn question(&self) -> (Doubt, S) {
        let open = self.open.as_ref();
        let doubt = Doubt {
            request: self.head.request(self.text.clone().unwrap_or_default()),
            since: self.since,
            classification: open.and_then(|open| open.classification.clone()),
        };
        (doubt, self.service.clone())
    }
}

impl<S, B: Replay> Kept<S, B> {
    /// Readies the service once more, and calls it with another copy.
    pub(super) fn poll_resend(&mut self, cx: &mut Context<'_>) -> Poll<Result<S::Future, BoxError>>
    where
        S: Service<Request<B>>,
        S::Error: Into<BoxError>,
    {
        ready!(self.service.poll_ready(cx)).map_err(Into::into)?;
        let body = self.body.try_clone().ok_or_else(BodyLost::new)?;
        self.resends = self.resends.saturating_add(1);
        let mut request = self.head.request(body);
        // It is as old as its first copy, wherever it queues.
        let outer = self.head.extension().and_then(Attempt::send_before);
        let attempt = Attempt::new(self.resends.saturating_add(1), self.since);
        let attempt = attempt.with_send_before(outer);
        request.extensions_mut().insert(attempt);
        Poll::Ready(Ok(self.service.call(request)))
    }
}
