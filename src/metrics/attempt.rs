//! What is counted of an attempt. Only a plain success is worth a shortcut: its
//! keys are made at build time, so that nothing is allocated where nobody
//! listens.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{Method, Response, StatusCode};
use metrics::{IntoF64, Key, Label, Level, Metadata, counter, histogram, with_recorder};
use tokio::time::Instant;

use super::names;
use crate::classify::{
    ApiCode, Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow,
};

/// As many codes have a value of their own. Whoever sends more gets `other`.
const MAX_CODES: usize = 256;

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

macro_rules! key {
    ($name:expr, $($label:literal => $value:literal),+) => {{
        static LABELS: &[Label] = &[$(Label::from_static_parts($label, $value)),+];
        static KEY: Key = Key::from_static_parts($name, LABELS);
        &KEY
    }};
}

/// An attempt was answered with what is of this class, or failed.
#[inline]
pub(crate) fn attempt<R>(
    method: &Method,
    sent: Instant,
    answer: Option<(&Response<R>, ErrorClass)>,
) {
    if let Some((response, class)) = answer
        && response.status() == StatusCode::OK
        && class.is_success()
        && let Some(key) = plain(method)
    {
        return plain_success(key, sent);
    }
    let status = answer.map(|(response, _)| response.status());
    let class = answer.map(|(_, class)| class);
    let found = answer.and_then(|(response, _)| response.extensions().get());
    any_attempt(method, sent.elapsed(), status, class, found);
}

fn plain_success(key: &'static Key, sent: Instant) {
    let count = key!(names::ATTEMPTS, "class" => "success", "code" => "");
    with_recorder(|recorder| {
        recorder.register_counter(count, &METADATA).increment(1);
        let durations = recorder.register_histogram(key, &METADATA);
        durations.record(Since(sent));
    });
}

/// How long ago it was. Asks the clock only if somebody listens.
struct Since(Instant);

impl IntoF64 for Since {
    fn into_f64(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

fn plain(method: &Method) -> Option<&'static Key> {
    macro_rules! plain {
        ($method:literal) => {
            key!(
                names::REQUEST_DURATION,
                "http.request.method" => $method,
                "http.response.status_code" => "200",
                "error.type" => ""
            )
        };
    }
    match *method {
        Method::GET => Some(plain!("GET")),
        Method::POST => Some(plain!("POST")),
        _ => None,
    }
}

#[cold]
fn any_attempt(
    method: &Method,
    took: Duration,
    status: Option<StatusCode>,
    class: Option<ErrorClass>,
    found: Option<&Classification>,
) {
    let class = class.map_or("failure", ErrorClass::as_str);
    let error = if class == "success" { "" } else { class };
    let labels = [
        ("http.request.method", name_of(method)),
        ("http.response.status_code", status.map_or("", text_of)),
        ("error.type", error),
    ];
    histogram!(names::REQUEST_DURATION, &labels).record(took.as_secs_f64());
    let code = found.map_or(String::new(), code_of);
    counter!(names::ATTEMPTS, "class" => class, "code" => code).increment(1);
    if class == ErrorClass::RateLimited.as_str() {
        let throttle = found.and_then(Classification::throttle);
        let scope = throttle.map_or(ThrottleScope::Unknown, Throttle::scope);
        let window = throttle.map_or(ThrottleWindow::Unknown, Throttle::window);
        let labels = [("scope", scope.as_str()), ("window", window.as_str())];
        counter!(names::THROTTLES, &labels).increment(1);
    }
}

/// As OpenTelemetry has it: a name that nobody knows is one of many.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// A status that has no name may be any of hundreds.
fn text_of(status: StatusCode) -> &'static str {
    macro_rules! texts {
        ($($status:literal)+) => {
            match status.as_u16() {
                $($status => stringify!($status),)+
                _ => "other",
            }
        };
    }
    texts!(
        200 201 202 203 204 206 207 301 302 303 304 307 308 400 401 402 403 404 405 406 408 409
        410 411 412 413 414 415 416 417 421 422 423 424 425 426 428 429 431 451 499 500 501 502
        503 504 505 507 508 511 520 521 522 523 524
    )
}

/// The code, if it is one of the first so many, and `other` if not.
fn code_of(found: &Classification) -> String {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let code = match found.code() {
        None => return String::new(),
        // Nobody knows what it means, so it may be anything.
        Some(_) if found.class() == ErrorClass::Unknown => return "other".to_owned(),
        Some(ApiCode::Number(code)) => code.to_string(),
        Some(ApiCode::Text(code)) if code.len() <= 64 => code.to_string(),
        Some(ApiCode::Text(_)) => return "other".to_owned(),
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(&code) {
        if known.len() >= MAX_CODES {
            return "other".to_owned();
        }
        known.insert(code.clone());
    }
    code
}
