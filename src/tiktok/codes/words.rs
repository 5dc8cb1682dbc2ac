//! The words in which the tables are written.

use std::borrow::Cow;

use super::rule::{CodeRule, WriteRetry};
use crate::classify::{ErrorClass, ThrottleScope, ThrottleWindow};

/// Writes are not sent again, unless another word says so.
pub(super) const fn rule(class: ErrorClass, remedy: &'static str) -> CodeRule {
    CodeRule::with_all(class, WriteRetry::Unsafe, Cow::Borrowed(remedy))
}

macro_rules! words {
    ($($(#[$doc:meta])* $word:ident => $class:ident,)*) => {$(
        $(#[$doc])*
        pub(super) const fn $word<K: Copy>(
            code: K,
            cause: &'static str,
            remedy: &'static str,
        ) -> (K, CodeRule) {
            (code, rule(ErrorClass::$class, remedy).because(cause))
        }
    )*};
}

words! {
    partial => PartialSuccess,
    transient => Transient,
    maintenance => Maintenance,
    conflict => Conflict,
    token_expired => TokenExpired,
    token_invalid => TokenInvalid,
    forbidden => PermissionDenied,
    quota => QuotaExhausted,
    bad_request => InvalidRequest,
    permanent => Permanent,
    unknown => Unknown,
}

pub(super) const fn ok<K: Copy>(code: K) -> (K, CodeRule) {
    (code, rule(ErrorClass::Success, ""))
}

/// What it needs is not there yet, so nothing was done.
pub(super) const fn not_ready<K: Copy>(
    code: K,
    cause: &'static str,
    remedy: &'static str,
) -> (K, CodeRule) {
    let rule = rule(ErrorClass::NotReady, remedy).because(cause);
    (code, rule.with_write_retry(WriteRetry::Safe))
}

/// A limit was reached, so nothing was done. The message tells the window.
pub(super) const fn throttled<K: Copy>(
    code: K,
    cause: &'static str,
    scope: ThrottleScope,
    remedy: &'static str,
) -> (K, CodeRule) {
    throttled_by(code, cause, scope, ThrottleWindow::Unknown, remedy)
}

/// Like [`throttled`], and the window is known even without a message.
pub(super) const fn throttled_by<K: Copy>(
    code: K,
    cause: &'static str,
    scope: ThrottleScope,
    window: ThrottleWindow,
    remedy: &'static str,
) -> (K, CodeRule) {
    let rule = rule(ErrorClass::RateLimited, remedy)
        .because(cause)
        .with_scope(scope)
        .with_window(window)
        .with_write_retry(WriteRetry::Safe);
    (code, rule)
}

/// Nobody knows whether a write may be sent again.
pub(super) const fn unsure<K: Copy>(mut line: (K, CodeRule)) -> (K, CodeRule) {
    line.1.write_retry = WriteRetry::Unknown;
    line
}
