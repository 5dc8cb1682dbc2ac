use std::time::Duration;

use http::Response;

use crate::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    extensions::RetryAfter,
};

/// How a call ended, as far as limits are concerned.
#[derive(Debug)]
pub(super) enum Outcome {
    Admitted,
    Refused(Refusal),
    /// The answer may be that of a gateway, which tells nothing of limits.
    Unclear,
    /// No answer was seen.
    Lost,
}

/// What a refusal tells.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The scope that refused, if the request touches it.
    pub(super) by: Option<ThrottleScope>,
    throttle: Option<Throttle>,
    retry_after: Option<Duration>,
}

impl Outcome {
    pub(super) fn of<B>(response: &Response<B>) -> Self {
        match ErrorClass::of(response) {
            ErrorClass::RateLimited => {}
            ErrorClass::Transient | ErrorClass::Maintenance | ErrorClass::Unknown => {
                return Self::Unclear;
            }
            _ => return Self::Admitted,
        }
        let found = response.extensions().get::<Classification>();
        let throttle = found.and_then(Classification::throttle).cloned();
        let retry_after = response.extensions().get::<RetryAfter>();
        Self::Refused(Refusal {
            by: throttle.as_ref().map(Throttle::scope),
            throttle,
            retry_after: retry_after.map(RetryAfter::delay),
        })
    }
}

impl Refusal {
    /// Finds whose limit it was, among the scopes that the request touches,
    /// narrow first. One that does not say, or names the application or an
    /// endpoint that is not counted apart, is taken for the widest; a narrow
    /// one that is not touched closes nothing for the others.
    pub(super) fn attribute(&mut self, touched: impl Iterator<Item = ThrottleScope>) {
        let mut widest = None;
        for scope in touched {
            if self.by == Some(scope) {
                return;
            }
            widest = Some(scope);
        }
        self.by = match self.by {
            Some(ThrottleScope::AccountEndpoint | ThrottleScope::FieldValue) => None,
            _ => widest,
        };
    }

    fn window(&self) -> ThrottleWindow {
        self.throttle
            .as_ref()
            .map_or(ThrottleWindow::Unknown, Throttle::window)
    }

    /// Whether it was a window of seconds.
    pub(super) fn is_short(&self) -> bool {
        self.window() == ThrottleWindow::Second
    }

    pub(super) fn may_be_short(&self) -> bool {
        matches!(
            self.window(),
            ThrottleWindow::Second | ThrottleWindow::Unknown
        )
    }

    /// Whether it was a window of a minute.
    pub(super) fn is_long(&self) -> bool {
        self.window() == ThrottleWindow::Minute
    }

    /// How many requests a second's window admits, if the answer says so.
    pub(super) fn limit_per_second(&self) -> Option<u32> {
        let limit = self.throttle.as_ref()?.limit()?;
        (self.is_short() && limit > 0).then_some(limit)
    }

    /// How long to stay away. Where the window is `known`, its slots already
    /// keep the others back, so a first refusal of it closes nothing.
    pub(super) fn wait(&self, repeats: u32, known: bool) -> Option<Duration> {
        let repeats = if known {
            repeats.checked_sub(1)
        } else {
            Some(repeats)
        };
        // What the server says beats what is guessed of a limit without a name.
        let guess = self.window() == ThrottleWindow::Unknown && self.retry_after.is_some();
        let own = self.throttle.as_ref().filter(|_| !guess);
        let own = repeats.and_then(|repeats| own?.wait(repeats));
        own.max(self.retry_after)
    }
}
