//! The part of RFC 9651 (structured fields) that the limit headers use: a
//! list of items with parameters. Lists within lists are refused.

use std::borrow::Cow;

/// A value that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bare<'a> {
    Integer(i64),
    String(Cow<'a, str>),
    /// A byte sequence, still in Base64.
    Bytes(&'a str),
    /// Well formed, of a type that no limit header uses.
    Other,
}

/// A value with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) value: Bare<'a>,
    parameters: Vec<(&'a str, Bare<'a>)>,
}

// ===== impl Item =====

impl<'a> Item<'a> {
    /// The parameter `key`. Of several with one key, the last counts.
    pub(super) fn get(&self, key: &str) -> Option<&Bare<'a>> {
        let mut parameters = self.parameters.iter().rev();
        parameters
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }
}

/// The items of one field line. `None` if any part of it is malformed.
pub(super) fn list(line: &str) -> Option<Vec<Item<'_>>> {
    let mut items = Vec::new();
    let mut rest = line.trim_matches(' ');
    if rest.is_empty() {
        return Some(items);
    }
    loop {
        let (item, after) = item(rest)?;
        items.push(item);
        rest = after.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some(items);
        }
        // Nothing after a comma fails in `item`, as it must.
        rest = rest.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    }
}

fn item(text: &str) -> Option<(Item<'_>, &str)> {
    let (value, mut rest) = bare(text)?;
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let (key, after) = key(after.trim_start_matches(' '))?;
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => bare(after)?,
            None => (Bare::Other, after),
        };
        parameters.push((key, value));
        rest = after;
    }
    Some((Item { value, parameters }, rest))
}

fn key(text: &str) -> Option<(&str, &str)> {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
        .then(|| {
            split(text, |b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b)
            })
        })
}

fn bare(text: &str) -> Option<(Bare<'_>, &str)> {
    match text.bytes().next()? {
        b'-' | b'0'..=b'9' => number(text),
        b'"' => string(&text[1..]),
        b':' => {
            let (bytes, rest) = split(&text[1..], |b| {
                b.is_ascii_alphanumeric() || b"+/=".contains(&b)
            });
            Some((Bare::Bytes(bytes), rest.strip_prefix(':')?))
        }
        b'?' => {
            let rest = text[1..].strip_prefix(['0', '1'])?;
            Some((Bare::Other, rest))
        }
        b'@' => match number(&text[1..])? {
            (Bare::Integer(_), rest) => Some((Bare::Other, rest)),
            _ => None,
        },
        b'%' => display_string(text[1..].strip_prefix('"')?),
        b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
            let (_, rest) = split(text, |b| {
                b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&b)
            });
            Some((Bare::Other, rest))
        }
        _ => None,
    }
}

/// At most 15 digits, or 12 and up to three behind a dot.
fn number(text: &str) -> Option<(Bare<'_>, &str)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (digits, rest) = split(unsigned, |b| b.is_ascii_digit());
    if let Some(rest) = rest.strip_prefix('.') {
        let (fraction, rest) = split(rest, |b| b.is_ascii_digit());
        let fits = (1..=12).contains(&digits.len()) && (1..=3).contains(&fraction.len());
        return fits.then_some((Bare::Other, rest));
    }
    if digits.len() > 15 {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some((Bare::Integer(if negative { -number } else { number }), rest))
}

fn string(text: &str) -> Option<(Bare<'_>, &str)> {
    let mut unescaped = Cow::Borrowed("");
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                if let Cow::Borrowed(_) = unescaped {
                    unescaped = Cow::Borrowed(&text[..at]);
                }
                return Some((Bare::String(unescaped), &text[at + 1..]));
            }
            b'\\' => {
                if let Cow::Borrowed(_) = unescaped {
                    unescaped = Cow::Owned(text[..at].to_owned());
                }
                let (_, escaped @ (b'"' | b'\\')) = bytes.next()? else {
                    return None;
                };
                unescaped.to_mut().push(char::from(escaped));
            }
            b' '..=b'~' => {
                if let Cow::Owned(owned) = &mut unescaped {
                    owned.push(char::from(byte));
                }
            }
            _ => return None,
        }
    }
    None
}

