use std::ops::ControlFlow;

use http::{HeaderMap, header::CONTENT_TYPE};

use super::{draft::Wanted, form::FormFields, word::Word};
use crate::{
    body::JsonFields,
    classify::Scan,
    tiktok::endpoints::{REQUEST_ID, TRANSFER_LEVEL},
};

/// Looks for the account in a request's body, and for a `request_id`.
#[derive(Debug)]
pub(super) enum BodyScan {
    Json(JsonScan),
    Form(FormFields),
}

/// See [`BodyScan`].
#[derive(Debug)]
pub(super) struct JsonScan {
    json: JsonFields,
    fields: &'static [&'static str],
    found: Found,
}

#[derive(Debug)]
struct Found {
    account: Option<Word>,
    /// Only the fields before this one are better than the account found.
    better: usize,
    request_id: Option<Word>,
    /// A second one, or one that is no id: what the server makes of it is
    /// anybody's guess, so it does not count.
    is_doubtful: bool,
    /// A transfer is remembered only between Business Centers, and so only
    /// when the request says that it is one.
    is_remembered: bool,
}

// ===== impl BodyScan =====

impl BodyScan {
    /// What looks into a body with these headers. `None` if it is
    /// neither JSON nor a form.
    pub(super) fn new(headers: &HeaderMap, wanted: Wanted) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type.is_none_or(is_json) {
            return Some(Self::Json(JsonScan::new(wanted)));
        }
        FormFields::new(content_type?, wanted.account_fields).map(Self::Form)
    }

    pub(super) fn account(&self) -> Option<Word> {
        match self {
            Self::Json(json) => json.found.account,
            Self::Form(form) => form.account(),
        }
    }

    /// The value by which the server knows a second copy.
    pub(super) fn request_id(&self) -> Option<Word> {
        match self {
            Self::Json(json) if json.found.is_remembered && json.json.is_complete() => {
                json.found.request_id.filter(|_| !json.found.is_doubtful)
            }
            _ => None,
        }
    }
}

impl Scan for BodyScan {
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        match self {
            Self::Json(json) => json.push(piece),
            Self::Form(form) => form.push(piece),
        }
    }
}

/// `application/json`, `text/json`, `application/problem+json`, whatever the
/// parameters.
fn is_json(content_type: &[u8]) -> bool {
    // As most write it.
    if content_type == b"application/json" {
        return true;
    }
    let mut parts = content_type.split(|&byte| byte == b';');
    let essence = parts.next().unwrap_or_default().trim_ascii();
    let tail = &essence[essence.len().saturating_sub(4)..];
    tail.eq_ignore_ascii_case(b"json")
}

// ===== impl JsonScan =====

impl JsonScan {
    fn new(wanted: Wanted) -> Self {
        let fields = wanted.fields;
        Self {
            json: JsonFields::new(fields).exact_case(),
            fields,
            found: Found {
                account: None,
                better: wanted.account_fields.len(),
                request_id: None,
                is_doubtful: false,
                is_remembered: fields.last() != Some(&TRANSFER_LEVEL),
            },
        }
    }

    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let Self {
            json,
            fields,
            found,
        } = self;
        json.push(piece, |index, raw| {
            match fields[index] {
                REQUEST_ID => {
                    let id = Word::from_json_scalar(raw);
                    found.is_doubtful |= id.is_none() || found.request_id.is_some();
                    found.request_id = found.request_id.or(id);
                }
                TRANSFER_LEVEL => found.is_remembered = raw == b"\"BC\"",
                _ if index < found.better => {
                    if let Some(account) = Word::from_json(raw) {
                        found.account = Some(account);
                        found.better = index;
                    }
                }
                _ => {}
            }
            // Where a request id may come, it may come twice.
            match found.better == 0 && !fields.contains(&REQUEST_ID) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    }
}
