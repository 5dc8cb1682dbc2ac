use std::ops::ControlFlow;

use http::{HeaderMap, header::CONTENT_TYPE};

use super::{draft::Wanted, form::FormFields, word::Word};
use crate::{
    body::JsonFields,
    classify::Scan,
    find_byte::find_any,
    tiktok::endpoints::{REQUEST_ID, TRANSFER_LEVEL},
};

/// Looks for the account in a request's body, and for a `request_id`.
#[derive(Debug)]
pub(super) enum BodyScan {
    Json(JsonScan),
    // Boxed: a form is seldom, and would be most of what a scan takes.
    Form(Box<FormFields>),
}

/// See [`BodyScan`].
#[derive(Debug)]
pub(super) struct JsonScan {
    fields: &'static [&'static str],
    found: Found,
    // Boxed, and made only for a body that does not begin with what is looked
    // for, as most do.
    json: Option<Box<JsonFields>>,
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
    #[inline]
    pub(super) fn new(headers: &HeaderMap, wanted: Wanted) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type.is_none_or(is_json) {
            return Some(Self::Json(JsonScan::new(wanted)));
        }
        let form = FormFields::new(content_type?, wanted.account_fields)?;
        Some(Self::Form(Box::new(form)))
    }

    /// The account, and the value by which the server knows a second copy.
    pub(super) fn into_found(self) -> (Option<Word>, Option<Word>) {
        match self {
            Self::Json(JsonScan { json, found, .. }) => {
                let is_complete = json.is_some_and(|json| json.is_complete());
                let counts = found.is_remembered && !found.is_doubtful && is_complete;
                (found.account, found.request_id.filter(|_| counts))
            }
            Self::Form(form) => (form.into_account(), None),
        }
    }
}

impl Scan for BodyScan {
    #[inline]
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
    #[inline]
    fn new(wanted: Wanted) -> Self {
        let fields = wanted.fields;
        Self {
            fields,
            found: Found {
                account: None,
                better: wanted.account_fields.len(),
                request_id: None,
                is_doubtful: false,
                is_remembered: fields.last() != Some(&TRANSFER_LEVEL),
            },
            json: None,
        }
    }

    #[inline]
    fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        if self.json.is_none()
            && let Some(best) = self.fields.first()
            && !self.fields.contains(&REQUEST_ID)
            && let Some(account) = first_text(piece, best).and_then(Word::from_bytes)
        {
            self.found.account = Some(account);
            return ControlFlow::Break(());
        }
        self.read(piece)
    }

    fn read(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let Self {
            fields,
            found,
            json,
        } = self;
        let json = json.get_or_insert_with(|| Box::new(JsonFields::new(fields).exact_case()));
        json.push(piece, |index, raw| {
            match fields[index] {
                REQUEST_ID => {
                    let id = Word::from_json_scalar(raw);
                    found.is_doubtful |= id.is_none() || found.request_id.is_some();
                    found.request_id = found.request_id.take().or(id);
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

/// The text of the field that a body begins with, if it is this one, and
/// written as most write it.
#[inline]
fn first_text<'a>(body: &'a [u8], field: &str) -> Option<&'a [u8]> {
    let rest = body
        .strip_prefix(br#"{""#)?
        .strip_prefix(field.as_bytes())?
        .strip_prefix(br#"":"#)?;
    let text = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let (text, end) = text.split_at(find_any(text, [b'"', b'\\'])?);
    end.starts_with(b"\"").then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: Wanted = Wanted {
        fields: &["advertiser_id", "bc_id"],
        account_fields: &["advertiser_id", "bc_id"],
    };

    fn account(see: impl FnOnce(&mut JsonScan) -> ControlFlow<()>) -> (bool, Option<String>) {
        let mut scan = JsonScan::new(WANTED);
        let enough = see(&mut scan).is_break();
        let account = scan.found.account;
        (enough, account.map(|word| word.as_str().to_owned()))
    }

    #[test]
    fn a_body_that_begins_with_its_account_is_not_read() {
        for (body, first) in [
            (r#"{"advertiser_id":"7001","x":1}"#, Some("7001")),
            (r#"{"advertiser_id": "7001""#, Some("7001")),
            (r#"{"advertiser_id":7001}"#, None),
            (r#"{"advertiser_id":"70\u003001"}"#, None),
            (r#"{"advertiser_id":"7001"#, None),
            (r#"{"advertiser_ids":"7001"}"#, None),
            (r#"{"bc_id":"1"}"#, None),
            ("", None),
        ] {
            let text = first_text(body.as_bytes(), "advertiser_id");
            assert_eq!(text, first.map(str::as_bytes), "{body}");
        }
    }

    proptest! {
        #[test]
        fn the_first_look_finds_what_reading_finds(
            body in r#"\{"(advertiser_id|bc_id)": ?("[a-z0-9 \\\u{e9}]{0,70}"|[0-9]{1,4}|\["1"\]),?("advertiser_id":"2"\})?"#,
        ) {
            let body = body.as_bytes();
            prop_assert_eq!(account(|scan| scan.push(body)), account(|scan| scan.read(body)));
        }
    }
}
