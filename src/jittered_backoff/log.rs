//! The events. Neither the query nor an error's text is ever logged: both may
//! hold a token.

use std::time::Duration;

use super::{kept::Kept, session::Session};
use crate::{
    classify::{Classification, ErrorClass},
    extensions::RequestContext,
};

/// What a person who asks for help needs to know of the attempt that ended.
macro_rules! event {
    ($level:ident, $kept:expr, $session:expr, $found:expr, $($rest:tt)+) => {
        tracing::$level!(
            http.request.method = $kept.method().as_str(),
            url.template = $kept.context().and_then(RequestContext::endpoint),
            error.type = class($found),
            code = $found.and_then(Classification::code).map(tracing::field::display),
            request_id = $found.and_then(Classification::request_id),
            log_id = $found.and_then(Classification::log_id),
            http.request.resend_count = $session.number() - 1,
            $($rest)+
        )
    };
}

/// `found` is what its answer meant, if there was one.
pub(super) fn resend<S, B>(
    kept: &Kept<S, B>,
    session: &Session,
    found: Option<&Classification>,
    wait: Duration,
) {
    event!(
        debug,
        kept,
        session,
        found,
        ?wait,
        "the request will be sent again"
    );
}

/// Nobody can tell by it whether anything is wrong: the caller is told, and
/// knows what he expected.
pub(super) fn failed<S, B>(
    kept: &Kept<S, B>,
    session: &Session,
    found: Option<&Classification>,
    class: Option<ErrorClass>,
) {
    match class {
        Some(ErrorClass::NotReady) => event!(debug, kept, session, found, "it is not ready yet"),
        _ => event!(info, kept, session, found, "the request failed"),
    }
}

pub(super) fn outcome_unknown<S, B>(
    kept: &Kept<S, B>,
    session: &Session,
    found: Option<&Classification>,
) {
    event!(
        warn,
        kept,
        session,
        found,
        "whether the write was carried out is unknown"
    );
}

fn class(found: Option<&Classification>) -> &'static str {
    found.map_or("failure", |found| found.class().as_str())
}
