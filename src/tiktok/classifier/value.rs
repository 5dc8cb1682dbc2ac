//! Reading single values of JSON.

use smol_str::SmolStr;

use crate::{classify::ApiCode, tiktok::codes::cut};

/// Messages and ids are kept up to so many bytes.
const MAX_TEXT: usize = 1024;

/// No code is longer than this.
const MAX_CODE: usize = 128;

/// A code: a whole number, or a string that holds one, or a word.
pub(super) fn code(raw: &[u8]) -> Option<ApiCode> {
    if raw.first() != Some(&b'"') {
        return number(std::str::from_utf8(raw).ok()?).map(ApiCode::Number);
    }
    let word = text(raw)?;
    let word = word.trim();
    match number(word) {
        Some(number) => Some(ApiCode::Number(number)),
        None if word.is_empty() || word.len() > MAX_CODE => None,
        None => Some(ApiCode::Text(word.into())),
    }
}

/// A whole number as JSON writes it; some languages write 40100.0. Nothing
/// else: what is odd must not pass for a zero.
fn number(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) => {
            let is_zero = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
            is_zero.then_some(whole)?
        }
        None => text,
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.len() > 1 && digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    whole.parse().ok()
}

/// A text of a JSON string, cut off where it is too long, or a number as it
/// is written. `None` for all else.
pub(super) fn text(raw: &[u8]) -> Option<SmolStr> {
    let Some(inner) = raw.strip_prefix(b"\"") else {
        let is_number = raw
            .first()
            .is_some_and(|&byte| byte == b'-' || byte.is_ascii_digit());
        return is_number.then(|| lossy(raw));
    };
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if inner.contains(&b'\\')
        && let Ok(text) = serde_json::from_slice::<String>(raw)
    {
        return Some(SmolStr::new(cut(&text, MAX_TEXT)));
    }
    // Broken escapes are shown as they are.
    Some(lossy(inner))
}

/// The beginning of a body, if it reads like a sentence. Markup and data are
/// nobody's message.
pub(super) fn plain_text(body: &[u8], max: usize) -> Option<SmolStr> {
    let body = body.trim_ascii();
    let text = body.utf8_chunks().next()?.valid();
    // A number alone is data; "401: the token has expired" is a sentence.
    let reads = is_text(body) && text.contains(|letter: char| letter.is_alphabetic());
    reads.then(|| SmolStr::new(cut(text, max)))
}

/// Whether a body that begins so may be [`plain_text`].
pub(super) fn is_text(body: &[u8]) -> bool {
    body.first()
        .is_some_and(|&byte| byte == b'"' || byte.is_ascii_alphanumeric())
}

fn lossy(bytes: &[u8]) -> SmolStr {
    match std::str::from_utf8(bytes) {
        Ok(text) => SmolStr::new(cut(text, MAX_TEXT)),
        Err(_) => SmolStr::new(cut(&String::from_utf8_lossy(bytes), MAX_TEXT)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_a_number_or_a_word() {
        for (raw, expected) in [
            ("40100", Some(ApiCode::Number(40_100))),
            ("-1", Some(ApiCode::Number(-1))),
            ("0", Some(ApiCode::Number(0))),
            (r#""40100""#, Some(ApiCode::Number(40_100))),
            (r#"" 40100 ""#, Some(ApiCode::Number(40_100))),
            ("40100.0", Some(ApiCode::Number(40_100))),
            (r#""ok""#, Some(ApiCode::Text("ok".into()))),
            // What is odd must not pass for a zero.
            ("1e-400", None),
            ("0e0", None),
            ("00", None),
            ("0.", None),
            ("-", None),
            (r#""00""#, Some(ApiCode::Text("00".into()))),
            ("0.00", Some(ApiCode::Number(0))),
            ("40100.5", None),
            ("1e400", None),
            ("99999999999999999999", None),
            (r#""""#, None),
            ("null", None),
            ("true", None),
            ("[40100]", None),
        ] {
            assert_eq!(code(raw.as_bytes()), expected, "{raw}");
        }
    }

    #[test]
    fn a_text_is_unescaped() {
        assert_eq!(text(br#""a \u00e9 \"b\"""#).unwrap(), "a \u{e9} \"b\"");
        assert_eq!(text(br#""OK""#).unwrap(), "OK");
        assert_eq!(text(b"17").unwrap(), "17");
        assert_eq!(text(b"null"), None);
        assert_eq!(text(b"{}"), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = format!("\"{}\"", "\u{e9}".repeat(2000));
        assert_eq!(text(long.as_bytes()).unwrap().len(), 1024);
        assert_eq!(plain_text("a\u{e9}".as_bytes(), 2).unwrap(), "a");
    }

    #[test]
    fn markup_and_data_are_no_message() {
        assert_eq!(plain_text(b"\nNot Found\n", 256).unwrap(), "Not Found");
        assert_eq!(plain_text(b"<html>502</html>", 256), None);
        assert_eq!(plain_text(b"[1]", 256), None);
        assert_eq!(plain_text(b"17", 256), None);
        assert_eq!(plain_text(b"401: gone", 256).unwrap(), "401: gone");
        assert_eq!(plain_text(b"", 256), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(raw: Vec<u8>) {
            let _ = (code(&raw), text(&raw), plain_text(&raw, 8));
        }

        #[test]
        fn every_number_is_read_as_it_is(number: i64) {
            prop_assert_eq!(code(number.to_string().as_bytes()), Some(ApiCode::Number(number)));
        }
    }
}
