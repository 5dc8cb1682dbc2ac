use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};
use tracing::{Level, Value};

use crate::{
    classify::{ApiCode, Classification, ErrorClass, Throttle},
    extensions::{Attempt, Lookup, RequestContext},
};

/// A longer id in a header is not taken for one: it would flood the log.
const MAX_ID: usize = 128;

/// What the log tells of a request. No part of it can hold a secret: the
/// path as it was sent and its query are not kept.
#[derive(Clone, Debug)]
pub(super) struct RequestNote {
    method: Method,
    context: Option<RequestContext>,
    attempt: u32,
    #[cfg(feature = "metrics")]
    sent: tokio::time::Instant,
}

// ===== impl RequestNote =====

impl RequestNote {
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let found = Lookup::of(request.extensions());
        Self {
            method: request.method().clone(),
            context: found.context.cloned(),
            attempt: found
                .more
                .and_then(|extensions| extensions.get())
                .map_or(1, Attempt::number),
            #[cfg(feature = "metrics")]
            sent: tokio::time::Instant::now(),
        }
    }

    #[cfg(feature = "metrics")]
    #[inline]
    pub(super) fn count<R>(&self, answer: Option<(&Response<R>, ErrorClass)>) {
        crate::metrics::attempt(&self.method, self.sent, answer);
    }
}

/// Logs an answer that asks to slow down.
///
/// Work that is not done yet and says when to look again is no news: debug. A
/// refusal is what a client that uses its limit to the full lives with, and
/// the resend cures it: information. Whoever closes a scope for it warns, once.
pub(super) fn emit<R>(
    response: &Response<R>,
    class: ErrorClass,
    wait: Option<Duration>,
    note: &RequestNote,
) {
    let found = response.extensions().get::<Classification>();
    let headers = response.headers();
    // The fields are evaluated only if somebody listens.
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                $level,
                http.request.method = note.method.as_str(),
                url.template = note.context.as_ref().and_then(RequestContext::endpoint),
                http.response.status_code = response.status().as_u16(),
                error.type = class.as_str(),
                code = found.and_then(Classification::code).map(code_value),
                request_id = found
                    .and_then(Classification::request_id)
                    .or_else(|| id_in(headers, &["request-id", "requestid"])),
                log_id = found
                    .and_then(Classification::log_id)
                    .or_else(|| id_in(headers, &["log-id", "logid"])),
                http.request.resend_count = note.attempt.saturating_sub(1),
                wait_ms = wait.max(throttle_wait(found)).map(millis),
                "the server asks to slow down"
            )
        };
    }
    match class {
        ErrorClass::Success | ErrorClass::PartialSuccess | ErrorClass::NotReady => {
            event!(Level::DEBUG);
        }
        _ => event!(Level::INFO),
    }
}

fn code_value(code: &ApiCode) -> &dyn Value {
    match code {
        ApiCode::Number(number) => number,
        ApiCode::Text(text) => text,
    }
}

/// The wait that the classifier knows, where no header tells one.
fn throttle_wait(found: Option<&Classification>) -> Option<Duration> {
    found
        .filter(|found| found.class() == ErrorClass::RateLimited)
        .and_then(Classification::throttle)
        .and_then(|throttle: &Throttle| throttle.wait(0))
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// The id in the first header whose name ends in one of `endings`, whatever
/// the vendor's prefix.
fn id_in<'a>(headers: &'a HeaderMap, endings: &[&str]) -> Option<&'a str> {
    headers
        .iter()
        .filter(|(name, _)| endings.iter().any(|end| name.as_str().ends_with(end)))
        .find_map(|(_, value)| value.to_str().ok().filter(|id| id.len() <= MAX_ID))
}
