use super::word::Word;
use crate::find_byte::find_any;

/// The account that a query names, under the first of `fields` that it has.
pub(super) fn account(query: &str, fields: &[&str]) -> Option<Word> {
    let mut best = None;
    let mut wanted = fields;
    let mut rest = query;
    while !wanted.is_empty() && !rest.is_empty() {
        let (name, mut behind) = split(rest, [b'=', b'&']);
        if let Some(value) = behind.strip_prefix('=') {
            let rank = wanted.iter().position(|field| is(name, field));
            let found;
            (found, behind) = match rank {
                Some(_) => word(value),
                None => (None, split(value, [b'&']).1),
            };
            if let (Some(rank), Some(word)) = (rank, found) {
                best = Some(word);
                wanted = &wanted[..rank];
            }
        }
        rest = behind.strip_prefix('&').unwrap_or_default();
    }
    best
}

/// What is before the first of some ASCII bytes, and the rest.
#[inline]
fn split<const N: usize>(text: &str, at: [u8; N]) -> (&str, &str) {
    text.split_at(find_any(text.as_bytes(), at).unwrap_or(text.len()))
}

#[inline]
fn is(name: &str, field: &str) -> bool {
    name == field
        || (name.len() > field.len()
            && name.contains('%')
            && Decoded(name.as_bytes()).eq(field.bytes()))
}

/// The word that a value is, and what is behind the value.
#[inline]
fn word(text: &str) -> (Option<Word>, &str) {
    let (plain, rest) = split(text, [b'&', b'%', b'+']);
    if (rest.is_empty() || rest.starts_with('&')) && !plain.starts_with('[') {
        return (Word::from_plain(plain), rest);
    }
    let (encoded, rest) = split(text, [b'&']);
    (Word::from_text(Decoded(encoded.as_bytes())), rest)
}

/// The name and the value of each parameter, as they are meant.
pub(in crate::tiktok) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value)))
}

fn decoded(text: &str) -> String {
    let bytes = Decoded(text.as_bytes()).collect();
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The bytes of a form-urlencoded text. A percent sign that encodes nothing
/// stands for itself.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match *self.0 {
            [] => return None,
            [b'+', ref rest @ ..] => (b' ', rest),
            [b'%', high, low, ref rest @ ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high * 16 + low, rest),
                _ => (b'%', &self.0[1..]),
            },
            [byte, ref rest @ ..] => (byte, rest),
        };
        self.0 = rest;
        Some(byte)
    }
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: &[&str] = &["advertiser_id", "advertiser_ids", "bc_id"];

    fn account(query: &str) -> Option<String> {
        super::account(query, FIELDS).map(|word| word.as_str().to_owned())
    }

    #[test]
    fn the_best_field_wins_wherever_it_stands() {
        for (query, id) in [
            ("advertiser_id=7001", Some("7001")),
            ("bc_id=1&page=2&advertiser_id=7001", Some("7001")),
            ("advertiser_id=7001&bc_id=1", Some("7001")),
            ("advertiser_id=7001&advertiser_id=7002", Some("7001")),
            ("advertiser_id=&bc_id=1", Some("1")),
            ("advertiser%5Fid=%37001", Some("7001")),
            (r#"advertiser_ids=["7001"]"#, Some("7001")),
            ("advertiser_ids=%5B%227001%22%2C+%22902%22%5D", Some("902")),
            ("advertiser_ids=[7001,902]&x", Some("902")),
            ("xadvertiser_id=1&advertiser_idx=2", None),
            ("advertiser_id", None),
            ("advertiser_id=70+01", None),
            ("filtering=%7B%22advertiser_id%22%3A1%7D", None),
            ("", None),
        ] {
            assert_eq!(account(query).as_deref(), id, "{query}");
        }
    }

    #[test]
    fn a_percent_sign_that_encodes_nothing_stands_for_itself() {
        for (text, decoded) in [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41+", "%A ")] {
            assert!(Decoded(text.as_bytes()).eq(decoded.bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_query_gives_an_id_or_none(query in "(advertiser_ids?|bc_id|[=&%+\\[\\]\",a-f0-9]|.){0,60}") {
            if let Some(id) = account(&query) {
                prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn percent_encoding_changes_nothing(id in "[!-Z^-~][!-~]{0,40}") {
            let encoded: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(account(&format!("a=b&advertiser_id={encoded}")), Some(id));
        }
    }
}
