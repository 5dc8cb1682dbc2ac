//! What the head of an answer tells, where the body tells nothing.

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, WWW_AUTHENTICATE},
    response::Parts,
};

use super::scan::Shape;
use crate::{
    classify::ErrorClass,
    tiktok::codes::{contains, remedy},
};

/// The class of an answer without a code. `shape` is what its body looks
/// like, if it was looked at; `text` is what it says.
/// `needs_code` says that every answer of the API should have one.
pub(super) fn class(
    head: &Parts,
    shape: Option<Shape>,
    text: &str,
    needs_code: bool,
) -> ErrorClass {
    match head.status.as_u16() {
        // Whoever reads on meets the failure.
        200..=299 if shape == Some(Shape::BrokenOff) => ErrorClass::Transient,
        // A 200 means nothing without a code, and this body has none, or none
        // yet. Only a few old pages print a success without one.
        200..=299 if shape == Some(Shape::Late) && !is_file(&head.headers) => ErrorClass::Unknown,
        200..=299 if needs_code && shape == Some(Shape::Object) && !says_ok(text) => {
            ErrorClass::Unknown
        }
        // Gateways, and the challenge page of an edge, answer in HTML.
        200..=299 if shape == Some(Shape::NoObject) && !is_file(&head.headers) => {
            ErrorClass::Transient
        }
        // The API never redirects, so nothing was done as asked.
        300..=303 | 305..=399 => ErrorClass::Unknown,
        401 if contains(text, "expired") || challenge_says_expired(&head.headers) => {
            ErrorClass::TokenExpired
        }
        500..=599 => ErrorClass::Transient,
        _ => ErrorClass::from_status(head.status),
    }
}

/// What a person can do about an answer without a code.
pub(super) fn remedy(status: StatusCode, class: ErrorClass) -> &'static str {
    match status.as_u16() {
        200..=299 if class == ErrorClass::Unknown => remedy::NO_CODE,
        300..=399 => remedy::REDIRECT,
        401 => remedy::HTTP_AUTH,
        403 => remedy::PERMISSION,
        404 | 405 => remedy::NO_ENDPOINT,
        429 => remedy::SLOW_EDGE,
        400..=499 => remedy::PARAMS_UNSAID,
        _ => remedy::GATEWAY,
    }
}

fn says_ok(text: &str) -> bool {
    ["ok", "success"]
        .iter()
        .any(|word| text.trim().eq_ignore_ascii_case(word))
}

fn challenge_says_expired(headers: &HeaderMap) -> bool {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| contains(value, "expired")))
}

/// Whether the body is a file, such as a report to download.
fn is_file(headers: &HeaderMap) -> bool {
    /// Types and beginnings of types.
    const FILES: &[&str] = &[
        "text/csv",
        "text/tab-separated-values",
        "application/csv",
        "application/gzip",
        "application/octet-stream",
        "application/pdf",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-",
        "application/x-gzip",
        "application/x-zip",
        "application/zip",
        "audio/",
        "image/",
        "video/",
    ];
    let begins_with = |value: &[u8], start: &str| {
        value
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    let has = |name, starts: &[&str]| {
        headers.get(name).is_some_and(|value| {
            let value = value.as_bytes().trim_ascii_start();
            starts.iter().any(|start| begins_with(value, start))
        })
    };
    has(CONTENT_TYPE, FILES) || has(CONTENT_DISPOSITION, &["attachment"])
}
