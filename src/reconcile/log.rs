//! The events. Neither the query nor an error's text is ever logged: both may
//! hold a token.

use super::kept::Kept;
use crate::extensions::RequestContext;

macro_rules! event {
    ($level:ident, $kept:expr, $text:literal) => {
        tracing::$level!(
            http.request.method = $kept.head().method().as_str(),
            url.template = $kept.context().and_then(RequestContext::endpoint),
            http.request.resend_count = $kept.resends,
            $text
        )
    };
}

pub(super) fn happened<S, B>(kept: &Kept<S, B>) {
    event!(info, kept, "the write in doubt had been carried out");
}

pub(super) fn not_happened<S, B>(kept: &Kept<S, B>) {
    event!(
        info,
        kept,
        "the write in doubt had not been carried out, and is sent again"
    );
}

pub(super) fn cannot_tell<S, B>(kept: &Kept<S, B>) {
    event!(
        warn,
        kept,
        "nobody can tell whether the write was carried out"
    );
}
