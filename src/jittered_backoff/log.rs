//! The events. Neither the query nor an error's text is ever logged: both may
//! hold a token.

use std::time::Duration;

use super::{kept::Kept, session::Session};
use crate::{classify::Classification, extensions::RequestContext};

pub(super) fn resend<S, B>(
    kept: &Kept<S, B>,
    session: &Session,
    found: Option<&Classification>,
    wait: Duration,
) {
    tracing::debug!(
        method = %kept.method(),
        endpoint = kept.context().and_then(RequestContext::endpoint),
        class = found.map(|found| found.class().as_str()),
        code = found.and_then(Classification::code).map(tracing::field::display),
        request_id = found.and_then(Classification::request_id),
        log_id = found.and_then(Classification::log_id),
        attempt = session.number(),
        ?wait,
        "the request will be sent again"
    );
}

pub(super) fn outcome_unknown<S, B>(
    kept: &Kept<S, B>,
    session: &Session,
    found: Option<&Classification>,
) {
    tracing::warn!(
        method = %kept.method(),
        endpoint = kept.context().and_then(RequestContext::endpoint),
        class = found.map(|found| found.class().as_str()),
        code = found.and_then(Classification::code).map(tracing::field::display),
        request_id = found.and_then(Classification::request_id),
        log_id = found.and_then(Classification::log_id),
        attempt = session.number(),
        "whether the write was carried out is unknown"
    );
}
