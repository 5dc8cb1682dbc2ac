use std::fmt;

use crate::{extensions::AccountId, find_byte::find_any};

/// The longest id or key. TikTok's have at most forty bytes.
const MAX: usize = 64;

/// An id or a key as a request writes it: printable ASCII, and short. Ids
/// exceed what a number can hold, so it is text wherever it comes from.
///
/// It is kept as an account is, for nearly all are one: in place, where it is
/// not longer than ids are.
#[derive(Clone)]
pub(super) struct Word(AccountId);

impl Word {
    /// From the bytes of a value that is written as it is.
    #[inline]
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut letters = Letters::new();
        letters.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        letters.len = bytes.len();
        letters.word()
    }

    /// From a value that is written as it is.
    #[inline]
    pub(super) fn from_plain(text: &str) -> Option<Self> {
        let fits = (1..=MAX).contains(&text.len());
        (fits && is_graphic(text.as_bytes())).then(|| Self(text.into()))
    }

    /// From the value of a query or form field. A list is JSON there too.
    pub(super) fn from_text(mut text: impl Iterator<Item = u8>) -> Option<Self> {
        let mut letters = Letters::new();
        match text.next()? {
            b'[' => return smallest(text),
            first => letters.push(first),
        }
        text.for_each(|byte| letters.push(byte));
        letters.word()
    }

    /// From a JSON value. Of a list, the smallest, so that the same accounts
    /// are one and the same in any order.
    pub(super) fn from_json(raw: &[u8]) -> Option<Self> {
        match raw.trim_ascii_start().split_first()? {
            (b'[', rest) => smallest(rest.iter().copied()),
            (_, _) => Self::from_json_scalar(raw),
        }
    }

    /// From a JSON string or a whole number alone.
    pub(super) fn from_json_scalar(raw: &[u8]) -> Option<Self> {
        match raw.trim_ascii().split_first()? {
            // The usual string has nothing in it that stands for another.
            (b'"', [text @ .., b'"']) if find_any(text, [b'\"', b'\\']).is_none() => {
                Self::from_bytes(text)
            }
            (b'"', rest) => string(&mut rest.iter().copied()),
            (first @ b'0'..=b'9', rest) => {
                let (word, end) = number(*first, &mut rest.iter().copied());
                word.filter(|_| end.is_none())
            }
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As numbers compare.
    fn is_before(&self, other: &Self) -> bool {
        (self.as_str().len(), self.as_str()) < (other.as_str().len(), other.as_str())
    }
}

impl From<Word> for AccountId {
    #[inline]
    fn from(word: Word) -> Self {
        word.0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Whether each byte is printable ASCII and no space.
#[inline]
fn is_graphic(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks();
    let words_are = words.iter().all(|word| {
        let word = u64::from_le_bytes(*word);
        // A byte below `!` borrows from its highest bit, and one above `~`
        // has it, or carries into it.
        let below = word.wrapping_sub(ONES * u64::from(b'!'));
        let above = word | word.wrapping_add(ONES);
        (below | above) & HIGH == 0
    });
    words_are && rest.iter().all(u8::is_ascii_graphic)
}

/// A word that is put together.
// Aligned, because that it is text is seen twice as fast then.
#[repr(align(8))]
struct Letters {
    bytes: [u8; MAX],
    /// Past `MAX` for what is no word.
    len: usize,
}

impl Letters {
    fn new() -> Self {
        Self {
            bytes: [0; MAX],
            len: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) if byte.is_ascii_graphic() => {
                *place = byte;
                self.len += 1;
            }
            _ => self.len = MAX + 1,
        }
    }

    fn word(&self) -> Option<Word> {
        // All of it, whose length is known.
        let text = str::from_utf8(&self.bytes).ok()?;
        Word::from_plain(text.get(..self.len)?)
    }
}

/// The smallest word of a JSON list, from behind its bracket on. None at all
/// if the list holds anything else, or is cut off.
fn smallest(mut text: impl Iterator<Item = u8>) -> Option<Word> {
    let mut best: Option<Word> = None;
    let mut next = text.next();
    loop {
        let (word, end) = match next? {
            b',' | b' ' | b'\t' | b'\r' | b'\n' => {
                next = text.next();
                continue;
            }
            b']' => return best,
            b'"' => (string(&mut text)?, text.next()),
            first @ b'0'..=b'9' => {
                let (word, end) = number(first, &mut text);
                (word?, end)
            }
            _ => return None,
        };
        if best.as_ref().is_none_or(|best| word.is_before(best)) {
            best = Some(word);
        }
        next = end;
    }
}

/// A JSON string, from behind its quote on.
fn string(text: &mut impl Iterator<Item = u8>) -> Option<Word> {
    let mut letters = Letters::new();
    loop {
        match text.next()? {
            b'"' => return letters.word(),
            b'\\' => letters.push(escaped(text)?),
            byte => letters.push(byte),
        }
    }
}

/// What stands behind a backslash. Only printable ASCII is of interest.
fn escaped(text: &mut impl Iterator<Item = u8>) -> Option<u8> {
    match text.next()? {
        b'u' => {
            let mut code = 0;
            for _ in 0..4 {
                code = code * 16 + char::from(text.next()?).to_digit(16)?;
            }
            u8::try_from(code).ok()
        }
        byte @ (b'"' | b'\\' | b'/') => Some(byte),
        _ => None,
    }
}

/// A whole number, and the byte behind it. `1.0` and `1e5` are none.
fn number(first: u8, text: &mut impl Iterator<Item = u8>) -> (Option<Word>, Option<u8>) {
    let mut letters = Letters::new();
    letters.push(first);
    for byte in text {
        match byte {
            b'0'..=b'9' => letters.push(byte),
            b',' | b']' | b' ' | b'\t' | b'\r' | b'\n' => return (letters.word(), Some(byte)),
            _ => return (None, Some(byte)),
        }
    }
    (letters.word(), None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(raw: &str) -> Option<String> {
        Word::from_json(raw.as_bytes()).map(|word| word.as_str().to_owned())
    }

    #[test]
    fn ids_are_strings_or_numbers_of_any_size() {
        for (raw, id) in [
            (r#""7001""#, "7001"),
            ("7001", "7001"),
            // More than 2^53, and more than 2^64.
            ("7289374650192837465", "7289374650192837465"),
            ("99999999999999999999999", "99999999999999999999999"),
            (r#""\u00370\/01""#, "70/01"),
            (r#" [ "7001" ] "#, "7001"),
            (r#"["902", 7001,"90001"]"#, "902"),
            ("[7001,902,90001]", "902"),
        ] {
            assert_eq!(json(raw).as_deref(), Some(id), "{raw}");
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        let long = format!("\"{}\"", "7".repeat(MAX + 1));
        for raw in [
            "",
            "null",
            "true",
            "{}",
            "[]",
            "\"\"",
            "-1",
            "1.5",
            "1e5",
            "[1,",
            "[\"1",
            "\"1",
            "[null]",
            "[1,{}]",
            "[[1]]",
            "\"a b\"",
            "\"é\"",
            r#""\n""#,
            r#""\u0000""#,
            r#""\u12"#,
            "1x",
            &long,
        ] {
            assert_eq!(json(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_word_or_none(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let words = [Word::from_json(&raw), Word::from_text(raw.iter().copied())];
            for word in words.into_iter().flatten() {
                prop_assert!((1..=MAX).contains(&word.as_str().len()));
            }
        }

        #[test]
        fn one_odd_byte_is_seen(mut bytes in proptest::collection::vec(b'!'..=b'~', 1..40), odd: u8, at: prop::sample::Index) {
            prop_assert!(is_graphic(&bytes));
            let at = at.index(bytes.len());
            bytes[at] = odd;
            prop_assert_eq!(is_graphic(&bytes), odd.is_ascii_graphic());
        }

        #[test]
        fn bytes_are_judged_one_by_one(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(is_graphic(&bytes), bytes.iter().all(u8::is_ascii_graphic));
        }

        #[test]
        fn the_order_of_a_list_does_not_matter(mut ids in proptest::collection::vec(any::<u64>(), 1..20)) {
            let smallest = ids.iter().min().map(u64::to_string);
            prop_assert_eq!(json(&format!("{ids:?}")), smallest.clone());
            ids.reverse();
            let texts: Vec<_> = ids.iter().map(u64::to_string).collect();
            prop_assert_eq!(json(&format!("{texts:?}")), smallest);
        }
    }
}
