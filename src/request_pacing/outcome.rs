use std::{error::Error, time::Duration};

use http::Response;

#[cfg(feature = "jittered-backoff")]
use crate::jittered_backoff::{ClassifyError, Delivery, TransportErrors};
use crate::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    error::is_unsent,
    extensions::RetryAfter,
};

/// The longest wait that a window of a second can need.
const SHORT: Duration = Duration::from_secs(1);

/// How a call ended, as far as limits are concerned.
#[derive(Debug)]
pub(super) enum Outcome {
    Admitted,
    // Boxed, so that the others are small.
    Refused(Box<Refusal>),
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
        Self::Refused(Box::new(Refusal {
            by: throttle.as_ref().map(Throttle::scope),
            throttle,
            retry_after: retry_after.map(RetryAfter::delay),
        }))
    }
}

/// Whether a call that failed certainly never reached the server.
pub(super) fn never_left(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "jittered-backoff")]
    if TransportErrors.delivery(error) == Delivery::NotSent {
        return true;
    }
    is_unsent(error)
}

fn is_of_all(scope: ThrottleScope) -> bool {
    matches!(scope, ThrottleScope::App | ThrottleScope::AppEndpoint)
}

impl Refusal {
    /// Finds whose limit it was, among the scopes that the request touches,
    /// narrow first, each with how full its seconds are. One that does not say,
    /// or names the application or an endpoint that is not counted apart, is
    /// taken for the widest; a narrow one that is not touched closes nothing
    /// for the others.
    ///
    /// Whether an endpoint or the whole application is meant, words do not tell
    /// for certain: of a window of seconds it is the fuller of the two.
    pub(super) fn attribute(&mut self, touched: impl Iterator<Item = (ThrottleScope, f64)>) {
        let named = self.by;
        let ambiguous = self.may_be_short() && named.is_some_and(is_of_all);
        let (mut by, mut widest, mut fullest) = (None, None, 0.0);
        for (scope, full) in touched {
            let is_it = match ambiguous {
                true => is_of_all(scope) && (by.is_none() || full > fullest),
                false => named == Some(scope),
            };
            if is_it {
                (by, fullest) = (Some(scope), full);
            }
            widest = Some(scope);
        }
        self.by = match named {
            Some(ThrottleScope::AccountEndpoint | ThrottleScope::FieldValue) => by,
            _ => by.or(widest),
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

    /// A server that names no window, but a wait, has said all that it will:
    /// a wait of many seconds is no matter of one.
    pub(super) fn may_be_short(&self) -> bool {
        match self.window() {
            ThrottleWindow::Second => true,
            ThrottleWindow::Unknown => self.retry_after.is_none_or(|wait| wait <= SHORT),
            _ => false,
        }
    }

    /// Whether it was a window of a minute.
    pub(super) fn is_long(&self) -> bool {
        self.window() == ThrottleWindow::Minute
    }

    /// The same, of an endpoint's or the application's.
    pub(super) fn is_long_of_all(&self) -> bool {
        self.is_long() && self.by.is_some_and(is_of_all)
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

    /// How long to stay away as the server says it. All that follows from refusals in
    /// a row, or from one of a limit without a name, is a guess.
    pub(super) fn stated(&self) -> Option<Duration> {
        let named = self.throttle.as_ref();
        let named = named.filter(|_| self.window() != ThrottleWindow::Unknown);
        named.and_then(|it| it.wait(0)).max(self.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributed(window: ThrottleWindow, endpoint: f64, app: f64) -> Option<ThrottleScope> {
        let by = ThrottleScope::AppEndpoint;
        let mut refusal = Refusal {
            by: Some(by),
            throttle: Some(Throttle::new(by, window)),
            retry_after: None,
        };
        refusal.attribute([(by, endpoint), (ThrottleScope::App, app)].into_iter());
        refusal.by
    }

    #[test]
    fn of_endpoint_and_application_the_fuller_one_refused() {
        use ThrottleScope::{App, AppEndpoint};
        use ThrottleWindow::{Minute, Second, Unknown};
        assert_eq!(attributed(Second, 0.4, 1.0), Some(App));
        assert_eq!(attributed(Unknown, 1.0, 0.8), Some(AppEndpoint));
        // As full: the one that the answer names. And so for long windows.
        assert_eq!(attributed(Second, 1.0, 1.0), Some(AppEndpoint));
        assert_eq!(attributed(Minute, 0.4, 1.0), Some(AppEndpoint));
    }
}
