use std::time::SystemTime;

use http::{StatusCode, header::DATE, response::Parts};

use super::{
    scan::{Code, Envelope, EnvelopeScan, Shape},
    status,
};
use crate::{
    classify::{
        ApiCode, Classification, Classify,
        ErrorClass::{PartialSuccess, RateLimited, Success, Unknown},
    },
    extensions::{PartialFailure, RequestContext},
    tiktok::{
        codes::{Api, CodeTable, Found, limit_in_text, remedy, throttle_by_status},
        partial::{Look, PartialRules},
    },
};

/// The header with the id under which TikTok logs a request.
const LOG_ID: &str = "x-tt-logid";

/// Tells TikTok's answers apart. The layer that asks it is
/// [`TikTokErrorClassifierLayer`](super::TikTokErrorClassifierLayer).
///
/// The code outranks the status. An answer without a code is told apart by
/// its status, and by what its body looks like.
#[derive(Clone, Debug, Default)]
pub struct TikTokClassify {
    table: CodeTable,
    partial: PartialRules,
}

impl TikTokClassify {
    /// Goes by this table.
    #[must_use]
    pub fn new(table: CodeTable) -> Self {
        Self {
            table,
            partial: PartialRules::default(),
        }
    }

    pub(super) fn with_partial(mut self, rules: PartialRules) -> Self {
        self.partial = rules;
        self
    }

    /// What the codes mean.
    #[must_use]
    pub fn table(&self) -> &CodeTable {
        &self.table
    }

    fn with_code(&self, head: &Parts, code: ApiCode, message: &str) -> Classification {
        let found = self.table.find(&code, message);
        // Nobody knows the code, so the status may know better: a gateway
        // writes codes of its own.
        let by_status = match found {
            Found::Guessed(rule) => {
                is_error(head.status)
                    && (rule.class() == Unknown || head.status == StatusCode::TOO_MANY_REQUESTS)
            }
            Found::Known(_) => false,
        };
        let verdict = if by_status {
            self.by_status(head, None, message).with_refused(false)
        } else {
            self.table.verdict(found.rule(), message, server_time(head))
        };
        verdict.with_code(code)
    }

    fn without_code(&self, head: &Parts, shape: Option<Shape>, text: &str) -> Classification {
        let by_text = self.table.pattern(None, text).or_else(|| {
            // 429 says it better than words: nothing was done.
            let unsaid = head.status != StatusCode::TOO_MANY_REQUESTS;
            unsaid.then(|| limit_in_text(text)).flatten()
        });
        match by_text {
            Some(rule) => self.table.verdict(rule, text, server_time(head)),
            None => self.by_status(head, shape, text),
        }
    }

    /// There is a code, and it cannot be read.
    fn unreadable(&self, head: &Parts, message: &str) -> Classification {
        if is_error(head.status) {
            return self.by_status(head, None, message).with_refused(false);
        }
        let verdict = Classification::new(Unknown).with_remedy(remedy::UNKNOWN_CODE);
        with_message(verdict, message)
    }

    fn by_status(&self, head: &Parts, shape: Option<Shape>, text: &str) -> Classification {
        let needs_code = self.table.api() != Api::OpenV2;
        let class = status::class(head, shape, text, needs_code);
        if class == Success {
            return Classification::new(Success);
        }
        let mut verdict =
            Classification::new(class).with_remedy(status::remedy(head.status, class));
        if class == RateLimited {
            verdict = verdict
                .with_refused(true)
                .with_throttle(throttle_by_status(self.table.api()));
        }
        // A file, or what looks like an answer, is nobody's message.
        if is_error(head.status) || shape == Some(Shape::Object) {
            verdict = with_message(verdict, text);
        }
        verdict
    }
}

impl Classify for TikTokClassify {
    type Scan = EnvelopeScan;

    #[inline]
    fn scan(&self, head: &Parts) -> Option<EnvelopeScan> {
        let has_body = head.status != StatusCode::RESET_CONTENT;
        has_body.then(|| EnvelopeScan::new(self.table.api()))
    }

    #[inline]
    fn closer_look(&self, context: &RequestContext) -> Option<u16> {
        self.partial.find(context.endpoint()?)
    }

    fn scan_closer(&self, look: u16, head: &Parts) -> Option<EnvelopeScan> {
        let scan = self.scan(head)?;
        let rule = self.partial.get(look);
        Some(match rule.and_then(|rule| Look::by(rule, &head.headers)) {
            Some(look) => scan.with_look(look),
            None => scan,
        })
    }

    #[inline]
    fn classify(&self, head: &Parts, scanned: Option<EnvelopeScan>) -> Classification {
        match scanned {
            Some(scan) if scan.begins_with_success() => Classification::new(Success),
            scanned => self.judge(head, scanned),
        }
    }
}

impl TikTokClassify {
    /// Apart from `classify`, which is inlined for the answers that nearly all
    /// are.
    fn judge(&self, head: &Parts, scanned: Option<EnvelopeScan>) -> Classification {
        let Some(scan) = scanned else {
            return with_ids(
                self.without_code(head, None, ""),
                head,
                &Envelope::default(),
            );
        };
        let Some(envelope) = scan.into_envelope() else {
            return Classification::new(Success);
        };
        let message = envelope.message.as_deref().unwrap_or_default();
        let verdict = match (&envelope.code, &envelope.failed) {
            (Some(Code::Read(code)), Some(failed)) if envelope.is_success() => {
                in_part(code, failed)
            }
            (Some(Code::Read(code)), _) => self.with_code(head, code.clone(), message),
            (Some(Code::Unreadable), _) => self.unreadable(head, message),
            (None, _) => {
                let text = envelope.text.as_deref().unwrap_or(message);
                self.without_code(head, Some(envelope.shape), text)
            }
        };
        with_ids(verdict, head, &envelope)
    }
}

/// The code says success, and the rest of the answer says what failed.
fn in_part(code: &ApiCode, failed: &PartialFailure) -> Classification {
    Classification::new(PartialSuccess)
        .with_code(code.clone())
        .with_message(failed.to_string())
        .with_remedy(remedy::PARTIAL)
}

fn with_message(verdict: Classification, message: &str) -> Classification {
    if message.is_empty() {
        return verdict;
    }
    verdict.with_message(message)
}

fn with_ids(mut verdict: Classification, head: &Parts, envelope: &Envelope) -> Classification {
    if verdict.class() == Success {
        return verdict;
    }
    if let Some(id) = &envelope.request_id {
        verdict = verdict.with_request_id(id.as_str());
    }
    let header = head.headers.get(LOG_ID).and_then(|id| id.to_str().ok());
    match header.or(envelope.log_id.as_deref()) {
        Some(id) if !id.is_empty() => verdict.with_log_id(id),
        _ => verdict,
    }
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The server's clock, for its midnight is what counts.
fn server_time(head: &Parts) -> SystemTime {
    head.headers
        .get(DATE)
        .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
        .unwrap_or_else(crate::wall_clock::now)
}