fn display_string(text: &str) -> Option<(Bare<'_>, &str)> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                std::str::from_utf8(&decoded).ok()?;
                return Some((Bare::Other, &text[at + 1..]));
            }
            b'%' => {
                let (high, low) = (hex(bytes.next()?.1)?, hex(bytes.next()?.1)?);
                decoded.push(high << 4 | low);
            }
            b' '..=b'~' => decoded.push(byte),
            _ => return None,
        }
    }
    None
}

/// The value of a digit. Capitals are not allowed here.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Splits where the first byte is not `part` of it. `part` accepts ASCII only.
fn split(text: &str, part: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !part(byte));
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(line: &str) -> Option<Vec<Bare<'_>>> {
        Some(list(line)?.into_iter().map(|item| item.value).collect())
    }

    #[test]
    fn items_keep_their_parameters() {
        let items = list(r#"  "burst";q=100;w=60 ,	"a\"b\\";q=1; pk=:cHsdsRa894==:;x  "#).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].value, Bare::String("burst".into()));
        assert_eq!(items[0].get("q"), Some(&Bare::Integer(100)));
        assert_eq!(items[0].get("w"), Some(&Bare::Integer(60)));
        assert_eq!(items[0].get("t"), None);
        assert_eq!(items[1].value, Bare::String(r#"a"b\"#.into()));
        assert_eq!(items[1].get("pk"), Some(&Bare::Bytes("cHsdsRa894==")));
        assert_eq!(items[1].get("x"), Some(&Bare::Other));
    }

    #[test]
    fn the_last_of_several_parameters_with_one_key_counts() {
        let items = list(r#""a";q=1;q=2"#).unwrap();
        assert_eq!(items[0].get("q"), Some(&Bare::Integer(2)));
    }

    #[test]
    fn every_type_is_known_to_be_skipped() {
        let line = r#"-7, 1.5, tok/en:*, *x, ?1, @-1659578233, %"f%c3%bc", :AQ==:, "", a;b=c"#;
        let found = values(line).unwrap();
        assert_eq!(found.len(), 10);
        assert_eq!(found[0], Bare::Integer(-7));
        assert_eq!(found[7], Bare::Bytes("AQ=="));
        assert_eq!(found[8], Bare::String("".into()));
    }

    #[test]
    fn a_comma_inside_a_string_ends_no_item() {
        assert_eq!(values(r#""a,b;c=1","d""#).unwrap().len(), 2);
    }

    #[test]
    fn an_empty_line_is_an_empty_list() {
        assert_eq!(list(""), Some(Vec::new()));
        assert_eq!(list("   "), Some(Vec::new()));
    }

    #[test]
    fn a_malformed_line_gives_nothing() {
        for line in [
            ",",
            "1,",
            ",1",
            "1,,2",
            "1 2",
            "1;",
            "1;=2",
            "1;Q=2",
            "1;q=",
            "1;q =2",
            "1 ;q=2",
            "-",
            "--1",
            "1.",
            "1.2345",
            "1234567890123.1",
            "1234567890123456",
            "1e3",
            "+1",
            "\"a",
            "a\"",
            r#""\a""#,
            r#""\"#,
            "\"\u{7f}\"",
            ":a",
            ":a b:",
            ":-:",
            "?2",
            "?",
            "@",
            "@1.5",
            "%a",
            r#"%"%C3""#,
            r#"%"%ff""#,
            r#"%"%f"#,
            "(1 2)",
            "()",
            "limit=100",
            "\u{e4}",
            "\t1",
        ] {
            assert_eq!(list(line), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(line in ".*") {
            let _ = list(&line);
        }

        #[test]
        fn nearly_a_list_is_read_without_a_panic(line in r#"[a-b01"\\;=,:?@%. \t*()-]{0,40}"#) {
            let _ = list(&line);
        }

        #[test]
        fn what_is_written_is_read(name in "[ -~]{0,20}", q in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("\"{escaped}\";q={q}, 1");
            let items = list(&line).unwrap();
            prop_assert_eq!(&items[0].value, &Bare::String(name.into()));
            prop_assert_eq!(items[0].get("q"), Some(&Bare::Integer(q)));
            prop_assert_eq!(items.len(), 2);
        }
    }
}
