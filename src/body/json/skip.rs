//! Where strings, scalars, arrays and objects end, without a look inside.

use crate::find_byte::find_any;

/// Inside a string.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    /// The last byte was a backslash.
    pending: bool,
    escaped: bool,
}

impl Text {
    /// The opening quote was seen.
    #[inline]
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Whether there was a backslash.
    #[inline]
    pub(super) fn is_escaped(self) -> bool {
        self.escaped
    }

    /// Where the string ends: after its closing quote. `None` if that is not
    /// among these bytes.
    #[inline]
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.pending && !bytes.is_empty() {
            self.pending = false;
            at = 1;
        }
        loop {
            at += quote_or_backslash(bytes.get(at..)?)?;
            if bytes[at] == b'"' {
                return Some(at + 1);
            }
            self.escaped = true;
            // The byte after the backslash may be in the next piece.
            self.pending = at + 1 == bytes.len();
            at += 2;
        }
    }
}

#[inline]
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let short = &bytes[..bytes.len().min(32)];
    match find_any(short, [b'\"', b'\\']) {
        None if short.len() < bytes.len() => in_long_text(bytes, short.len()),
        at => at,
    }
}

/// Looks at blocks as a whole, which compiles to vector instructions.
fn in_long_text(bytes: &[u8], mut at: usize) -> Option<usize> {
    for block in bytes[at..].as_chunks::<32>().0 {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
        if block.iter().fold(false, |any, byte| any | is_special(byte)) {
            break;
        }
        at += block.len();
    }
    Some(at + find_any(&bytes[at..], [b'\"', b'\\'])?)
}

/// Inside an array or object, at any depth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nested {
    depth: usize,
    text: Option<Text>,
}

impl Nested {
    /// The opening bracket or brace was seen.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.depth = 1;
    }

    /// Where it ends: after its closing bracket or brace. `None` if that is
    /// not among these bytes.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if let Some(text) = &mut self.text {
            at = text.end(bytes)?;
            self.text = None;
        }
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'"' => {
                    let mut text = Text::default();
                    match text.end(&bytes[at..]) {
                        Some(end) => at += end,
                        None => {
                            self.text = Some(text);
                            return None;
                        }
                    }
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Where a number, `true`, `false` or `null` ends.
#[inline]
pub(super) fn end_of_scalar(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(
        |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.'),
    )
}
